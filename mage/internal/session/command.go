package session

import (
	"context"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Command is a deploy or a rollback, as it was given: here, or on a laptop.
type Command struct {
	// Env is the environment; empty takes the only one that is deployed here.
	Env string
	// What was typed, for whoever is told.
	What string
	// Who gives it; whoever runs this process where empty.
	Who     string
	Version string
	// Background is what the version was made of; nil where nobody said.
	Background *deploy.Background
	Options    deploy.Options
	// Adopt takes over what somebody else has started; Undo goes back to that.
	Adopt, Undo bool
	// Recover brings what an interrupted command left to a good state.
	Recover bool
	// Keychain has the registries' logins; nil takes this machine's own.
	Keychain authn.Keychain
	// Ask asks a person for a registry's login; nil where there is nobody.
	Ask func(registry string) (deploy.Login, error)
	// Lock is the deploy lock, which whoever carries out more than a plan has.
	Lock *deploy.Lock
	// Tells is called where somebody wants to be told what comes of it.
	Tells func()
}

// Carry carries a command out: open the environment, bring it to the release.
// emit is shown every event. The report is nil where it did not come to a
// rollout.
func Carry(ctx context.Context, c Command, emit func(deploy.Event)) (*deploy.Report, error) {
	s, err := Open(ctx, Options{Env: c.Env, Who: c.Who, Keychain: c.Keychain, Ask: c.Ask, Emit: emit})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if !c.Options.PlanOnly {
		if err := s.hold(c.Lock); err != nil {
			return nil, err
		}
	}
	start := s.announce(ctx, c)
	defer start.end()
	began := time.Now()
	report, err := s.carry(ctx, c)
	s.nameCommit(context.WithoutCancel(ctx), report, c.Background)
	if err != nil && !c.Options.PlanOnly {
		if report == nil || len(report.Steps) == 0 {
			s.refused(c.Version, err)
		}
		err = s.explain(ctx, deploy.LastFailure{Version: c.Version, Began: began, At: time.Now(), Text: err.Error()}, err)
	}
	return report, err
}

// nameCommit says in the report what the release was made of: its record may be
// pruned before anybody asks.
func (s *Session) nameCommit(ctx context.Context, report *deploy.Report, background *deploy.Background) {
	if report == nil || report.To == "" {
		return
	}
	if background != nil {
		report.Commit = background.Commit
	}
	release, err := s.Host.Store.Find(report.To)
	if err != nil || report.Commit != "" {
		return
	}
	if report.Commit = release.Commit(); report.Commit == "" {
		report.Commit, _ = s.commitOf(ctx, release) // what cannot be told is not known
	}
}

func (s *Session) carry(ctx context.Context, c Command) (*deploy.Report, error) {
	if c.Adopt || c.Undo {
		return s.adopt(ctx, c)
	}
	if c.Recover {
		return s.Host.Recover(ctx, c.Options)
	}
	if c.Options.Renew != "" {
		return s.Host.Restart(ctx, c.Options)
	}
	var release *deploy.Release
	var err error
	if c.Options.Rollback {
		release, err = s.Recorded(ctx, c.Version)
	} else {
		release, err = s.Release(ctx, c.Version, c.Background)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case c.Options.Rollback:
		s.warnChangedEnv(release)
		if err := s.obtainable(ctx, release); err != nil {
			return nil, err
		}
	case !c.Options.PlanOnly:
		var accepted []string
		if c.Options.AcceptDowntime {
			accepted = append(accepted, deploy.FindingWayBack)
		}
		if err := s.ready(ctx, release, accepted...); err != nil {
			return nil, err
		}
	}
	return s.Host.Rollout(ctx, release, c.Options)
}
