package mage

import (
	"context"
	"os"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// command is a deploy or a rollback, as it was given.
type command struct {
	env string
	// what names it to whoever finds the deploy lock taken.
	what string
	// back is the version that a rollback goes to.
	back    string
	wait    time.Duration
	options deploy.Options
}

// rollout is what deploy and rollback share: open the environment, lock it,
// bring it to the release that make gives, report.
func rollout(ctx context.Context, c command, make func(context.Context, *session.Session) (*deploy.Release, error)) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	printer := show.NewPrinter(os.Stdout)
	defer printer.Close()
	s, err := session.Open(ctx, session.Options{Env: c.env, Emit: printer.Event})
	if err != nil {
		return err
	}
	defer s.Close()
	if !c.options.PlanOnly {
		if err := s.LockBack(ctx, c.what, c.back, c.wait); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, s.SayWhoAsked)()
	}
	release, err := make(ctx, s)
	if err != nil {
		return err
	}
	report, err := s.Host.Rollout(ctx, release, c.options)
	show.Report(os.Stdout, report)
	return err
}

// value gives what an optional flag points to; its zero value without.
func value[T any](flag *T) T {
	if flag == nil {
		var zero T
		return zero
	}
	return *flag
}
