package deploy

import "fmt"

// singletons stops what must never run twice, sees it gone, and starts it anew.
func (p *planner) singletons() {
	var stops, starts, awaits Stage
	for _, c := range p.changes {
		if c.service.Kind != KindSingleton {
			continue
		}
		awaits = append(awaits, p.awaitFound(c)...)
		if len(c.add)+len(c.drop) == 0 {
			continue
		}
		stop := Step{Action: ActionStop, Service: c.service.Name, Cause: "never two at once"}
		for _, container := range c.drop {
			stop.Containers = append(stop.Containers, container.Name)
		}
		if len(stop.Containers) > 0 {
			stops = append(stops, stop)
		}
		if len(c.add) > 0 {
			starts = append(starts, Step{Action: ActionStart, Service: c.service.Name, Containers: c.add, Cause: c.cause})
			awaits = append(awaits, Step{Action: ActionAwait, Service: c.service.Name, Containers: c.add, Cause: awaitCause(c.service)})
		}
	}
	p.stage(stops...)
	p.stage(starts...)
	p.stage(awaits...)
}

// finish commits, and then retires what is old: whoever is interrupted between
// the two goes forward, not back.
func (p *planner) finish() {
	serving := p.state.Serving
	if serving == nil || serving.ID != p.want.ID && string(serving.Rendered) != string(p.want.Rendered) || !p.state.InPlace {
		p.stage(Step{Action: ActionCommit, Service: p.want.Version, Cause: "the release that serves from here on"})
	}
	p.seed()
	p.retire(p.rolled()...)
	p.retireGone()
	p.afterSuccess()
	p.prune()
}

// prune ends a deploy that does something, and no way back.
func (p *planner) prune() {
	kept := p.state.Retention
	if kept == nil || p.back() || p.plan.Empty() || kept.Empty() {
		return
	}
	subject := kept.Versions()
	if subject == "" {
		subject = "images of releases that failed"
	}
	p.stage(Step{Action: ActionPrune, Service: subject, Cause: fmt.Sprintf("x-deploy.retain: %d", p.want.Environment.Settings.Retain)})
}

// seed imports sample data once the release serves: a failure is said, and is
// no reason to take the release back.
func (p *planner) seed() {
	seed := p.want.Environment.Settings.Seed
	if seed == nil || p.back() || !p.changed(seed.Service) {
		return
	}
	p.stage(Step{Action: ActionSeed, Service: seed.Service, Cause: "x-deploy.seed"})
}

// retire drains and removes a service's old containers, all of them at once.
func (p *planner) retire(changes ...*change) {
	var steps Stage
	for _, c := range changes {
		if step, ok := p.retireStep(c.service.Name, c.drop, c.cause); ok {
			steps = append(steps, step)
		}
	}
	p.stage(steps...)
}

func (p *planner) retireContainers(service string, containers []Container, cause string) {
	if step, ok := p.retireStep(service, containers, cause); ok {
		p.stage(step)
	}
}

func (p *planner) retireStep(service string, containers []Container, cause string) (Step, bool) {
	step := Step{Action: ActionRetire, Service: service, Cause: cause}
	for _, container := range containers {
		if !p.retired[container.Name] {
			p.retired[container.Name] = true
			step.Containers = append(step.Containers, container.Name)
		}
	}
	return step, len(step.Containers) > 0
}

// retireGone retires services that the release does not have.
func (p *planner) retireGone() {
	var steps Stage
	for _, container := range p.gone {
		if old, ok := p.state.Serving.Service(container.Service); ok && (old.Kind == KindKept || old.Kind == KindProxy) && container.Running() {
			p.plan.Interruptions = append(p.plan.Interruptions, Interruption{
				Service: container.Service, Seconds: interruptionSeconds,
				Cause: "not in the Compose file any more; its volumes stay",
			})
		}
		if step, ok := p.retireStep(container.Service, []Container{container}, "not in the Compose file any more"); ok {
			steps = append(steps, step)
		}
	}
	p.stage(steps...)
}
