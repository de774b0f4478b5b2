package deploy

import (
	"maps"
	"slices"
)

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
	p.beforeSwitch()
	p.route(p.finalRouting())
	p.resume()
	p.retire(p.rolled()...)
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
		p.beforeSwitch()
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
