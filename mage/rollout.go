package mage

import (
	"context"
	"os"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// rollout is what deploy and rollback share: open the environment, lock it,
// bring it to the release that make gives, report.
func rollout(ctx context.Context, env, what string, wait time.Duration, options deploy.Options,
	make func(context.Context, *session.Session) (*deploy.Release, error),
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	printer := show.NewPrinter(os.Stdout)
	defer printer.Close()
	s, err := session.Open(ctx, session.Options{Env: env, Emit: printer.Event})
	if err != nil {
		return err
	}
	defer s.Close()
	if !options.PlanOnly {
		if err := s.Lock(ctx, what, wait); err != nil {
			return err
		}
	}
	release, err := make(ctx, s)
	if err != nil {
		return err
	}
	report, err := s.Host.Rollout(ctx, release, options)
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
