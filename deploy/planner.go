package deploy

import (
	"maps"
	"slices"
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
	// Before are identifiers of containers that ran when the command began. A
	// health check that they fail now, perhaps for want of the time that the
	// failed release took, is no reason to replace what served until then.
	Before map[string]bool
	// OnlyStood leaves out all others, also those with the wanted hash.
	OnlyStood bool
	// Renew replaces containers that are as wanted, too.
	Renew Renewal
	// Recovering finishes what an interrupted command began: what a user may
	// stop it with had its say.
	Recovering bool
}

// Renewal is what a restart replaces.
type Renewal string

const (
	// RenewRolled is all that can be replaced without a gap, and schedulers.
	RenewRolled Renewal = "rolled"
	// RenewAll is databases and the proxy, too.
	RenewAll Renewal = "all"
)

// covers says whether the containers of a service are replaced.
func (r Renewal) covers(service *Service) bool {
	return r == RenewAll || r == RenewRolled && (service.Kind == KindRolled || service.Kind == KindSingleton)
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
	p.plan.Back = p.back()
	if err := p.chooseOverlap(); err != nil {
		return nil, err
	}
	p.pulls()
	p.clear()
	p.kept()
	if err := p.schema(); err != nil {
		return nil, err
	}
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
	// hooked says that the hooks before the switch are planned.
	hooked  bool
	retired map[string]bool
	// before and after are the pending migrations by their place.
	before, after []Migration
}

// stage appends steps that run side by side; none is no stage.
func (p *planner) stage(steps ...Step) {
	if len(steps) > 0 {
		p.plan.Stages = append(p.plan.Stages, steps)
	}
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

// together starts everything new, switches once, and leaves the old running.
func (p *planner) together() {
	p.startAll()
	p.beforeSwitch()
	p.quiet(p.rolled()...)
	p.route(p.finalRouting())
	p.resume()
	if p.plan.Overlap == OverlapBrief {
		p.retire(p.rolled()...)
	}
}
