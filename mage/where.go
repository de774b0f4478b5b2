package mage

import (
	"context"
	"fmt"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// carry has a rollout done where its environment runs: by the hosts, as there
// asks them, or on this machine.
func carry(ctx context.Context, env string, request agent.Rollout, there func(*laptop, context.Context, agent.Rollout) error) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := elsewhere(ctx, env)
	if err != nil {
		return err
	}
	if l == nil {
		return rollout(ctx, env, request)
	}
	defer l.Close()
	return there(l, ctx, request)
}

// onHost does something with an environment that runs on this machine. Where
// it runs on others, the command is typed there instead: its target and
// arguments.
func onHost(ctx context.Context, env string, typed []string, here func(context.Context, *session.Session) error) error {
	return onHostAsked(ctx, env, typed, func(string) error { return nil }, here)
}

// onHostAsked asks a person first, who sits at this machine; the command that
// is typed on a host does not ask again.
func onHostAsked(ctx context.Context, env string, typed []string, ask func(env string) error, here func(context.Context, *session.Session) error) error {
	return either(ctx, env, func(ctx context.Context, l *laptop) error {
		if err := ask(l.Name); err != nil {
			return err
		}
		return l.Stream(ctx, append(typed, "-env="+l.Name)...)
	}, func(ctx context.Context, s *session.Session) error {
		if err := ask(s.Name); err != nil {
			return err
		}
		return here(ctx, s)
	})
}

// either opens an environment where it runs, and does the one thing or the
// other: there, from a laptop, or here.
func either(ctx context.Context, env string, there func(context.Context, *laptop) error, here func(context.Context, *session.Session) error) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := elsewhere(ctx, env)
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
		return there(ctx, l)
	}
	s, err := session.Open(ctx, session.Options{Env: env})
	if err != nil {
		return err
	}
	defer s.Close()
	err = here(ctx, s)
	s.Ended(nil, err)
	return err
}

// flags appends flags by name and value to what was typed: those that are not
// set are left out.
func flags(typed []string, pairs ...any) []string {
	for at := 0; at < len(pairs); at += 2 {
		switch set := pairs[at+1].(type) {
		case bool:
			if set {
				typed = append(typed, "-"+pairs[at].(string))
			}
		case string:
			if set != "" {
				typed = append(typed, "-"+pairs[at].(string)+"="+set)
			}
		case int:
			if set != 0 {
				typed = append(typed, fmt.Sprintf("-%s=%d", pairs[at], set))
			}
		case time.Duration:
			if set != 0 {
				typed = append(typed, fmt.Sprintf("-%s=%s", pairs[at], set))
			}
		}
	}
	return typed
}

// value gives what an optional flag points to; its zero value without.
func value[T any](flag *T) T {
	if flag == nil {
		var zero T
		return zero
	}
	return *flag
}
