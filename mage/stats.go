package mage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/fleet"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
	"github.com/freezedesign/webshop-deploy/mage/internal/terminal"
)

// Stats shows live requests, errors, response times, CPU and memory.
func Stats(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	once *bool, // one look; also where no one sits at a terminal
	json *bool, // one JSON object a line and look
	interval *time.Duration, // how long a look takes; 1s by default
	host *string, // which of several hosts; the first by default
) error {
	every := time.Second
	if interval != nil {
		every = *interval
	}
	if every < shortestLook {
		return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("-interval=%s; allowed: %s or more", every, shortestLook)}
	}
	single := value(once) || !value(json) && !terminal.Is(os.Stdout)
	typed := flags([]string{"stats", "-json"}, "once", single, "interval", every)
	err := either(ctx, value(env), func(ctx context.Context, l *laptop) error {
		one, err := l.One(ctx, value(host))
		if err != nil {
			return err
		}
		return looks(value(json), single, func(each func(*session.Look) error) error {
			lines, out := io.Pipe()
			go func() {
				out.CloseWithError(one.Type(ctx, fleet.Typed{Args: append(typed, "-env="+l.Name), Out: out, ErrOut: os.Stderr}))
			}()
			return readLooks(lines, each)
		})
	}, func(ctx context.Context, s *session.Session) error {
		return looks(value(json), single, func(each func(*session.Look) error) error {
			return s.Stats(ctx, every, single, each)
		})
	})
	if errors.Is(err, context.Canceled) && !single {
		return nil // whoever looked has seen enough
	}
	return err
}

// shortestLook is as long as a container takes to be measured.
const shortestLook = 500 * time.Millisecond

// looks shows each look as it comes: as JSON, as one table, or in place of the
// one before.
func looks(asJSON, single bool, from func(each func(*session.Look) error) error) error {
	encoder, first := json.NewEncoder(os.Stdout), true
	return from(func(look *session.Look) error {
		if asJSON {
			return encoder.Encode(look)
		}
		var text bytes.Buffer
		show.Stats(&text, look)
		if single {
			_, err := os.Stdout.Write(text.Bytes())
			return err
		}
		defer func() { first = false }()
		fmt.Fprintln(&text, "\nCtrl-C ends it")
		return show.Redraw(os.Stdout, text.String(), terminal.SizeOf(os.Stdout).Height, first)
	})
}

// readLooks reads what another mage says with -json.
func readLooks(from *io.PipeReader, each func(*session.Look) error) error {
	defer from.Close()
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var look session.Look
		if err := json.Unmarshal(lines.Bytes(), &look); err != nil {
			return fmt.Errorf("read what the host says of itself: %w", err)
		}
		if err := each(&look); err != nil {
			return err
		}
	}
	return lines.Err()
}
