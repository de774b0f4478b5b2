package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// evidenceTimeout bounds reading the logs of a container that is going.
	evidenceTimeout = 10 * time.Second
	// drainPause is between two readings of what is still in flight.
	drainPause = 50 * time.Millisecond
	// leavingGrace is how much longer than the drain deadline the idle kept
	// connections are waited for that a reloaded proxy has left behind: each
	// may bring one more request. The proxy closes them sooner than this.
	leavingGrace = 20 * time.Second
	// evidenceLines is how much of a removed container's log is kept.
	evidenceLines = 2000
)

// configure writes the proxy's file, and makes a running proxy load it.
func (r *runner) configure(ctx context.Context, step Step) error {
	r.markSwitch(ctx)
	began := time.Now()
	if err := r.Proxy.Configure(ctx, r.plan.To.Environment.Routes(), step.Routing); err != nil {
		return fmt.Errorf("configure the proxy: %w", err)
	}
	took := time.Since(began)
	if !r.before.Up {
		took = 0 // nothing was switched: the proxy is yet to start
	}
	r.switchDone(took)
	return nil
}

// cutOver gives the new containers their places, then moves all new requests
// in one batch. Until it returns, old and new are both up.
func (r *runner) cutOver(ctx context.Context, step Step) error {
	var names []string
	for _, containers := range sortedRouting(step.Routing) {
		names = append(names, containers...)
	}
	if err := r.prepare(ctx, names); err != nil {
		return fmt.Errorf("prepare the proxy: %w", err)
	}
	r.markSwitch(ctx)
	took, err := r.Proxy.Switch(ctx, r.plan.To.Environment.Routes(), step.Routing)
	if err != nil {
		return fmt.Errorf("switch the proxy: %w", err)
	}
	r.switchDone(took)
	return nil
}

// markSwitch keeps the counters from just before a switch, which the watch
// measures from.
func (r *runner) markSwitch(ctx context.Context) {
	state, err := r.observeProxy(ctx)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.atSwitch = map[string]ServerCounters{}
	for _, server := range state.Servers {
		r.atSwitch[server.Container] = server.ServerCounters
	}
}

func (r *runner) switchDone(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.switched = time.Now()
	r.report.Switched = true
	r.report.Switch = max(r.report.Switch, took)
}

// observeProxy reads the proxy and remembers its counters, which vanish with
// the servers they belong to.
func (r *runner) observeProxy(ctx context.Context) (ProxyState, error) {
	state, err := r.Proxy.Observe(ctx, r.plan.To.Environment.Routes())
	if err != nil {
		return state, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, server := range state.Servers {
		if server.Container != "" {
			r.seen[server.Container] = server.ServerCounters
		}
	}
	return state, nil
}

// retire drains old containers and removes them, all at once.
func (r *runner) retire(ctx context.Context, step Step) error {
	return r.each(step.Containers, func(name string) error {
		if err := r.drain(ctx, step.Service, name); err != nil {
			return err
		}
		return r.remove(ctx, step.Service, name)
	})
}

// drain waits until nothing is in flight on a container, or until its drain
// deadline: what is open then is counted and ended.
func (r *runner) drain(ctx context.Context, service, name string) error {
	deadline := r.drainDeadline(service)
	for {
		state, err := r.observeProxy(ctx)
		if err != nil {
			return fmt.Errorf("drain %s: %w", name, err)
		}
		open, leaving, routed := 0, 0, false
		if r.wasRouted(service) {
			leaving = state.Leaving
		}
		for _, server := range state.Servers {
			if server.Container == name {
				open += server.InFlight
				routed = routed || server.State == ServerReady
			}
		}
		if routed {
			return fmt.Errorf("drain %s: the proxy still routes to it; it was left as it is", name)
		}
		if open == 0 && leaving == 0 {
			break
		}
		late := time.Since(deadline)
		if open == 0 && late > leavingGrace {
			break
		}
		if open > 0 && late >= 0 {
			r.mu.Lock()
			r.report.EndedAtDeadline += open
			r.mu.Unlock()
			r.note("%s: %d still open at the drain deadline and ended", name, open)
			break
		}
		if err := sleep(ctx, drainPause); err != nil {
			return err
		}
	}
	if err := r.Proxy.Release(ctx, []string{name}); err != nil {
		return fmt.Errorf("release %s's place in the proxy: %w", name, err)
	}
	return nil
}

// wasRouted says whether a service has or had a route: what a reloaded proxy
// has left behind may still bring it a request.
func (r *runner) wasRouted(service string) bool {
	return slices.ContainsFunc([]*Release{r.plan.To, r.plan.From, r.leaving}, func(release *Release) bool {
		found, ok := release.Service(service)
		return ok && found.Route != nil
	})
}

func (r *runner) drainDeadline(service string) time.Time {
	r.mu.Lock()
	from := r.switched
	r.mu.Unlock()
	if from.IsZero() {
		from = time.Now() // an interrupted command's drain begins anew
		r.mu.Lock()
		r.switched = from
		r.mu.Unlock()
	}
	drain := DefaultDrain
	for _, release := range []*Release{r.plan.To, r.plan.From, r.leaving} {
		if found, ok := release.Service(service); ok && found.Route != nil {
			drain = found.Route.Drain
			break
		}
	}
	return from.Add(drain)
}

// remove stops a container with its grace period, keeps its last lines and
// its inspection under its release, and removes it.
func (r *runner) remove(ctx context.Context, service, name string) error {
	return r.removeWithin(ctx, name, r.grace(service))
}

func (r *runner) removeWithin(ctx context.Context, name string, grace time.Duration) error {
	container, err := r.Engine.Inspect(ctx, name)
	if errors.Is(err, ErrNoContainer) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	if container.OneOff && container.Running() && !container.Expendable {
		if err := r.finish(ctx, name); err != nil {
			return err
		}
	} else if container.Running() || container.Status == StatusRestarting || container.Status == StatusPaused {
		if err := r.Store.MarkStopping(container); err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
		killed, err := r.Engine.Stop(ctx, name, grace)
		if err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
		if killed {
			r.note("%s did not stop within its grace period of %s and was killed", name, grace)
		}
	}
	r.keepEvidence(ctx, container)
	if err := r.Engine.Remove(ctx, name); err != nil && !errors.Is(err, ErrNoContainer) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	r.Store.forgetStopping(container)
	return nil
}

// finish waits for a command that an interrupted deploy left running. It is a
// migration that nobody can tell the half of: it is not stopped.
func (r *runner) finish(ctx context.Context, name string) error {
	r.note("%s still runs its command, for an interrupted deploy; waiting for its end", name)
	for {
		container, err := r.Engine.Inspect(ctx, name)
		if errors.Is(err, ErrNoContainer) || err == nil && !container.Running() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
		if err := sleep(ctx, lastPause); err != nil {
			return err
		}
	}
}

// keepEvidence saves what a container said. That it cannot be saved is noted;
// it is no reason to leave the container behind.
func (r *runner) keepEvidence(ctx context.Context, container Container) {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	evidence, err := r.Engine.Evidence(ctx, container.Name, evidenceLines)
	if err == nil {
		err = r.Store.KeepEvidence(r.releaseOf(container), container.Name, evidence)
	}
	if err != nil {
		r.note("the logs of %s were not kept: %v", container.Name, err)
	}
}

// releaseOf finds the release that a container belongs to by its hash.
func (r *runner) releaseOf(container Container) *Release {
	candidates := []*Release{r.plan.To, r.plan.From, r.leaving}
	at := slices.IndexFunc(candidates, func(release *Release) bool {
		service, ok := release.Service(container.Service)
		return ok && service.Hash == container.ConfigHash
	})
	if at < 0 {
		return r.plan.To
	}
	return candidates[at]
}

func (r *runner) grace(service string) time.Duration {
	for _, release := range []*Release{r.plan.From, r.plan.To, r.leaving} {
		if found, ok := release.Service(service); ok {
			return found.StopGrace
		}
	}
	return DefaultStopGrace
}
