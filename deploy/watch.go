package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// watchPause is between two looks at the new servers.
const watchPause = 250 * time.Millisecond

// slowdownFloor is the response time below which a slowdown is noise: three
// times one millisecond is nothing that anybody feels, and a process that has
// just started is slower for a moment.
const slowdownFloor = 500 * time.Millisecond

// verify asks each public endpoint and walks each flow until it answers as it
// must, or until its attempts are used up.
func (r *runner) verify(ctx context.Context) error {
	for _, check := range r.plan.To.Environment.Settings.Verify {
		flow := check.Flow()
		for at, step := range flow.Steps {
			if r.plan.To.Environment.passes(step.URL) {
				flow.Steps[at].HTTPCheck = r.maintenance.with(step.HTTPCheck)
			}
		}
		var err error
		for attempt := range check.Attempts {
			if attempt > 0 {
				if err := sleep(ctx, check.Interval); err != nil {
					return err
				}
			}
			if err = r.Prober.Walk(ctx, flow); err == nil {
				break
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if err != nil {
			return fmt.Errorf("verify %s: %d attempts failed, the last with: %w", check.label(), check.Attempts, err)
		}
	}
	return nil
}

// watch looks at the new servers for the monitor window: their 5xx ratio and
// response times against the old servers' from before the switch, whether a
// container ended, and, where too few requests came, the deployer's own.
func (r *runner) watch(ctx context.Context, window time.Duration) error {
	r.mu.Lock()
	until := r.switched.Add(window)
	probed := r.probe.stats()
	r.mu.Unlock()
	for {
		if err := r.watchContainers(ctx); err != nil {
			return err
		}
		state, err := r.observeProxy(ctx)
		if err != nil {
			return fmt.Errorf("watch the proxy: %w", err)
		}
		if !state.Up {
			// What fails meanwhile is not the release's fault, and neither are
			// counters that begin anew.
			if err := r.awaitProxy(ctx); err != nil {
				return err
			}
			probed = r.probe.stats()
			r.mu.Lock()
			r.atSwitch = nil
			r.mu.Unlock()
			continue
		}
		left := time.Until(until)
		if err := r.judge(state, probed, left <= 0); err != nil {
			return err
		}
		if left <= 0 {
			return r.afterwards(ctx)
		}
		if err := sleep(ctx, min(watchPause, left)); err != nil {
			return err
		}
	}
}

// afterwards looks at what the release itself has told of errors by the end of
// the watch.
func (r *runner) afterwards(ctx context.Context) error {
	if err := r.scanLogs(ctx); err != nil {
		return err
	}
	return r.askTracker(ctx)
}

const (
	// proxyPatience is how long a proxy that went away is waited for: its restart
	// policy brings it back with the file that it had.
	proxyPatience = 15 * time.Second
	proxyPause    = 50 * time.Millisecond
)

// awaitProxy waits for a proxy that went away to answer again.
func (r *runner) awaitProxy(ctx context.Context) error {
	r.note("the proxy does not answer: waiting up to %s for its restart", proxyPatience)
	began := time.Now()
	for {
		state, err := r.observeProxy(ctx)
		if err == nil && state.Up {
			r.note("the proxy answers again after %s", time.Since(began).Round(time.Millisecond))
			return nil
		}
		if time.Since(began) > proxyPatience {
			return errors.Join(fmt.Errorf("the proxy did not answer for %s", proxyPatience), err)
		}
		if err := sleep(ctx, proxyPause); err != nil {
			return err
		}
	}
}

// watchContainers fails when one that this plan started ended or restarted.
func (r *runner) watchContainers(ctx context.Context) error {
	for _, step := range r.plan.Steps() {
		if step.Action != ActionStart {
			continue
		}
		service, ok := r.plan.To.Service(step.Service)
		if !ok || service.Kind != KindRolled {
			continue
		}
		for _, name := range step.Containers {
			container, err := r.Engine.Inspect(ctx, name)
			if err != nil {
				return fmt.Errorf("watch %s: %w", name, err)
			}
			if !container.Running() || container.Restarts > 0 {
				return r.failed(ctx, service, container, nil)
			}
		}
	}
	return nil
}

// judge compares the new servers' figures with the lines in x-deploy.watch.
// Errors count at once; how fast it answers is judged at the end of the
// window, when the slow first answers weigh least.
func (r *runner) judge(state ProxyState, probed ProbeStats, end bool) error {
	lines := r.plan.To.Environment.Settings.Watch
	for _, route := range r.plan.To.Environment.Routes() {
		requests, failed, slowest := r.figures(state, route.Service)
		if requests < int64(max(lines.Requests, 1)) {
			continue
		}
		if ratio := float64(failed) / float64(requests); ratio > lines.ErrorRatio {
			return fmt.Errorf("watch %s: %.1f %% of %d requests answered 5xx, which crosses %.1f %% (x-deploy.watch.error_ratio)",
				route.Service, ratio*100, requests, lines.ErrorRatio*100)
		}
		before := r.responseBefore(route.Service)
		if !end || before == 0 {
			continue
		}
		limit := max(time.Duration(float64(before)*lines.Slowdown), slowdownFloor)
		if slowest > limit {
			return fmt.Errorf("watch %s: answers take %s on average, %s before the switch, which crosses %.1f times (x-deploy.watch.slowdown)",
				route.Service, slowest.Round(time.Millisecond), before.Round(time.Millisecond), lines.Slowdown)
		}
	}
	now := r.probe.stats()
	if failed := now.Failed - probed.Failed; failed >= probeFailures {
		return fmt.Errorf("watch: %d of the deployer's own %d requests failed, the last with: %s", failed, now.Sent-probed.Sent, now.Last)
	}
	return nil
}

// probeFailures is how many of the deployer's own requests must fail after
// the switch before they take a release back.
const probeFailures = 3

// figures sums what a service's new servers did since the switch.
func (r *runner) figures(state ProxyState, service string) (requests, failed int64, slowest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, server := range state.Servers {
		if server.Service != service || server.State != ServerReady {
			continue
		}
		before := r.atSwitch[server.Container]
		requests += server.Requests - before.Requests
		failed += server.Failed - before.Failed
		slowest = max(slowest, server.ResponseTime)
	}
	return requests, failed, slowest
}

// responseBefore is the mean response time of the servers that had a service's
// requests before the command began.
func (r *runner) responseBefore(service string) time.Duration {
	var slowest time.Duration
	routed := r.before.Routed(service)
	for _, server := range r.before.Servers {
		if server.Service == service && slices.Contains(routed, server.Container) {
			slowest = max(slowest, server.ResponseTime)
		}
	}
	return slowest
}

// responsesBefore are the response times of all services from before the switch.
func (r *runner) responsesBefore() map[string]time.Duration {
	before := map[string]time.Duration{}
	for _, route := range r.plan.To.Environment.Routes() {
		if took := r.responseBefore(route.Service); took > 0 && r.report.Switched {
			before[route.Service] = took
		}
	}
	return before
}
