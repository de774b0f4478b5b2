package deploy

import (
	"fmt"
	"slices"
)

// change is what one service needs.
type change struct {
	service *Service
	// keep are the containers that are as wanted, add the ones to start,
	// drop the ones to retire.
	keep, drop []Container
	add        []string
	cause      string
	// left says that there were containers that are not as wanted, or too many.
	left bool
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
		p.trim(c)
		c.left = len(c.drop) > 0
		missing := service.Replicas - len(c.keep)
		for number := range max(missing, 0) {
			c.add = append(c.add, p.replicaName(c, number+1))
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
	wanted := container.ConfigHash == service.Hash && !p.options.OnlyStood || p.options.Stood[container.ID]
	sound := container.Health != HealthUnhealthy || p.options.Before[container.ID]
	return !container.Stopping && !p.options.Renew.covers(service) && wanted && container.Running() && sound
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
func (p *planner) replicaName(c *change, nth int) string {
	service := c.service
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
		for _, container := range c.keep {
			highest = max(highest, container.Number)
		}
	}
	return fmt.Sprintf("%s-%s-%d", p.want.Environment.Project.Name, service.Name, highest+nth)
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
	case p.options.Renew.covers(c.service):
		return "restart"
	case !hadService:
		return "new service"
	case p.state.Serving.Images[c.service.Name].Digest != p.want.Images[c.service.Name].Digest:
		return "image changed"
	case old.Hash != c.service.Hash || !p.options.Back && p.renewed(c):
		return "configuration changed"
	case old.Replicas != c.service.Replicas:
		return fmt.Sprintf("replicas %d → %d", old.Replicas, c.service.Replicas)
	case len(c.add) > 0:
		return fmt.Sprintf("%d of %d replicas run", len(c.keep), c.service.Replicas)
	default:
		return "not part of the release"
	}
}

// leftover says whether a container of a rolled service does not run, or not
// for long.
func leftover(container Container) bool {
	return container.Stopping || !container.Running() && container.Status != StatusRestarting
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

// changed says whether a service is another than in the release that serves,
// whatever of it an interrupted command has started already.
func (p *planner) changed(name string) bool {
	service, _ := p.want.Service(name)
	old, ok := p.state.Serving.Service(name)
	return !ok || old.Hash != service.Hash || slices.ContainsFunc(p.changes, func(c *change) bool {
		return c.service.Name == name && p.renewed(c)
	})
}

// foreign says whether a container is not one of the release that serves.
func (p *planner) foreign(container Container) bool {
	service, ok := p.state.Serving.Service(container.Service)
	return !ok || service.Hash != container.ConfigHash
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
