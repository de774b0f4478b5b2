package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// reachBudget is how long the routes may take to answer behind the proxy's
	// start, and reachPause between two requests.
	reachBudget = 30 * time.Second
	reachPause  = 50 * time.Millisecond
	// restoreBudget is how long what was restored may take to be well.
	restoreBudget = time.Minute
)

// gap measures how long the ports are nobody's. It is used by the ways of one
// command, there and back, one after the other.
type gap struct {
	// noted is told when it begins, and the zero time when it ends.
	noted func(began time.Time)
	// began is set while it lasts.
	began time.Time
	// within says that the way is in its part of the gap: before and behind
	// that, the ports stay as they are.
	within bool
	total  time.Duration
}

// at begins or ends the gap before a stage; nil is the end of the way.
func (g *gap) at(stage Stage) {
	switch {
	case g == nil:
	case len(stage) > 0 && stage[0].Gap:
		g.within = true
		if g.began.IsZero() {
			g.began = time.Now()
			g.noted(g.began)
		}
	case g.within:
		g.within = false
		g.total += time.Since(g.began)
		g.began = time.Time{}
		g.noted(g.began)
	}
}

// park keeps the inspections of containers that no deploy has made, stops them
// and removes them. Their volumes stay.
func (r *runner) park(ctx context.Context, step Step) error {
	return r.each(step.Containers, func(name string) error {
		container, err := r.Engine.Inspect(ctx, name)
		if errors.Is(err, ErrNoContainer) {
			return nil
		}
		if err == nil {
			err = r.keepSnapshot(ctx, container)
		}
		if err == nil {
			err = r.Store.MarkStopping(container)
		}
		if err != nil {
			return fmt.Errorf("park %s: %w", name, err)
		}
		grace := cmp.Or(container.StopGrace, DefaultStopGrace)
		if step.Grace > 0 {
			grace = min(grace, step.Grace)
		}
		killed, err := r.Parking.Park(ctx, name, grace)
		if err != nil {
			return fmt.Errorf("park %s: %w", name, err)
		}
		if killed {
			r.note("%s did not stop within %s and was killed", name, grace)
		}
		r.Store.forgetStopping(container)
		return nil
	})
}

// keepSnapshot keeps a container as it stands. One that an interrupted command
// has told to stop is kept already, as it stood before that.
func (r *runner) keepSnapshot(ctx context.Context, container Container) error {
	parked, err := r.Store.Snapshots()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(parked, func(s Snapshot) bool { return s.Container.ID == container.ID }) {
		return nil
	}
	snapshot, err := r.Parking.Snapshot(ctx, container.Name)
	if err != nil {
		return err
	}
	return r.Store.keepSnapshot(snapshot)
}

// restore makes parked containers again and waits until they are well. One
// that stands as before and is not well yet is noted: there is nothing more to
// go back to.
func (r *runner) restore(ctx context.Context, step Step) error {
	parked, err := r.Store.Snapshots()
	if err != nil {
		return err
	}
	return r.each(step.Containers, func(name string) error {
		at := slices.IndexFunc(parked, func(s Snapshot) bool { return s.Container.Name == name })
		if at < 0 {
			return fmt.Errorf("restore %s: its inspection is gone", name)
		}
		container, err := r.Parking.Restore(ctx, parked[at])
		if err != nil {
			return fmt.Errorf("restore %s: %w", name, err)
		}
		if !parked[at].Container.Running() {
			return nil
		}
		if err := r.well(ctx, container); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r.note("%s stands again and is not well yet: %v", name, err)
		}
		return nil
	})
}

// well waits until a container that is of no release passes its own health
// check or, without one, accepts connections on the port that it publishes.
func (r *runner) well(ctx context.Context, container Container) error {
	began, passed := time.Now(), 0
	for {
		found, err := r.Engine.Inspect(ctx, container.Name)
		if err != nil {
			return err
		}
		// One that restarts may have missed what it depends on, which starts
		// beside it.
		if !found.Running() && found.Status != StatusRestarting {
			return fmt.Errorf("it %s", cmp.Or(endCause(found), "is "+string(found.Status)))
		}
		if len(container.HealthCommand) == 0 && len(container.Published) == 0 {
			return nil
		}
		service := &Service{Name: container.Service, HealthCommand: container.HealthCommand}
		if len(container.HealthCommand) == 0 {
			service.Route = &Route{Port: container.Published[0].Target}
		}
		err = r.check(ctx, service, found)
		if err == nil {
			if passed++; passed == successes {
				return nil
			}
		} else {
			passed = 0
		}
		if time.Since(began) > restoreBudget {
			return fmt.Errorf("not within %s: %w", restoreBudget, err)
		}
		if err := sleep(ctx, firstPause); err != nil {
			return err
		}
	}
}

// reach asks each route's health path at the address that the proxy publishes
// until it answers as a user would want it to.
func (r *runner) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reachBudget, fmt.Errorf("no answer within %s", reachBudget))
	defer cancel()
	checks := probeChecks(r.plan.To.Environment)
	errs := make([]error, len(checks))
	var group sync.WaitGroup
	for at, check := range checks {
		group.Go(func() { errs[at] = r.reachOne(ctx, r.maintenance.with(check)) })
	}
	group.Wait()
	return joinFailures(errs)
}

func (r *runner) reachOne(ctx context.Context, check HTTPCheck) error {
	for {
		err := r.Prober.Probe(ctx, check)
		if err == nil {
			return nil
		}
		if waited := sleep(ctx, reachPause); waited != nil {
			return fmt.Errorf("reach %s through the proxy: %w: %w", check.URL, waited, err)
		}
	}
}
