package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The actions that only an adoption has.
const (
	// ActionPark stops and removes a container that no deploy has made, so that
	// it can be had again: its inspection is kept and its volumes stay.
	ActionPark Action = "park"
	// ActionRestore makes parked containers again and starts them.
	ActionRestore Action = "restore"
	// ActionReach asks each route through the proxy until it answers.
	ActionReach Action = "reach"
	// ActionForget makes no release serve any more.
	ActionForget Action = "forget"
)

// What the parts of the gap take: the estimate that people are told.
const (
	// parkGrace bounds how long those that publish ports may take to stop:
	// all that time nobody has the ports.
	parkGrace = 4 * time.Second
	// moveSeconds is for parking them and for the proxy's start, and
	// keptSeconds for a database that is started anew in between.
	moveSeconds = 3
	keptSeconds = 3
)

// adoption plans how a release takes over what somebody else has started.
type adoption struct {
	*planner
	// old are by service what is to be parked, running or not.
	old map[string][]Container
	// anew says that a kept service is started that the new containers, found
	// running, were without.
	anew bool
}

// NewAdoption plans the way from a stack that no deploy has made to a release
// that keeps its project, volumes and data. It is pure, and a plan from the
// middle of an interrupted adoption leads to its end.
func NewAdoption(state State, want *Release) (*Plan, error) {
	p := &planner{state: state, want: want, plan: &Plan{
		Environment: want.Environment.Name, From: state.Serving, To: want, Overlap: OverlapWarm,
		Heading: "adoption of what stands there by " + want.String(),
	}}
	a := &adoption{planner: p, old: map[string][]Container{}}
	p.compare()
	a.divide()
	if err := a.memory(); err != nil {
		return nil, err
	}
	p.pulls()
	p.clear()
	a.parkStopped()
	a.startMissing()
	a.migrate(MigrateBefore)
	p.startAll()
	a.parkWorkers()
	a.move()
	p.verify()
	a.migrate(MigrateAfter)
	a.singletons()
	a.finish()
	return p.plan, nil
}

// divide takes what is to be parked out of what a deploy would retire.
func (a *adoption) divide() {
	for _, c := range a.changes {
		c.drop = slices.DeleteFunc(c.drop, func(container Container) bool {
			if container.Foreign {
				a.old[c.service.Name] = append(a.old[c.service.Name], container)
			}
			return container.Foreign
		})
		if c.cause != "" && a.state.Serving == nil {
			c.cause = "adoption"
		}
	}
	a.gone = slices.DeleteFunc(a.gone, func(container Container) bool {
		if container.Foreign {
			a.old[container.Service] = append(a.old[container.Service], container)
		}
		return container.Foreign
	})
}

// memory refuses what has no room beside the old containers.
func (a *adoption) memory() error {
	var need uint64
	for _, c := range a.rolled() {
		need += a.memoryOf(c) * count(c.add)
	}
	available := a.state.Memory.Available
	if need == 0 || available == 0 || available >= need+memoryReserve {
		return nil
	}
	return &Failure{
		Err:  fmt.Errorf("not enough memory: %s free, and the new containers need about %s beside the old ones", megabytes(available), megabytes(need)),
		Hint: "Nothing was touched. Free memory on the host first.",
	}
}

// take gives the old containers that pass, and forgets them.
func (a *adoption) take(pass func(Container) bool) []Container {
	var taken []Container
	for _, service := range sortedKeys(a.old) {
		a.old[service] = slices.DeleteFunc(a.old[service], func(container Container) bool {
			if pass(container) {
				taken = append(taken, container)
				return true
			}
			return false
		})
	}
	return taken
}

func (a *adoption) park(containers []Container, cause string, grace time.Duration) {
	a.stage(a.parks(containers, cause, grace)...)
}

// parks gives the steps that park containers, one for each service.
func (a *adoption) parks(containers []Container, cause string, grace time.Duration) Stage {
	var steps Stage
	for _, c := range containers {
		if at := len(steps) - 1; at >= 0 && steps[at].Service == c.Service {
			steps[at].Containers = append(steps[at].Containers, c.Name)
			continue
		}
		steps = append(steps, Step{Action: ActionPark, Service: c.Service, Containers: []string{c.Name}, Grace: grace, Cause: cause})
	}
	return steps
}

// parkStopped parks what does not run, of the services that are about to be
// created: the engine would start it again.
func (a *adoption) parkStopped() {
	a.park(a.take(func(c Container) bool {
		_, ok := a.want.Service(c.Service)
		return ok && leftover(c)
	}), "does not run", 0)
}

// startMissing starts the kept services that the old stack has not, or that an
// interrupted adoption has parked already.
func (a *adoption) startMissing() {
	starts, awaits := a.startKept(func(c *change) bool { return len(a.old[c.service.Name]) == 0 })
	a.stage(starts...)
	a.stage(awaits...)
	a.anew = len(starts) > 0 && slices.ContainsFunc(a.rolled(), func(c *change) bool { return len(c.keep) > 0 })
}

// startKept gives the steps that start kept services and await them, all side
// by side: as they start behind a reboot of the host.
func (a *adoption) startKept(pass func(*change) bool) (starts, awaits Stage) {
	for _, c := range a.changes {
		if c.service.Kind != KindKept || len(c.add) == 0 || !pass(c) {
			continue
		}
		step := Step{Action: ActionStart, Service: c.service.Name, Containers: c.add, Cause: c.cause}
		if len(c.drop) > 0 {
			step = a.replace(c)
		}
		starts = append(starts, step)
		awaits = append(awaits, Step{Action: ActionAwait, Service: c.service.Name, Containers: a.final(c), Cause: "depended upon"})
		c.keep, c.add, c.drop = append(c.keep, named(c.add)...), nil, nil
	}
	return starts, awaits
}

// named are containers of which a plan knows no more than their names.
func named(names []string) []Container {
	var containers []Container
	for _, name := range names {
		containers = append(containers, Container{Name: name, Status: StatusRunning})
	}
	return containers
}

// migrate follows the configured order: unlike before a first deploy, there
// are data and old code that works on them.
func (a *adoption) migrate(when MigrationOrder) {
	m := a.want.Environment.Migrations
	if m == nil || a.state.Serving != nil {
		return
	}
	order, cause := m.Order, "order: "+string(m.Order)
	if order == MigrateAuto {
		order, cause = MigrateBefore, "nothing is known of what stands there"
	}
	if order == when {
		a.stage(Step{Action: ActionMigrate, Service: m.Service, Cause: cause})
	}
}

// parkWorkers parks the old containers whose work the new ones have taken over
// already and that nobody sends requests: before the new release gets its
// first request, because an old worker throws a task away whose name it does
// not know, and before the database is started anew under them. They may take
// their whole grace period: there is no gap yet.
func (a *adoption) parkWorkers() {
	a.park(a.take(func(c Container) bool {
		service, ok := a.want.Service(c.Service)
		return ok && service.Kind == KindRolled && !a.publisher(c)
	}), "the new ones take the work from here on", 0)
}

// publisher says whether a container stands where the proxy is to stand.
func (a *adoption) publisher(c Container) bool {
	service, ok := a.want.Service(c.Service)
	switch {
	case ok && (service.Route != nil || service.Kind == KindProxy):
		return true
	case ok && service.Kind == KindKept:
		return false
	}
	return c.publishes(proxyPorts(a.want))
}

// move is the gap: those that publish ports go, and the proxy starts while
// kept services that are not as wanted are started anew on their volumes. The
// gap is as long as the longer of the two.
func (a *adoption) move() {
	publishers := a.take(a.publisher)
	kept := a.take(func(c Container) bool {
		service, ok := a.want.Service(c.Service)
		return ok && service.Kind == KindKept
	})
	start, await := a.proxyStart()
	first := len(a.plan.Stages)
	a.park(publishers, "its ports move to the proxy", parkGrace)
	a.stage(append(a.parks(kept, "configured otherwise; its volumes stay", 0), start...)...)
	starts, awaits := a.startKept(func(*change) bool { return true })
	a.stage(starts...)
	a.stage(append(awaits, await...)...)
	if len(starts) > 0 || a.anew {
		a.awaitAgain()
	}
	a.route(a.finalRouting())
	if a.state.Serving != nil {
		return
	}
	// Also where an interrupted adoption has come this far: nobody knows
	// whether it saw them answer.
	a.switched = true
	if routes := a.routed(); len(routes) > 0 {
		a.stage(Step{Action: ActionReach, Service: strings.Join(routes, ", "), Cause: "through the proxy: the end of the gap"})
	}
	for at := first; at < len(a.plan.Stages); at++ {
		for step := range a.plan.Stages[at] {
			a.plan.Stages[at][step].Gap = true
		}
	}
	a.interruptions(publishers, kept)
}

// proxyStart writes the file of a proxy that is yet to start, before the gap,
// and gives the steps of its start. One that stands already is routed as in
// any deploy.
func (a *adoption) proxyStart() (start, await Stage) {
	if a.want.Environment.Proxy() == nil {
		return nil, nil
	}
	proxy := a.proxyChange()
	if len(proxy.keep)+len(proxy.drop) > 0 {
		return nil, nil
	}
	name := proxy.service.Name
	a.stage(Step{Action: ActionConfigure, Service: name, Routing: a.finalRouting(), Cause: "the file stands before the proxy starts"})
	a.switched = true
	return Stage{{Action: ActionStart, Service: name, Containers: proxy.add, Cause: proxy.cause}},
		Stage{{Action: ActionAwait, Service: name, Containers: proxy.add, Cause: "it answers on its socket"}}
}

// awaitAgain sees the new containers well once more, behind a database that
// was started anew.
func (a *adoption) awaitAgain() {
	var awaits Stage
	for _, c := range a.rolled() {
		if c.service.Route != nil {
			awaits = append(awaits, Step{Action: ActionAwait, Service: c.service.Name, Containers: a.final(c), Cause: "once more: " + awaitCause(c.service)})
		}
	}
	a.stage(awaits...)
}

func (a *adoption) routed() []string {
	var names []string
	for _, route := range a.want.Environment.Routes() {
		names = append(names, route.Service)
	}
	return names
}

// interruptions says for how long who is interrupted: of what still runs.
func (a *adoption) interruptions(publishers, kept []Container) {
	seconds := moveSeconds
	if len(kept) > 0 {
		seconds += keptSeconds
	}
	note := func(containers []Container, seconds int, cause string) {
		var services []string
		for _, c := range containers {
			if c.Running() && !slices.Contains(services, c.Service) {
				services = append(services, c.Service)
				a.plan.Interruptions = append(a.plan.Interruptions, Interruption{Service: c.Service, Seconds: seconds, Cause: cause})
			}
		}
	}
	note(publishers, seconds, "its ports move to the proxy")
	note(kept, keptSeconds, "started anew on the same volumes")
}

// singletons parks the old ones, sees them gone, and starts the new ones.
func (a *adoption) singletons() {
	a.park(a.take(func(c Container) bool {
		service, ok := a.want.Service(c.Service)
		return ok && service.Kind == KindSingleton
	}), "never two at once", 0)
	a.planner.singletons()
}

// finish commits, and then parks what the release does not have: whoever is
// interrupted between the two goes forward.
func (a *adoption) finish() {
	if serving := a.state.Serving; serving == nil || string(serving.Rendered) != string(a.want.Rendered) || !a.state.InPlace {
		a.stage(Step{Action: ActionCommit, Service: a.want.Version, Cause: "the release that serves from here on"})
	}
	if a.state.Serving == nil {
		a.seed()
	}
	rest := a.take(func(Container) bool { return true })
	for _, c := range rest {
		if len(c.Published) > 0 && c.Running() {
			a.plan.Interruptions = append(a.plan.Interruptions, Interruption{
				Service: c.Service, Seconds: interruptionSeconds, Cause: "not in the Compose file, so it goes; its volumes stay",
			})
		}
	}
	a.park(rest, "not in the Compose file", 0)
	a.retire(a.rolled()...)
	a.retireGone()
}
