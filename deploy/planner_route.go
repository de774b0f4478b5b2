package deploy

import (
	"fmt"
	"slices"
)

// finalRouting is what the proxy does when the plan is done.
func (p *planner) finalRouting() Routing {
	routing := Routing{}
	for _, c := range p.changes {
		if c.service.Route != nil {
			routing[c.service.Name] = p.final(c)
		}
	}
	return routing
}

// route plans one cut-over to the routing: a batch of runtime commands where
// the running proxy knows the routes, a reload where it does not, its start
// where none runs.
func (p *planner) route(routing Routing) {
	if p.want.Environment.Proxy() == nil {
		return
	}
	proxy := p.proxyChange()
	switch {
	case !p.switched && len(proxy.keep) == 0:
		p.startProxy(proxy, routing)
	case !p.switched && !p.state.Proxy.Up:
		proxy.drop, proxy.keep = proxy.keep, nil
		proxy.add = []string{proxy.drop[0].Name}
		proxy.cause = "does not answer on its socket"
		p.startProxy(proxy, routing)
	case !p.switched && !p.state.Proxy.Current:
		p.stage(Step{Action: ActionConfigure, Service: proxy.service.Name, Routing: routing, Cause: "routes changed"})
	case !p.switched && p.routes(routing):
		return
	default:
		if p.switched && p.alreadyPlanned(routing) {
			return
		}
		p.stage(Step{Action: ActionSwitch, Service: proxy.service.Name, Routing: routing, Cause: "all new requests at once"})
	}
	p.switched = true
}

func (p *planner) startProxy(proxy *change, routing Routing) {
	p.stage(Step{Action: ActionConfigure, Service: proxy.service.Name, Routing: routing, Cause: "the file stands before the proxy starts"})
	if len(proxy.drop) > 0 {
		p.stage(p.replace(proxy))
	} else {
		p.stage(Step{Action: ActionStart, Service: proxy.service.Name, Containers: proxy.add, Cause: proxy.cause})
	}
	p.stage(Step{Action: ActionAwait, Service: proxy.service.Name, Containers: p.final(proxy), Cause: "it answers on its socket"})
}

func (p *planner) proxyChange() *change {
	at := slices.IndexFunc(p.changes, func(c *change) bool { return c.service.Kind == KindProxy })
	return p.changes[at]
}

// routes says whether the proxy does already what the routing says.
func (p *planner) routes(routing Routing) bool {
	for service, containers := range routing {
		if !slices.Equal(p.state.Proxy.Routed(service), containers) {
			return false
		}
	}
	return true
}

// alreadyPlanned says whether the last cut-over of the plan is this one.
func (p *planner) alreadyPlanned(routing Routing) bool {
	steps := p.plan.Steps()
	for at := len(steps) - 1; at >= 0; at-- {
		if planned := steps[at].Routing; planned != nil {
			for service, containers := range routing {
				if !slices.Equal(planned[service], containers) {
					return false
				}
			}
			return true
		}
	}
	return false
}

// verify plans the public checks and the watch window.
func (p *planner) verify() {
	settings := p.want.Environment.Settings
	if p.switched && len(settings.Verify) > 0 {
		p.stage(Step{Action: ActionVerify, Service: plural(len(settings.Verify), "public endpoint"), Cause: plural(settings.Verify[0].Attempts, "attempt")})
	}
	monitor := p.want.Environment.Monitor()
	if p.back() || p.state.Serving == nil || monitor == 0 || !p.switched {
		return
	}
	cause := "errors and response times against the old containers'"
	if p.plan.Overlap == OverlapWarm {
		cause += ", which stay up"
	}
	p.stage(Step{Action: ActionWatch, Service: "for " + monitor.String(), Cause: cause, Expect: monitor})
}

func plural(count int, noun string) string {
	if count != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", count, noun)
}

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
	p.retire(p.rolled()...)
	p.retireGone()
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
