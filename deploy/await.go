package deploy

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// The wait for health: probes start close together, because most containers
// are ready soon, and thin out, because those that are not take long.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
	successes  = 2
)

// await waits until each container passes its check twice in a row. One that
// ends, restarts or is killed ends the wait at once.
func (r *runner) await(ctx context.Context, step Step) error {
	service, ok := r.plan.To.Service(step.Service)
	if !ok {
		return fmt.Errorf("await %s: not in the release", step.Service)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var preparing sync.WaitGroup
	if service.Route != nil && r.before.Up && r.before.Current {
		// A name takes the proxy a quarter of a second to resolve, which may as
		// well pass while the application starts. What this cannot do, the
		// switch does, and says what is wrong.
		preparing.Go(func() { _ = r.prepare(ctx, step.Containers) })
	}
	err := r.each(step.Containers, func(name string) error { return r.awaitOne(ctx, service, name) })
	if err != nil {
		cancel()
	}
	preparing.Wait()
	return err
}

// prepare gives containers their places in the proxy, which get no requests
// yet. One call at a time.
func (r *runner) prepare(ctx context.Context, names []string) error {
	var containers []Container
	for _, name := range names {
		container, err := r.Engine.Inspect(ctx, name)
		if err != nil {
			return err
		}
		containers = append(containers, container)
	}
	select {
	case r.placing <- struct{}{}:
		defer func() { <-r.placing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return r.Proxy.Prepare(ctx, r.plan.To.Environment.Routes(), containers)
}

func (r *runner) awaitOne(ctx context.Context, service *Service, name string) error {
	budget := DefaultHealthBudget
	if service.Health != nil {
		budget = service.Health.Budget
	}
	began := time.Now()
	passed := 0
	for {
		container, err := r.Engine.Inspect(ctx, name)
		if err != nil {
			return fmt.Errorf("await %s: %w", name, err)
		}
		if !container.Running() || container.Restarts > 0 {
			return r.failed(ctx, service, container, nil)
		}
		// A tenth of what it took so far: readiness is seen soon after it
		// comes, however long that takes.
		pause := min(max(time.Since(began)/10, firstPause), lastPause)
		last := r.check(ctx, service, container)
		if last == nil {
			if passed++; passed >= successes {
				return nil
			}
			pause = firstPause // the second one follows soon
		} else {
			passed = 0
		}
		if time.Since(began) > budget {
			return r.failed(ctx, service, container, fmt.Errorf("not healthy within %s: %w", budget, last))
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// check asks a container once.
func (r *runner) check(ctx context.Context, service *Service, container Container) error {
	switch {
	case service.Kind == KindProxy:
		state, err := r.Proxy.Observe(ctx, r.plan.To.Environment.Routes())
		if err == nil && !state.Up {
			err = fmt.Errorf("the proxy does not answer on its socket")
		}
		return err
	case service.Health != nil:
		return r.Prober.Probe(ctx, HTTPCheck{
			URL:  "http://" + net.JoinHostPort(container.Address, strconv.Itoa(service.Health.Port)) + service.Health.Path,
			Host: service.Health.Host, Status: service.Health.Status, Timeout: service.Health.Timeout,
		})
	case len(service.HealthCommand) > 0:
		if container.Health == HealthHealthy {
			return nil
		}
		// The engine runs the same command, but only once an interval.
		ctx, cancel := context.WithTimeout(ctx, DefaultHealthTimeout)
		defer cancel()
		return r.Engine.Exec(ctx, container.Name, service.HealthCommand, &lineWriter{})
	case service.Route != nil:
		return r.Prober.Probe(ctx, HTTPCheck{
			URL:     "tcp://" + net.JoinHostPort(container.Address, strconv.Itoa(service.Route.Port)),
			Timeout: DefaultHealthTimeout,
		})
	default:
		if up := time.Since(container.Started); up < DefaultSettle {
			return fmt.Errorf("up for only %s", up.Round(time.Millisecond))
		}
		return nil
	}
}

// sleep waits, or returns why not.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
