package fake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// process is a proxy that has loaded a file. Its routes and places are what
// only a reload changes.
type process struct {
	container *container
	routes    []deploy.Route
	servers   []*server
	open      []*Request
	turn      int
	// idleUntil is when the last idle connection to it is closed, once a
	// reload has replaced it.
	idleUntil time.Time
}

// server is one place.
type server struct {
	deploy.Server
	resolved bool
	times    time.Duration
}

func newProcess(f *file, c *container) *process {
	p := &process{container: c, routes: f.routes}
	for _, route := range f.routes {
		for number := range slots(route) {
			s := &server{Server: deploy.Server{Service: route.Service, Slot: fmt.Sprintf("s%d", number+1), State: deploy.ServerMaintenance}}
			if routed := f.routing[route.Service]; number < len(routed) {
				s.Container, s.State, s.resolved = routed[number], deploy.ServerReady, true
			}
			p.servers = append(p.servers, s)
		}
	}
	return p
}

// slots is how many places a route's service has.
func slots(route deploy.Route) int { return max(8, 4*route.Replicas) }

// structured says whether the process has what the routes need.
func (p *process) structured(routes []deploy.Route) bool {
	return slices.EqualFunc(p.routes, routes, func(a, b deploy.Route) bool {
		return a.Service == b.Service && a.Listen == b.Listen && a.Port == b.Port &&
			slices.Equal(a.Hosts, b.Hosts) && cmp.Or(a.Path, "/") == cmp.Or(b.Path, "/") && slots(a) == slots(b)
	})
}

func (p *process) server(name string) *server {
	at := slices.IndexFunc(p.servers, func(s *server) bool { return s.Container == name })
	if at < 0 || name == "" {
		return nil
	}
	return p.servers[at]
}

func (p *process) free(service string) *server {
	at := slices.IndexFunc(p.servers, func(s *server) bool { return s.Service == service && s.Container == "" })
	if at < 0 {
		return nil
	}
	return p.servers[at]
}

func (p *process) inFlight(name string) int {
	count := 0
	for _, request := range p.open {
		if request.Container == name {
			count++
		}
	}
	return count
}

// addTo adds what a replaced process has open to the containers that it is
// open with; one that only this process knows is listed as draining. Its idle
// connections are leaving.
func (p *process) addTo(state *deploy.ProxyState) {
	if time.Now().Before(p.idleUntil) {
		state.Leaving++
	}
	for _, request := range p.open {
		at := slices.IndexFunc(state.Servers, func(s deploy.Server) bool { return s.Container == request.Container })
		if at < 0 {
			at = len(state.Servers)
			state.Servers = append(state.Servers, deploy.Server{
				Service: request.target.Service, Slot: "old", Container: request.Container, State: deploy.ServerDraining,
			})
		}
		state.Servers[at].InFlight++
	}
}

// match gives the service that a request goes to: the longest path first, a
// named host before any.
func (p *process) match(listen int, host, path string) string {
	best, service := -1, ""
	for _, route := range p.routes {
		if listen != 0 && listen != route.Listen || !strings.HasPrefix(path, cmp.Or(route.Path, "/")) {
			continue
		}
		score := 2 * len(route.Path)
		if len(route.Hosts) > 0 {
			if !slices.Contains(route.Hosts, host) {
				continue
			}
			score++
		}
		if score > best {
			best, service = score, route.Service
		}
	}
	return service
}

// pick gives the next server of a service that listens.
func (p *process) pick(h *Host, service string) (*server, *container) {
	var able []*server
	for _, s := range p.servers {
		if s.Service != service || s.State != deploy.ServerReady {
			continue
		}
		if c := h.find(s.Container); c != nil && c.listens(time.Now()) {
			able = append(able, s)
		}
	}
	if len(able) == 0 {
		return nil, nil
	}
	p.turn++
	s := able[p.turn%len(able)]
	return s, h.find(s.Container)
}
