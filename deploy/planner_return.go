package deploy

import (
	"slices"
	"time"
)

// NewReturn plans the way back from an adoption: what the release has started
// goes, the proxy first, and what was parked stands again, kept services
// first. It is pure, and may start anywhere between the two.
func NewReturn(state State, leaving *Release, parked []Snapshot) *Plan {
	p := &planner{state: state, want: leaving, retired: map[string]bool{}, plan: &Plan{
		Environment: leaving.Environment.Name, From: leaving, To: leaving,
		Heading: "back from " + leaving.String() + " to what stood before",
	}}
	r := &comeback{planner: p, absent: map[string][]Snapshot{}}
	r.compare(parked)
	r.finishStops()
	r.takeAway(func(c Container) bool { return c.OneOff }, "left behind")
	r.takeAway(func(c Container) bool { return r.kind(c) == KindSingleton }, "never two at once")
	// Workers that are in the way may take their grace period before the gap.
	r.takeAway(func(c Container) bool { return r.kind(c) == KindRolled && !r.publisher(c) && r.inTheWay(c) }, "what stood before takes its place")
	first := len(p.plan.Stages)
	r.takeAway(func(c Container) bool { return r.kind(c) == KindProxy }, "the ports go back")
	r.takeAway(func(c Container) bool { return r.kind(c) == KindKept || r.inTheWay(c) }, "what stood before takes its place")
	// At once, as behind a reboot of the host: the gap is as long as the longer.
	r.restore(func(s Snapshot) bool { return r.kind(s.Container) == KindKept || r.publisher(s.Container) }, "on the same ports and volumes")
	for at := first; at < len(p.plan.Stages); at++ {
		for step := range p.plan.Stages[at] {
			p.plan.Stages[at][step].Gap = true
			if r.kind(Container{Service: p.plan.Stages[at][step].Service}) == KindProxy {
				p.plan.Stages[at][step].Grace = proxyGrace
			}
		}
	}
	r.takeAway(func(Container) bool { return true }, "of the release that is left")
	r.restore(func(s Snapshot) bool { return r.kind(s.Container) != KindSingleton }, "stood there before")
	r.restore(func(Snapshot) bool { return true }, "stood there before")
	p.stage(Step{Action: ActionForget, Service: leaving.Version, Cause: "no release serves from here on"})
	r.interruptions()
	return p.plan
}

// proxyGrace is what open requests have left when the ports go back. All that
// time new ones are refused, and idle connections make it last.
const proxyGrace = time.Second

// comeback plans a way back from an adoption.
type comeback struct {
	*planner
	// ours is what goes, absent by service what is to stand again.
	ours   []Container
	absent map[string][]Snapshot
	// stopping stands but was told to stop.
	stopping []Container
	gap      []string
}

// compare finds what goes and what is missing.
func (r *comeback) compare(parked []Snapshot) {
	for _, c := range r.state.Containers {
		if !c.Foreign && (!c.OneOff || c.Ours) {
			r.ours = append(r.ours, c)
		}
	}
	for _, snapshot := range parked {
		at := slices.IndexFunc(r.state.Containers, snapshot.of)
		switch {
		case at < 0:
		case r.state.Containers[at].Stopping:
			r.stopping = append(r.stopping, r.state.Containers[at])
		case r.state.Containers[at].Running() || !snapshot.Container.Running():
			continue // it stands
		}
		r.absent[snapshot.Container.Service] = append(r.absent[snapshot.Container.Service], snapshot)
	}
}

// kind is a service's in the release that is left; rolled for those that it
// does not have.
func (r *comeback) kind(c Container) Kind {
	if service, ok := r.want.Service(c.Service); ok {
		return service.Kind
	}
	return KindRolled
}

func (r *comeback) publisher(c Container) bool {
	service, ok := r.want.Service(c.Service)
	return ok && service.Route != nil || c.publishes(proxyPorts(r.want))
}

// inTheWay says whether a container has a name that is to be had back.
func (r *comeback) inTheWay(c Container) bool {
	for _, snapshots := range r.absent {
		if slices.ContainsFunc(snapshots, func(s Snapshot) bool { return s.Container.Name == c.Name }) {
			return true
		}
	}
	return false
}

// finishStops sees the end of what was told to stop by a command that was
// killed: it would seem to run, and then be gone.
func (r *comeback) finishStops() {
	var steps Stage
	for _, c := range r.stopping {
		steps = append(steps, Step{Action: ActionPark, Service: c.Service, Containers: []string{c.Name}, Grace: parkGrace, Cause: "was told to stop"})
	}
	r.stage(steps...)
}

// takeAway clears those of ours that pass, service by service.
func (r *comeback) takeAway(pass func(Container) bool, cause string) {
	var steps Stage
	r.ours = slices.DeleteFunc(r.ours, func(c Container) bool {
		if !pass(c) {
			return false
		}
		if at := slices.IndexFunc(steps, func(s Step) bool { return s.Service == c.Service }); at >= 0 {
			steps[at].Containers = append(steps[at].Containers, c.Name)
		} else {
			steps = append(steps, Step{Action: ActionClear, Service: c.Service, Containers: []string{c.Name}, Cause: cause})
		}
		if kind := r.kind(c); c.Running() && (kind == KindProxy || kind == KindKept) {
			r.gap = append(r.gap, c.Service)
		}
		return true
	})
	r.stage(steps...)
}

// restore makes those that pass again, all at once.
func (r *comeback) restore(pass func(Snapshot) bool, cause string) {
	var steps Stage
	for _, service := range sortedKeys(r.absent) {
		var names []string
		r.absent[service] = slices.DeleteFunc(r.absent[service], func(s Snapshot) bool {
			if pass(s) {
				names = append(names, s.Container.Name)
				return true
			}
			return false
		})
		if len(names) > 0 {
			steps = append(steps, Step{Action: ActionRestore, Service: service, Containers: names, Cause: cause})
		}
	}
	r.stage(steps...)
}

// interruptions says who is interrupted by going back: what the proxy routes
// to, and kept services that change hands.
func (r *comeback) interruptions() {
	seconds := moveSeconds + int(parkGrace/time.Second)
	for _, service := range r.gap {
		if found, ok := r.want.Service(service); ok && found.Kind == KindProxy {
			for _, route := range r.want.Environment.Routes() {
				r.plan.Interruptions = append(r.plan.Interruptions, Interruption{Service: route.Service, Seconds: seconds, Cause: "its ports go back to what stood before"})
			}
			continue
		}
		r.plan.Interruptions = append(r.plan.Interruptions, Interruption{Service: service, Seconds: keptSeconds, Cause: "started anew on the same volumes"})
	}
}
