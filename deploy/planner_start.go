package deploy

import (
	"fmt"
	"slices"
	"time"
)

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
