package mage

import (
	"context"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Status shows what runs: release, replicas, health, proxy, memory.
func Status(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"status"}, func(ctx context.Context, s *session.Session) error {
		status, err := s.Status(ctx)
		if err != nil {
			return err
		}
		show.Status(os.Stdout, status)
		return nil
	})
}

// Logs prints a service's logs; all of its containers', each line named.
func Logs(ctx context.Context, service string,
	env *string, // the environment; the one that is deployed here by default
	follow *bool, // go on until Ctrl-C
	tail *int, // how many lines of each container; 100 by default
) error {
	lines := value(tail)
	if tail == nil {
		lines = 100
	}
	typed := []string{"logs", service, fmt.Sprintf("-follow=%t", value(follow)), fmt.Sprintf("-tail=%d", lines)}
	return onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		return s.Logs(ctx, service, engine.LogOptions{Follow: value(follow), Tail: lines}, os.Stdout)
	})
}
