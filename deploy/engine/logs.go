package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// LogOptions say which part of the logs is wanted.
type LogOptions struct {
	// Follow goes on until ctx ends, with containers that start meanwhile.
	Follow bool
	// Tail is how many lines of each container come first; 0 is all of them.
	Tail int
	// Since leaves out what is older; the zero time leaves out nothing.
	Since time.Time
	// Match leaves out lines without that text; empty leaves out none.
	Match string
}

// Logs copies the logs of a service's containers to out, of all services where
// service is empty: what there is, in the order of time, and with Follow what
// comes, also of containers that start only then. Each line stands behind its
// container's name, without control characters. When ctx ends while it follows,
// that is no error.
func (e *Engine) Logs(ctx context.Context, project, service string, options LogOptions, out io.Writer) error {
	follow := &follower{engine: e, options: options, out: &lineLog{out: out, match: options.Match}, known: map[string]*followed{}}
	var started <-chan events.Message
	var failed <-chan error
	if options.Follow { // asked for before listing, so that none slips through
		started, failed = e.docker.Events(ctx, events.ListOptions{Filters: startsOf(project, service)})
	}
	found, err := e.list(ctx, project, service)
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b container.Summary) int { return cmp.Compare(nameOf(a), nameOf(b)) })
	var all []*followed
	for _, one := range found {
		followed := follow.container(one.ID)
		followed.name = nameOf(one)
		follow.out.widen(followed.name)
		all = append(all, followed)
	}
	err = follow.past(ctx, all)
	if err == nil && options.Follow {
		err = follow.on(ctx, project, all, started, failed)
	}
	if options.Follow && ctx.Err() != nil {
		return nil //nolint:nilerr // whoever followed has seen enough
	}
	return err
}

func startsOf(project, service string) filters.Args {
	wanted := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionStart)), filters.Arg("label", api.ProjectLabel+"="+project))
	if service != "" {
		wanted.Add("label", api.ServiceLabel+"="+service)
	}
	return wanted
}

// follower copies the logs of many containers.
type follower struct {
	engine  *Engine
	options LogOptions
	out     *lineLog

	mu    sync.Mutex
	known map[string]*followed
}

// followed is one container whose log is copied. Every message of the engine's
// has a time stamp, by which a copy that ended is gone on with: nothing is lost
// between two, and nothing said twice.
type followed struct {
	id, name string
	// started is full when the container was started since it was looked at.
	started chan struct{}
	at      position
}

// container gives the one of that identifier, a new one where it is not known.
func (f *follower) container(id string) *followed {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, ok := f.known[id]
	if !ok {
		one = &followed{id: id, started: make(chan struct{}, 1)}
		f.known[id] = one
	}
	return one
}

// past copies what there is, the lines of all containers in the order of time.
func (f *follower) past(ctx context.Context, all []*followed) error {
	group, ctx := errgroup.WithContext(ctx)
	sources := make([]<-chan line, len(all))
	for at, one := range all {
		lines := make(chan line, 64)
		sources[at] = lines
		group.Go(func() error {
			defer close(lines)
			options := container.LogsOptions{Tail: "all"}
			if f.options.Tail > 0 {
				options.Tail = strconv.Itoa(f.options.Tail)
			}
			if !f.options.Since.IsZero() {
				options.Since = f.options.Since.Format(time.RFC3339Nano)
			}
			return f.copy(ctx, one, options, func(next line) error {
				select {
				case lines <- next:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
		})
	}
	written := merge(sources, f.out.write)
	if err := group.Wait(); err != nil {
		return err
	}
	return written
}

// on copies what comes, until ctx ends.
func (f *follower) on(ctx context.Context, project string, all []*followed, started <-chan events.Message, failed <-chan error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range all {
		group.Go(func() error { return f.follow(ctx, one) })
	}
	group.Go(func() error {
		for {
			select {
			case message := <-started:
				one := f.container(message.Actor.ID)
				if one.name == "" {
					one.name = message.Actor.Attributes["name"]
					f.out.widen(one.name)
					group.Go(func() error { return f.follow(ctx, one) })
				}
				select {
				case one.started <- struct{}{}:
				default:
				}
			case err := <-failed:
				return fmt.Errorf("follow the containers of %s: %w", project, err)
			}
		}
	})
	return group.Wait()
}

// follow copies one container's log through all its starts, until it is gone.
func (f *follower) follow(ctx context.Context, one *followed) error {
	for {
		err := f.copy(ctx, one, one.at.options(f.options.Since), f.out.write)
		if err != nil || ctx.Err() != nil {
			return err
		}
		container, err := f.engine.inspect(ctx, one.id)
		if errors.Is(err, deploy.ErrNoContainer) {
			return nil
		}
		if err != nil {
			return err
		}
		if container.State.Running {
			continue // it ended and was started again
		}
		select {
		case <-one.started:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// copy copies a part of one container's log, line by line; one that is gone has
// none.
func (f *follower) copy(ctx context.Context, one *followed, options container.LogsOptions, each func(line) error) error {
	inspected, err := f.engine.inspect(ctx, one.id)
	if err == nil {
		options.ShowStdout, options.ShowStderr, options.Timestamps = true, true, true
		err = f.engine.readLogs(ctx, inspected, options, one, each)
	}
	if errors.Is(err, deploy.ErrNoContainer) {
		return nil
	}
	return err
}
