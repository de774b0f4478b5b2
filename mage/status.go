package mage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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

// Logs prints the logs of a service, or of all, each line named.
// The service may be left out.
func Logs(ctx context.Context, service string,
	env *string, // the environment; the one that is deployed here by default
	follow *bool, // go on until Ctrl-C, also through deploys
	f *bool, // the same as -follow
	tail *int, // how many lines of each container; 100 by default, 0 for all
	since *time.Duration, // only what is no older: 10m
	grep *string, // only lines with that text
) error {
	lines := 100
	if tail != nil {
		lines = max(*tail, 0)
	} else if since != nil {
		lines = 0
	}
	options := engine.LogOptions{Follow: value(follow) || value(f), Tail: lines, Match: value(grep)}
	if since != nil {
		options.Since = time.Now().Add(-*since)
	}
	typed := append([]string{"logs", service}, fmt.Sprintf("-tail=%d", lines))
	typed = flags(typed, "follow", options.Follow, "since", value(since), "grep", options.Match)
	err := onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		return s.Logs(ctx, service, options, os.Stdout)
	})
	if options.Follow && errors.Is(err, context.Canceled) {
		return nil // whoever followed has seen enough
	}
	return err
}
