package deploy

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
