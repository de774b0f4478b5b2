package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
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
}

// Logs copies the logs of a service's containers to out, of all services where
// service is empty, each line behind its container's name. Without Follow one
// container's lines come after another's.
func (e *Engine) Logs(ctx context.Context, project, service string, options LogOptions, out io.Writer) error {
	follow := newFollower(e, options, out)
	group, ctx := errgroup.WithContext(ctx)
	if !options.Follow {
		group.SetLimit(1)
	}
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
	for _, one := range found {
		group.Go(func() error { return follow.copy(ctx, one.ID) })
	}
	if options.Follow {
		group.Go(func() error {
			for {
				select {
				case message := <-started:
					group.Go(func() error { return follow.copy(ctx, message.Actor.ID) })
				case err := <-failed:
					return fmt.Errorf("follow the containers of %s: %w", project, err)
				}
			}
		})
	}
	return group.Wait()
}

func startsOf(project, service string) filters.Args {
	wanted := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionStart)), filters.Arg("label", api.ProjectLabel+"="+project))
	if service != "" {
		wanted.Add("label", api.ServiceLabel+"="+service)
	}
	return wanted
}

// follower copies logs, each container's once at a time.
type follower struct {
	engine  *Engine
	options LogOptions
	out     io.Writer
	writing sync.Mutex
	copying sync.Map
	seen    sync.Map
}

func newFollower(engine *Engine, options LogOptions, out io.Writer) *follower {
	return &follower{engine: engine, options: options, out: out}
}

func (f *follower) copy(ctx context.Context, id string) error {
	if _, busy := f.copying.LoadOrStore(id, true); busy {
		return nil
	}
	defer f.copying.Delete(id)
	inspected, err := f.engine.inspect(ctx, id)
	if errors.Is(err, deploy.ErrNoContainer) {
		return nil
	}
	if err != nil {
		return err
	}
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: f.options.Follow}
	if f.options.Tail > 0 {
		options.Tail = strconv.Itoa(f.options.Tail)
	}
	if !f.options.Since.IsZero() {
		options.Since = f.options.Since.Format(time.RFC3339Nano)
	}
	if _, again := f.seen.LoadOrStore(id, true); again { // it was restarted
		options.Since = inspected.State.StartedAt
		options.Tail = ""
	}
	prefixed := &prefixer{follower: f, prefix: strings.TrimPrefix(inspected.Name, "/") + " | "}
	defer prefixed.flush()
	err = f.engine.copyLogs(ctx, inspected, options, prefixed)
	if errors.Is(err, deploy.ErrNoContainer) {
		return nil
	}
	return err
}

// prefixer writes whole lines, each behind a prefix.
type prefixer struct {
	follower *follower
	prefix   string
	open     []byte
}

func (p *prefixer) Write(content []byte) (int, error) {
	p.open = append(p.open, content...)
	for {
		line, rest, found := bytes.Cut(p.open, []byte("\n"))
		if !found {
			return len(content), nil
		}
		if err := p.line(line); err != nil {
			return 0, err
		}
		p.open = rest
	}
}

func (p *prefixer) line(line []byte) error {
	p.follower.writing.Lock()
	defer p.follower.writing.Unlock()
	_, err := fmt.Fprintf(p.follower.out, "%s%s\n", p.prefix, line)
	return err
}

func (p *prefixer) flush() {
	if len(p.open) > 0 {
		_ = p.line(p.open)
		p.open = nil
	}
}
