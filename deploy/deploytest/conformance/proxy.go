package conformance

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ProxySetup is a proxy whose container does not run yet, and the containers
// to route to.
type ProxySetup struct {
	Proxy deploy.Proxy
	// Routes are those of two services, the first with one replica.
	Routes []deploy.Route
	// StartProxy starts the proxy's container with the file that Configure
	// wrote, StopProxy ends it.
	StartProxy, StopProxy func(t *testing.T)
	// Start starts a container of one of the routes' services and returns
	// when it listens.
	Start func(t *testing.T, service string) deploy.Container
	// Stop stops and removes a container.
	Stop func(t *testing.T, name string)
	// Ask sends one request to a service through the proxy, on a connection
	// of its own, and names the container that answered.
	Ask func(t *testing.T, service string) (container string, err error)
	// AskAs is Ask of somebody; turned away is who gets a maintenance's page. From
	// is the address that the requests come from.
	AskAs func(t *testing.T, service string, who Visitor) (container string, turnedAway bool, err error)
	From  netip.Addr
	// Hold sends a request that stays open until end is called, which gives
	// what became of it.
	Hold func(t *testing.T, service string) (container string, end func() error)
}

// Proxy runs the expectations of a deploy.Proxy.
func Proxy(t *testing.T, bubble Bubble, setup func(t *testing.T) ProxySetup) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s ProxySetup, t *testing.T)
	}{
		{"a proxy that does not run must be down without an error", ProxySetup.down},
		{"a proxy must start with the file that waits for it", ProxySetup.starts},
		{"a prepared container must get no requests", ProxySetup.prepared},
		{"a switch must move all new requests", ProxySetup.switches},
		{"a switch to what is not prepared must be refused and change nothing", ProxySetup.unprepared},
		{"an open request must be seen and finish while its container drains", ProxySetup.drains},
		{"a switch back must need nothing new", ProxySetup.back},
		{"a released place must be free again", ProxySetup.releases},
		{"the place of a container that is gone must be free, whatever its state", ProxySetup.vacates},
		{"another structure must be loaded without losing an open request", ProxySetup.reloads},
		{"the same structure must not move a request", ProxySetup.sameStructure},
		{"many releases must find a place", ProxySetup.many},
		{"a proxy that was restarted must go on with its file", ProxySetup.restarts},
		{"a maintenance must turn away new requests and end none", ProxySetup.maintains},
		{"a maintenance must admit by address, and by nobody's word", ProxySetup.admits},
		{"a maintenance must outlive switch, reload and restart", ProxySetup.maintainsOn},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test.run(setup(t), t) })
		})
	}
}

func (s ProxySetup) observe(t *testing.T) deploy.ProxyState {
	t.Helper()
	state, err := s.Proxy.Observe(t.Context(), s.Routes)
	must(t, err)
	return state
}

// serving starts the proxy with one container of each service.
func (s ProxySetup) serving(t *testing.T) deploy.Routing {
	t.Helper()
	routing := deploy.Routing{}
	for _, route := range s.Routes {
		routing[route.Service] = []string{s.Start(t, route.Service).Name}
	}
	must(t, s.Proxy.Configure(t.Context(), s.Routes, routing))
	s.StartProxy(t)
	eventually(t, "the proxy's start", func() bool { return s.observe(t).Up })
	for service, containers := range routing {
		s.answers(t, service, containers...)
	}
	return routing
}

// answers asserts that exactly these containers answer a service's requests.
func (s ProxySetup) answers(t *testing.T, service string, containers ...string) {
	t.Helper()
	eventually(t, "the first answer of "+service, func() bool {
		_, err := s.Ask(t, service)
		return err == nil
	})
	seen := map[string]bool{}
	for range 8 * len(containers) {
		name, err := s.Ask(t, service)
		must(t, err)
		seen[name] = true
		if !slices.Contains(containers, name) {
			t.Fatalf("%s answered for %s, not %v", name, service, containers)
		}
	}
	if len(seen) != len(containers) {
		t.Errorf("only %v answered for %s", seen, service)
	}
	if routed := s.observe(t).Routed(service); !slices.Equal(routed, slices.Sorted(slices.Values(containers))) {
		t.Errorf("%s is routed to %v, not %v", service, routed, containers)
	}
}

func (s ProxySetup) service() string { return s.Routes[0].Service }

// next starts another container of the first service and prepares it.
func (s ProxySetup) next(t *testing.T) deploy.Container {
	t.Helper()
	c := s.Start(t, s.service())
	must(t, s.Proxy.Prepare(t.Context(), s.Routes, []deploy.Container{c}))
	return c
}

func (s ProxySetup) move(t *testing.T, routing deploy.Routing, to ...string) deploy.Routing {
	t.Helper()
	moved := deploy.Routing{}
	for service, containers := range routing {
		moved[service] = containers
	}
	moved[s.service()] = slices.Sorted(slices.Values(to))
	_, err := s.Proxy.Switch(t.Context(), s.Routes, moved)
	must(t, err)
	return moved
}

func (s ProxySetup) down(t *testing.T) {
	if state := s.observe(t); state.Up || len(state.Servers) > 0 {
		t.Errorf("observed %+v", state)
	}
	must(t, s.Proxy.Release(t.Context(), []string{"nobody"}))
	if _, err := s.Proxy.Switch(t.Context(), s.Routes, deploy.Routing{s.service(): {"nobody"}}); err == nil {
		t.Error("a switch went well")
	}
}

func (s ProxySetup) starts(t *testing.T) {
	s.serving(t)
	if state := s.observe(t); !state.Current || state.Leaving != 0 {
		t.Errorf("observed %+v", state)
	}
}

func (s ProxySetup) prepared(t *testing.T) {
	routing := s.serving(t)
	c := s.next(t)
	must(t, s.Proxy.Prepare(t.Context(), s.Routes, []deploy.Container{c})) // again
	s.answers(t, s.service(), routing[s.service()]...)
}

func (s ProxySetup) switches(t *testing.T) {
	routing := s.serving(t)
	a, b := s.next(t), s.next(t)
	old := routing[s.service()][0]
	s.move(t, routing, a.Name, b.Name)
	s.answers(t, s.service(), a.Name, b.Name)
	s.answers(t, s.Routes[1].Service, routing[s.Routes[1].Service]...)
	if at := s.server(t, old); at == nil || at.State != deploy.ServerDraining || at.InFlight != 0 {
		t.Errorf("the old server is %+v", at)
	}
}

func (s ProxySetup) server(t *testing.T, name string) *deploy.Server {
	t.Helper()
	servers := s.observe(t).Servers
	at := slices.IndexFunc(servers, func(one deploy.Server) bool { return one.Container == name })
	if at < 0 {
		return nil
	}
	return &servers[at]
}

func (s ProxySetup) unprepared(t *testing.T) {
	routing := s.serving(t)
	c := s.Start(t, s.service())
	refused := deploy.Routing{s.service(): {c.Name}, s.Routes[1].Service: routing[s.Routes[1].Service]}
	if _, err := s.Proxy.Switch(t.Context(), s.Routes, refused); err == nil {
		t.Error("it was not refused")
	}
	s.answers(t, s.service(), routing[s.service()]...)
}

func (s ProxySetup) drains(t *testing.T) {
	routing := s.serving(t)
	old, end := s.Hold(t, s.service())
	c := s.next(t)
	s.move(t, routing, c.Name)
	s.answers(t, s.service(), c.Name)
	if at := s.server(t, old); at == nil || at.InFlight != 1 {
		t.Errorf("the open request is not seen: %+v", at)
	}
	must(t, end())
	eventually(t, "the end of the request", func() bool { return s.server(t, old).InFlight == 0 })
}

func (s ProxySetup) back(t *testing.T) {
	routing := s.serving(t)
	c := s.next(t)
	s.move(t, routing, c.Name)
	s.move(t, routing, routing[s.service()]...)
	s.answers(t, s.service(), routing[s.service()]...)
}

func (s ProxySetup) releases(t *testing.T) {
	routing := s.serving(t)
	old := routing[s.service()][0]
	if err := s.Proxy.Release(t.Context(), []string{old}); err == nil {
		t.Error("the place of a server that gets requests was freed")
	}
	c := s.next(t)
	s.move(t, routing, c.Name)
	for range 2 {
		must(t, s.Proxy.Release(t.Context(), []string{old}))
	}
	if at := s.server(t, old); at != nil {
		t.Errorf("it holds %+v", at)
	}
	s.Stop(t, old)
	s.answers(t, s.service(), c.Name)
}

func (s ProxySetup) vacates(t *testing.T) {
	routing := s.serving(t)
	gone := routing[s.service()][0]
	c := s.next(t)
	s.move(t, routing, gone, c.Name)
	s.Stop(t, gone)
	for range 2 {
		must(t, s.Proxy.Vacate(t.Context(), []string{gone, "nobody"}))
	}
	if at := s.server(t, gone); at != nil {
		t.Errorf("it holds %+v", at)
	}
	s.answers(t, s.service(), c.Name)
}

func (s ProxySetup) reloads(t *testing.T) {
	routing := s.serving(t)
	held, end := s.Hold(t, s.service())
	wider := slices.Clone(s.Routes)
	wider[0].Path, wider[0].Replicas = "/", wider[0].Replicas+8
	if state, err := s.Proxy.Observe(t.Context(), wider); err != nil || state.Current {
		t.Errorf("the structure is current for other routes (%v)", err)
	}
	must(t, s.Proxy.Configure(t.Context(), wider, routing))
	state, err := s.Proxy.Observe(t.Context(), wider)
	if err != nil || !state.Current || !state.Up {
		t.Errorf("observed %+v (%v)", state, err)
	}
	// It stays with its container, so that a drain waits for it and counts it.
	if open := inFlight(state, held); open != 1 {
		t.Errorf("%d requests are open on %s, not 1: %+v", open, held, state)
	}
	must(t, end())
	eventually(t, "the end of the request", func() bool {
		state, err := s.Proxy.Observe(t.Context(), wider)
		return err == nil && inFlight(state, held) == 0 && state.Leaving == 0
	})
	if name, err := s.Ask(t, s.service()); err != nil || name != routing[s.service()][0] {
		t.Errorf("%s answered (%v)", name, err)
	}
}

// inFlight is what a container has open, wherever it is listed.
func inFlight(state deploy.ProxyState, name string) int {
	open := 0
	for _, server := range state.Servers {
		if server.Container == name {
			open += server.InFlight
		}
	}
	return open
}

func (s ProxySetup) sameStructure(t *testing.T) {
	routing := s.serving(t)
	c := s.next(t)
	must(t, s.Proxy.Configure(t.Context(), s.Routes, deploy.Routing{
		s.service(): {c.Name}, s.Routes[1].Service: routing[s.Routes[1].Service],
	}))
	s.answers(t, s.service(), routing[s.service()]...)
}

func (s ProxySetup) many(t *testing.T) {
	routing := s.serving(t)
	last := routing[s.service()][0]
	for range 12 {
		c := s.next(t)
		routing = s.move(t, routing, c.Name)
		must(t, s.Proxy.Release(t.Context(), []string{last}))
		s.Stop(t, last)
		last = c.Name
	}
	s.answers(t, s.service(), last)
}

func (s ProxySetup) restarts(t *testing.T) {
	routing := s.serving(t)
	c := s.next(t)
	s.move(t, routing, c.Name)
	s.StopProxy(t)
	if state := s.observe(t); state.Up {
		t.Error("it is up")
	}
	s.StartProxy(t)
	eventually(t, "the proxy's start", func() bool { return s.observe(t).Up })
	s.answers(t, s.service(), c.Name)
}
