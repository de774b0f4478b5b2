package deploy

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// PlanOptions say what kind of way is planned.
type PlanOptions struct {
	// Back plans the way to a release that served before: no migrations, no
	// watch, and workers that may have been made quiet take work again.
	Back bool
	// Overlap forces how long old and new run side by side; empty lets the
	// host's memory decide.
	Overlap Overlap
	// Stood are identifiers of containers of the wanted release whatever their
	// hash: they served before the command, with the .env of their time.
	Stood map[string]bool
}

// What a container is taken to need where nothing is known of it, and what
// stays free on the host.
const (
	assumedMemory = 128 << 20
	memoryReserve = 64 << 20
	// interruptionSeconds is what stopping and starting a small container
	// takes; the stop grace of what is replaced comes on top when it is slow.
	interruptionSeconds = 3
)

// NewPlan plans the way from a state to a release. It is pure: the same state
// and release give the same plan.
func NewPlan(state State, want *Release, options PlanOptions) (*Plan, error) {
	p := &planner{state: state, want: want, options: options, plan: &Plan{
		Environment: want.Environment.Name, From: state.Serving, To: want,
	}}
	p.compare()
	if err := p.chooseOverlap(); err != nil {
		return nil, err
	}
	p.pulls()
	p.clear()
	p.kept()
	p.migrate(MigrateBefore)
	if p.plan.Overlap == OverlapSingle {
		p.oneAtATime()
	} else {
		p.together()
	}
	p.verify()
	p.migrate(MigrateAfter)
	p.singletons()
	p.finish()
	return p.plan, nil
}

// change is what one service needs.
type change struct {
	service *Service
	// keep are the containers that are as wanted, add the ones to start,
	// drop the ones to retire.
	keep, drop []Container
	add        []string
	cause      string
	// left says that there were containers that are not as wanted.
	left bool
}

type planner struct {
	state   State
	want    *Release
	options PlanOptions
	plan    *Plan
	// changes are by service, in start order.
	changes []*change
	// gone are the containers of services that the release does not have.
	gone     []Container
	switched bool
	retired  map[string]bool
}

// stage appends steps that run side by side; none is no stage.
func (p *planner) stage(steps ...Step) {
	if len(steps) > 0 {
		p.plan.Stages = append(p.plan.Stages, steps)
	}
}

// compare finds, service by service, what is as wanted and what is not.
func (p *planner) compare() {
	p.retired = map[string]bool{}
	for _, service := range p.want.Environment.Services {
		c := &change{service: service}
		for _, container := range p.state.Of(service.Name) {
			if p.asWanted(service, container) {
				c.keep = append(c.keep, container)
			} else {
				c.drop = append(c.drop, container)
			}
		}
		c.left = len(c.drop) > 0
		p.trim(c)
		missing := service.Replicas - len(c.keep)
		for number := range max(missing, 0) {
			c.add = append(c.add, p.replicaName(service, number+1))
		}
		c.cause = p.cause(c)
		p.changes = append(p.changes, c)
	}
	for _, container := range p.state.Containers {
		if _, ok := p.want.Environment.Service(container.Service); !ok && !container.OneOff {
			p.gone = append(p.gone, container)
		}
	}
}

func (p *planner) asWanted(service *Service, container Container) bool {
	wanted := container.ConfigHash == service.Hash || p.options.Stood[container.ID]
	return !container.Stopping && wanted && container.Running() && container.Health != HealthUnhealthy
}

// trim drops replicas beyond the wanted number, those that the proxy does not
// route to first, then the newest.
func (p *planner) trim(c *change) {
	routed := p.state.Proxy.Routed(c.service.Name)
	slices.SortStableFunc(c.keep, func(a, b Container) int {
		inA, inB := slices.Contains(routed, a.Name), slices.Contains(routed, b.Name)
		if inA != inB {
			if inA {
				return -1
			}
			return 1
		}
		return a.Number - b.Number
	})
	if surplus := c.service.Replicas; len(c.keep) > surplus {
		c.drop = append(c.drop, c.keep[surplus:]...)
		c.keep = c.keep[:surplus]
	}
}

// replicaName is the name that Compose will give to the nth new container: it
// numbers upwards from the highest there is.
func (p *planner) replicaName(service *Service, nth int) string {
	if name := p.want.Environment.Project.Services[service.Name].ContainerName; name != "" {
		return name
	}
	highest := 0
	for _, container := range p.state.Of(service.Name) {
		if !leftover(container) { // those are removed before
			highest = max(highest, container.Number)
		}
	}
	if service.Kind == KindSingleton || service.Kind == KindKept || service.Kind == KindProxy {
		highest = 0 // the old ones are removed before
		for _, container := range p.changeKeep(service) {
			highest = max(highest, container.Number)
		}
	}
	return fmt.Sprintf("%s-%s-%d", p.want.Environment.Project.Name, service.Name, highest+nth)
}

func (p *planner) changeKeep(service *Service) []Container {
	var keep []Container
	for _, container := range p.state.Of(service.Name) {
		if p.asWanted(service, container) {
			keep = append(keep, container)
		}
	}
	return keep
}

// cause says in the field's words why a service changes.
func (p *planner) cause(c *change) string {
	if len(c.add) == 0 && len(c.drop) == 0 {
		return ""
	}
	old, hadService := p.state.Serving.Service(c.service.Name)
	switch {
	case p.state.Serving == nil:
		return "first deploy"
	case !hadService:
		return "new service"
	case p.state.Serving.Images[c.service.Name].Digest != p.want.Images[c.service.Name].Digest:
		return "image changed"
	case old.Hash != c.service.Hash || !p.options.Back && len(c.add) > 0 && c.otherRuns():
		return "configuration changed"
	case old.Replicas != c.service.Replicas:
		return fmt.Sprintf("replicas %d → %d", old.Replicas, c.service.Replicas)
	case len(c.add) > 0:
		return fmt.Sprintf("%d of %d replicas run", len(c.keep), c.service.Replicas)
	default:
		return "not part of the release"
	}
}

// otherRuns says whether a container runs whose configuration is another: with
// a variable of .env changed, the record of the release does not tell.
func (c *change) otherRuns() bool {
	return slices.ContainsFunc(c.drop, func(container Container) bool {
		return container.Running() && container.ConfigHash != c.service.Hash
	})
}

func (p *planner) pulls() {
	var steps Stage
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.want.Images)) {
		image := p.want.Images[name]
		if p.state.Present[image.Pinned()] || seen[image.Pinned()] {
			continue
		}
		seen[image.Pinned()] = true
		steps = append(steps, Step{Action: ActionPull, Service: name, Image: &image, Cause: "not on this host"})
	}
	p.stage(steps...)
}

// leftover says whether a container of a rolled service does not run, or not
// for long.
func leftover(container Container) bool {
	return container.Stopping || !container.Running() && container.Status != StatusRestarting
}

// clear removes what an interrupted command left behind: its one-off
// containers, which may finish first, and stopped ones, which Compose would
// wake: with one left behind its next create starts it again.
func (p *planner) clear() {
	var names []string
	for _, container := range p.state.Containers {
		if container.OneOff && container.Ours {
			names = append(names, container.Name)
		}
	}
	for _, c := range p.changes {
		if c.service.Kind != KindRolled {
			continue
		}
		c.drop = slices.DeleteFunc(c.drop, func(container Container) bool {
			if !leftover(container) {
				return false
			}
			names = append(names, container.Name)
			return true
		})
	}
	if len(names) > 0 {
		slices.Sort(names)
		p.stage(Step{Action: ActionClear, Containers: names, Cause: "left behind"})
	}
}

// kept starts kept services that are missing and replaces those that changed,
// which interrupts.
func (p *planner) kept() {
	for _, level := range p.levels(func(c *change) bool { return c.service.Kind == KindKept }) {
		var starts, awaits Stage
		for _, c := range level {
			switch {
			case len(c.drop) > 0:
				starts = append(starts, p.replace(c))
			case len(c.add) > 0:
				starts = append(starts, Step{Action: ActionStart, Service: c.service.Name, Containers: c.add, Cause: c.cause})
			default:
				awaits = append(awaits, p.awaitFound(c)...)
				continue
			}
			awaits = append(awaits, Step{Action: ActionAwait, Service: c.service.Name, Containers: p.final(c), Cause: "depended upon"})
		}
		p.stage(starts...)
		p.stage(awaits...)
	}
}

// replace notes the interruption, unless nothing runs that could be
// interrupted.
func (p *planner) replace(c *change) Step {
	step := Step{Action: ActionReplace, Service: c.service.Name, Cause: c.cause, Expect: interruptionSeconds * time.Second}
	for _, container := range c.drop {
		step.Containers = append(step.Containers, container.Name)
		p.retired[container.Name] = true
	}
	if slices.ContainsFunc(c.drop, Container.Running) {
		owner := "owns a volume or a port of the host"
		if c.service.Kind == KindProxy {
			owner = "is the proxy"
		}
		p.plan.Interruptions = append(p.plan.Interruptions, Interruption{
			Service: c.service.Name, Seconds: interruptionSeconds, Cause: c.cause + ", and it " + owner,
		})
	}
	return step
}

// levels groups the services that pass into sets that can start together: one
// stands behind the services it depends on that are not running yet.
func (p *planner) levels(pass func(*change) bool) [][]*change {
	depth := map[string]int{}
	var levels [][]*change
	for _, c := range p.changes {
		if !pass(c) {
			continue
		}
		level := 0
		for _, name := range c.service.DependsOn {
			if above, ok := depth[name]; ok {
				level = max(level, above+1)
			}
		}
		if len(c.keep)+len(c.drop) == 0 {
			depth[c.service.Name] = level
		}
		for len(levels) <= level {
			levels = append(levels, nil)
		}
		levels[level] = append(levels[level], c)
	}
	return levels
}

// final are the names that a service has when the plan is done.
func (p *planner) final(c *change) []string {
	names := slices.Clone(c.add)
	for _, container := range c.keep {
		names = append(names, container.Name)
	}
	slices.Sort(names)
	return names
}

func (p *planner) migrate(when MigrationOrder) {
	m := p.want.Environment.Settings.Migrations
	if m == nil || p.back() {
		return
	}
	order, cause := m.Order, "order: "+string(m.Order)
	if p.state.Serving == nil {
		order, cause = MigrateBefore, "first deploy: all of them"
	}
	if order != when || !p.changed(m.Service) {
		return
	}
	p.stage(Step{Action: ActionMigrate, Service: m.Service, Cause: cause})
}

// changed says whether a service is another than in the release that serves,
// whatever of it an interrupted command has started already.
func (p *planner) changed(name string) bool {
	service, _ := p.want.Service(name)
	old, ok := p.state.Serving.Service(name)
	return !ok || old.Hash != service.Hash
}

// together starts everything new, switches once, and leaves the old running.
func (p *planner) together() {
	p.startAll()
	p.quiet(p.rolled()...)
	p.route(p.finalRouting())
	p.resume()
	if p.plan.Overlap == OverlapBrief {
		p.retire(p.rolled()...)
	}
}

// startAll starts new containers, all services side by side, each not more at
// a time than its parallelism, and awaits each batch.
func (p *planner) startAll() {
	var found Stage
	for _, c := range p.rolled() {
		found = append(found, p.awaitFound(c)...)
	}
	p.stage(found...)
	for _, level := range p.levels(func(c *change) bool { return c.service.Kind == KindRolled }) {
		for round := 0; ; round++ {
			var starts, awaits Stage
			for _, c := range level {
				if batch := batchOf(c, round); len(batch) > 0 {
					starts = append(starts, Step{Action: ActionStart, Service: c.service.Name, Containers: batch, Cause: c.cause})
					awaits = append(awaits, Step{Action: ActionAwait, Service: c.service.Name, Containers: batch, Cause: awaitCause(c.service)})
				}
			}
			if len(starts) == 0 {
				break
			}
			p.stage(starts...)
			p.stage(awaits...)
		}
	}
}

// awaitFound awaits containers that are as wanted but not known to be healthy:
// an interrupted command started them, and nobody saw them pass. Those that
// have or had requests passed before they got them, so that the way back to
// them is not held up.
func (p *planner) awaitFound(c *change) []Step {
	var names []string
	for _, container := range c.keep {
		if c.service.Route == nil && p.foreign(container) || c.service.Route != nil && !p.hadRequests(container) {
			names = append(names, container.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []Step{{Action: ActionAwait, Service: c.service.Name, Containers: names, Cause: "found running: " + awaitCause(c.service)}}
}

func (p *planner) hadRequests(container Container) bool {
	return slices.ContainsFunc(p.state.Proxy.Servers, func(s Server) bool {
		return s.Container == container.Name && (s.State == ServerReady || s.State == ServerDraining)
	})
}

// foreign says whether a container is not one of the release that serves.
func (p *planner) foreign(container Container) bool {
	service, ok := p.state.Serving.Service(container.Service)
	return !ok || service.Hash != container.ConfigHash
}

func batchOf(c *change, round int) []string {
	size := c.service.Parallelism
	if size <= 0 {
		size = max(len(c.add), 1)
	}
	from := min(round*size, len(c.add))
	return c.add[from:min(from+size, len(c.add))]
}

func awaitCause(service *Service) string {
	switch {
	case service.Health != nil:
		return service.Health.Path + " twice in a row"
	case len(service.HealthCommand) > 0:
		return "its health check twice in a row"
	case service.Route != nil:
		return fmt.Sprintf("port %d accepts twice in a row", service.Route.Port)
	default:
		return fmt.Sprintf("no health check: must stay up for %s", DefaultSettle)
	}
}

// oneAtATime replaces one service after the other, and within it as many
// containers at a time as its parallelism allows.
func (p *planner) oneAtATime() {
	routing := Routing{}
	for _, c := range p.rolled() {
		if c.service.Route != nil {
			routing[c.service.Name] = p.routedNow(c.service.Name)
		}
	}
	for _, c := range p.workersFirst() {
		p.replaceService(c, routing)
	}
	p.route(p.finalRouting())
	p.resume()
	p.retire(p.rolled()...)
}

// routedNow gives the containers of a service that get requests and will still
// be there when the leftovers are cleared.
func (p *planner) routedNow(service string) []string {
	return slices.DeleteFunc(p.state.Proxy.Routed(service), func(name string) bool {
		return !slices.ContainsFunc(p.state.Of(service), func(c Container) bool { return c.Name == name && !leftover(c) })
	})
}

// replaceService replaces one service, batch by batch; routing is what the
// proxy does before it and is brought to what it does after it.
func (p *planner) replaceService(c *change, routing Routing) {
	p.stage(p.awaitFound(c)...)
	drop, started := c.drop, 0
	for round := 0; started < len(c.add) || len(drop) > 0; round++ {
		batch := batchOf(c, round)
		started += len(batch)
		if len(batch) > 0 {
			p.stage(Step{Action: ActionStart, Service: c.service.Name, Containers: batch, Cause: c.cause})
			p.stage(Step{Action: ActionAwait, Service: c.service.Name, Containers: batch, Cause: awaitCause(c.service)})
		}
		leaving := drop[:min(len(batch), len(drop))]
		if started == len(c.add) {
			leaving = drop
		}
		drop = drop[len(leaving):]
		p.quietContainers(c, leaving)
		if c.service.Route != nil {
			routing[c.service.Name] = exchange(routing[c.service.Name], batch, leaving)
			if started == len(c.add) {
				routing[c.service.Name] = p.final(c)
			}
			p.route(maps.Clone(routing))
		}
		p.retireContainers(c.service.Name, leaving, c.cause)
	}
}

// workersFirst gives the services without a route before those with one: their
// new code must be there when the others' new code gets its first request.
func (p *planner) workersFirst() []*change {
	var workers, routed []*change
	for _, c := range p.rolled() {
		if c.service.Route == nil {
			workers = append(workers, c)
		} else {
			routed = append(routed, c)
		}
	}
	return append(workers, routed...)
}

func exchange(names, in []string, out []Container) []string {
	left := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(out, func(c Container) bool { return c.Name == name })
	})
	for _, name := range in {
		if !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

func (p *planner) rolled() []*change {
	var rolled []*change
	for _, c := range p.changes {
		if c.service.Kind == KindRolled {
			rolled = append(rolled, c)
		}
	}
	return rolled
}

// back says whether the way leads to a release that served before: told so, or
// seen by the release that serves being the one that is wanted.
func (p *planner) back() bool {
	return p.options.Back || p.state.Serving != nil && p.state.Serving.ID == p.want.ID
}

func (p *planner) quiet(changes ...*change) {
	for _, c := range changes {
		p.quietContainers(c, c.drop)
	}
}

// quietContainers makes leaving workers take no new work before the switch. On
// the way back it does not: only they know what the release that is left has
// queued.
func (p *planner) quietContainers(c *change, containers []Container) {
	if len(c.service.Quiet) == 0 || p.back() {
		return
	}
	step := Step{Action: ActionQuiet, Service: c.service.Name, Cause: "the new ones take the work from here on"}
	for _, container := range containers {
		if container.Running() && container.ConfigHash != c.service.Hash {
			step.Containers = append(step.Containers, container.Name)
		}
	}
	if len(step.Containers) > 0 {
		p.stage(step)
	}
}

// resume makes kept workers take work again on the way back: they may have
// been made quiet for the release that is being left.
func (p *planner) resume() {
	var steps Stage
	for _, c := range p.rolled() {
		if len(c.service.Resume) == 0 {
			continue
		}
		step := Step{Action: ActionResume, Service: c.service.Name, Cause: "may have been made quiet"}
		for _, container := range c.keep {
			if p.foreign(container) || p.back() && c.left {
				step.Containers = append(step.Containers, container.Name)
			}
		}
		if len(step.Containers) > 0 {
			steps = append(steps, step)
		}
	}
	p.stage(steps...)
}
