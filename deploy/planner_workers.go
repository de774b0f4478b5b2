package deploy

import "slices"

// back says whether the way leads to a release that served before: told so, or
// seen by the release that serves being the one that is wanted, and that with
// the configuration that it served with.
func (p *planner) back() bool {
	return p.options.Back || p.state.Serving != nil && p.state.Serving.ID == p.want.ID && !slices.ContainsFunc(p.changes, p.renewed)
}

// renewed says whether what a service lacks is another configuration of what
// runs: its containers have the wanted image, and another hash. In the release
// that serves that is a variable of .env that was changed.
func (p *planner) renewed(c *change) bool {
	image, ok := p.want.Images[c.service.Name]
	return ok && len(c.add) > 0 && slices.ContainsFunc(c.drop, func(container Container) bool {
		return container.Running() && container.ConfigHash != c.service.Hash && container.Image == image.Pinned()
	})
}

func (p *planner) quiet(changes ...*change) {
	for _, c := range changes {
		p.quietContainers(c, c.drop)
	}
}

// quietContainers makes leaving workers take no new work before the switch. On
// the way back only those do that are older than what is gone back to, as behind
// a rollback that failed: the others alone know what the release that is left
// has queued.
func (p *planner) quietContainers(c *change, containers []Container) {
	if len(c.service.Quiet) == 0 {
		return
	}
	step := Step{Action: ActionQuiet, Service: c.service.Name, Cause: "the new ones take the work from here on"}
	for _, container := range containers {
		stays := p.back() && !p.state.Older[container.ID]
		if container.Running() && container.ConfigHash != c.service.Hash && !stays {
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
