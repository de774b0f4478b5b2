package mage

import (
	"context"
	"errors"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/mage/internal/fleet"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/terminal"
)

// Exec runs a command in a container of the release that serves.
// It ends with the command's own exit status, and with 130 behind a Ctrl-C.
func Exec(ctx context.Context, service, command string,
	env *string, // the environment; the one that is deployed here by default
	replica *int, // which of its containers; 1 is the first
	shell *bool, // leave the command to a shell in the container
	host *string, // which of several hosts; the first by default
) error {
	words, err := session.Words(command, value(shell))
	if err != nil {
		return err
	}
	typed := flags([]string{"exec", service, command}, "replica", value(replica), "shell", value(shell))
	return asItself(either(ctx, value(env), func(ctx context.Context, l *laptop) error {
		one, err := l.One(ctx, value(host))
		if err != nil {
			return err
		}
		return attached(ctx, func(to engine.Attachment) error {
			return one.Type(ctx, fleet.Typed{
				Args: append(typed, "-env="+l.Name), In: to.Stdin, Out: to.Stdout, ErrOut: to.Stderr,
				Terminal: (*remote.Terminal)(to.Terminal),
			})
		})
	}, func(ctx context.Context, s *session.Session) error {
		return attached(ctx, func(to engine.Attachment) error {
			return s.Exec(ctx, service, words, value(replica), to)
		})
	}))
}

// attached gives this process's streams to a command, and its terminal where
// both ends are one: raw meanwhile, so that Ctrl-C and the like go to the
// command.
func attached(ctx context.Context, do func(engine.Attachment) error) error {
	to := engine.Attachment{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if !terminal.Is(os.Stdin) || !terminal.Is(os.Stdout) {
		return do(to)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	to.Terminal = &engine.Terminal{
		Kind: os.Getenv("TERM"), Size: terminal.SizeOf(os.Stdout), Resized: terminal.Resized(ctx, os.Stdout),
	}
	back, err := terminal.Raw(os.Stdin)
	if err != nil {
		return err
	}
	defer back()
	return do(to)
}

// asItself ends with a command's own status, and without another word than it
// had, as if it had been typed by itself.
func asItself(err error) error {
	if exit, ok := errors.AsType[*engine.ExitError](err); ok {
		os.Exit(exit.Code)
	}
	if exit, ok := errors.AsType[*remote.ExitError](err); ok {
		os.Exit(exit.Status)
	}
	if errors.Is(err, context.Canceled) {
		os.Exit(interrupted)
	}
	return err
}

// interrupted is the status of what SIGINT ended, as a shell has it.
const interrupted = 130
