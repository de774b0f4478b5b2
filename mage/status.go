package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Status shows what runs: release, replicas, health, proxy, memory.
func Status(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	s, err := session.Open(ctx, session.Options{Env: value(env)})
	if err != nil {
		return err
	}
	defer s.Close()
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	show.Status(os.Stdout, status)
	return nil
}

// Logs prints a service's logs; all of its containers', each line named.
func Logs(ctx context.Context, service string,
	env *string, // the environment; the one that is deployed here by default
	follow *bool, // go on until Ctrl-C
	tail *int, // how many lines of each container; 100 by default
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	s, err := session.Open(ctx, session.Options{Env: value(env)})
	if err != nil {
		return err
	}
	defer s.Close()
	lines := value(tail)
	if tail == nil {
		lines = 100
	}
	return s.Logs(ctx, service, engine.LogOptions{Follow: value(follow), Tail: lines}, os.Stdout)
}
