package deploy

import (
	"slices"
	"strings"
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

// routes says whether the proxy does already what the routing says. What it
// still routes to and is gone does not count: the place is vacated before a new
// container gets the name.
func (p *planner) routes(routing Routing) bool {
	for service, containers := range routing {
		if !slices.Equal(p.routedNow(service), containers) {
			return false
		}
	}
	return true
}

// routedNow gives the containers of a service that get requests and will still
// be there when the leftovers are cleared.
func (p *planner) routedNow(service string) []string {
	return slices.DeleteFunc(p.state.Proxy.Routed(service), func(name string) bool {
		return !slices.ContainsFunc(p.state.Of(service), func(c Container) bool { return c.Name == name && !leftover(c) })
	})
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
		p.stage(Step{Action: ActionVerify, Service: verified(settings.Verify), Cause: Plural(settings.Verify[0].Attempts, "attempt")})
	}
	monitor := p.want.Environment.Monitor()
	if p.back() || p.state.Serving == nil || monitor == 0 || !p.switched {
		return
	}
	cause := "errors and times against the old ones'"
	if p.plan.Overlap == OverlapWarm {
		cause += ", which stay up"
	}
	p.stage(Step{Action: ActionWatch, Service: "for " + monitor.String(), Cause: cause, Expect: monitor})
}

// verified counts what is asked.
func verified(checks []Verification) string {
	flows := 0
	for _, check := range checks {
		if len(check.Steps) > 0 {
			flows++
		}
	}
	var parts []string
	if endpoints := len(checks) - flows; endpoints > 0 {
		parts = append(parts, Plural(endpoints, "public endpoint"))
	}
	if flows > 0 {
		parts = append(parts, Plural(flows, "flow"))
	}
	return strings.Join(parts, ", ")
}
