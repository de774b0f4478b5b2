package fake

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Proxy is the host's proxy: a file, and the process that has loaded it while
// the container of the release's proxy service runs.
type Proxy struct {
	// Idle is how long a client keeps an idle connection open to a process
	// that a reload replaced.
	Idle time.Duration

	host *Host
	// file is what the next process starts with; nil where none was written.
	file *file
	// running is the process that takes requests; nil where none does.
	running *process
	// leaving are those that a reload or a stop replaced.
	leaving []*process
	// maintenance is what the file of it says; nil for none.
	maintenance *deploy.Maintenance
	// drains says since when a container gets no new requests.
	drains map[string]time.Time
}

type file struct {
	routes  []deploy.Route
	routing deploy.Routing
}

var _ deploy.Proxy = (*Proxy)(nil)

// What the proxy's own work takes.
const (
	resolveTime = 500 * time.Millisecond
	switchTime  = 2 * time.Millisecond
	reloadTime  = 80 * time.Millisecond
)

// Observe reads what the running process does.
func (p *Proxy) Observe(ctx context.Context, routes []deploy.Route) (deploy.ProxyState, error) {
	defer p.host.mu.Unlock()
	if err := p.host.look(ctx); err != nil {
		return deploy.ProxyState{}, err
	}
	if !p.up() {
		return deploy.ProxyState{}, nil
	}
	state := deploy.ProxyState{Up: true, Current: p.running.structured(routes), Maintained: p.maintenance != nil}
	for _, s := range p.running.servers {
		if s.Container == "" {
			continue
		}
		c := p.host.find(s.Container)
		server := s.Server
		server.Up = c != nil && c.listens(time.Now())
		server.InFlight = p.running.inFlight(s.Container)
		state.Servers = append(state.Servers, server)
	}
	for _, old := range p.leaving {
		old.addTo(&state)
	}
	return state, nil
}

func (p *Proxy) up() bool { return p.running != nil && p.running.container.listens(time.Now()) }

// Configure writes the file and reloads where the structure differs.
func (p *Proxy) Configure(ctx context.Context, routes []deploy.Route, routing deploy.Routing) error {
	half, err := p.host.begin(ctx, "Configure %v", routing)
	if err != nil && !half {
		return err
	}
	if err := wait(ctx, reloadTime); err != nil {
		return err
	}
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.settle()
	p.file = &file{slices.Clone(routes), routing}
	if err != nil || !p.up() || p.running.structured(routes) {
		return err
	}
	p.host.change("configure the proxy", func() {
		old := p.running
		p.running = newProcess(p.file, old.container)
		old.idleUntil = time.Now().Add(p.Idle)
		p.leaving = append(p.leaving, old)
		p.note(old)
	})
	return nil
}

// Prepare gives containers a place each and resolves their names.
func (p *Proxy) Prepare(ctx context.Context, routes []deploy.Route, containers []deploy.Container) error {
	half, err := p.host.begin(ctx, "Prepare %v", names(containers))
	if err != nil && !half {
		return err
	}
	fresh, placeErr := p.place(routes, containers)
	if placeErr != nil || err != nil {
		return first(placeErr, err)
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := wait(ctx, resolveTime); err != nil {
		return err
	}
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.settle()
	for _, s := range fresh {
		c := p.host.find(s.Container)
		if c == nil || !c.Running() {
			return fmt.Errorf("prepare %s: the name does not resolve", s.Container)
		}
		s.resolved = true
	}
	return nil
}

func (p *Proxy) place(routes []deploy.Route, containers []deploy.Container) ([]*server, error) {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	if err := p.usable(routes); err != nil {
		return nil, fmt.Errorf("prepare %v: %w", names(containers), err)
	}
	var fresh []*server
	for _, c := range containers {
		s := p.running.server(c.Name)
		if s == nil {
			if s = p.running.free(c.Service); s == nil {
				return nil, fmt.Errorf("prepare %s: no free place for %s", c.Name, c.Service)
			}
			s.Container = c.Name
		}
		if !s.resolved {
			fresh = append(fresh, s)
		}
	}
	return fresh, nil
}

func (p *Proxy) usable(routes []deploy.Route) error {
	switch {
	case !p.up():
		return fmt.Errorf("the proxy does not run")
	case !p.running.structured(routes):
		return fmt.Errorf("the proxy runs with other routes")
	}
	return nil
}

// Switch writes the file and moves all new requests at once. It refuses to
// move any where a container is not prepared.
func (p *Proxy) Switch(ctx context.Context, routes []deploy.Route, routing deploy.Routing) (time.Duration, error) {
	half, err := p.host.begin(ctx, "Switch %v", routing)
	if err != nil && !half {
		return 0, err
	}
	if err := wait(ctx, switchTime); err != nil {
		return 0, err
	}
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.settle()
	if err := p.usable(routes); err != nil {
		return 0, fmt.Errorf("switch: %w", err)
	}
	for _, containers := range routing {
		for _, name := range containers {
			if s := p.running.server(name); s == nil || !s.resolved {
				return 0, fmt.Errorf("switch: %s is not prepared", name)
			}
		}
	}
	p.file = &file{slices.Clone(routes), routing}
	if err != nil {
		return 0, err
	}
	p.host.change("switch the proxy", func() {
		for _, s := range p.running.servers {
			switch {
			case slices.Contains(routing[s.Service], s.Container):
				s.State = deploy.ServerReady
				delete(p.drains, s.Container)
			case s.State == deploy.ServerReady:
				s.State = deploy.ServerDraining
				p.drains[s.Container] = time.Now()
			}
		}
	})
	return switchTime, nil
}

// Release frees the places of containers that get no new requests.
func (p *Proxy) Release(ctx context.Context, containers []string) error {
	return p.free(ctx, "Release", containers, func(s *server) error {
		if s.State == deploy.ServerReady {
			return fmt.Errorf("release %s: it gets new requests", s.Container)
		}
		return nil
	})
}

// Vacate frees the places of containers that are gone.
func (p *Proxy) Vacate(ctx context.Context, containers []string) error {
	return p.free(ctx, "Vacate", containers, func(s *server) error {
		if c := p.host.find(s.Container); c != nil && c.Running() {
			p.host.violated("the place of %s is vacated while it runs", s.Container)
		}
		return nil
	})
}

// Maintain writes the file, and tells the running process.
func (p *Proxy) Maintain(ctx context.Context, maintenance *deploy.Maintenance) error {
	half, err := p.host.begin(ctx, "Maintain %t", maintenance != nil)
	if err != nil && !half {
		return err
	}
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.settle()
	p.maintenance = maintenance
	return err
}

// turnsAway says whether a visitor gets the maintenance's page.
func (p *Proxy) turnsAway(from Visitor) bool {
	m := p.maintenance
	if m == nil || m.Pass != "" && from.Pass == m.Pass {
		return false
	}
	address := from.Address
	if m.Forwarded && from.Forwarded.IsValid() {
		address = from.Forwarded
	}
	return !slices.ContainsFunc(m.Admins, func(admin netip.Prefix) bool { return admin.Contains(address) })
}

func (p *Proxy) free(ctx context.Context, call string, containers []string, may func(s *server) error) error {
	if _, err := p.host.begin(ctx, call+" %v", containers); err != nil {
		return err
	}
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.settle()
	if !p.up() {
		return nil
	}
	for _, name := range containers {
		s := p.running.server(name)
		if s == nil {
			continue
		}
		if err := may(s); err != nil {
			return err
		}
		*s = server{Server: deploy.Server{Service: s.Service, Slot: s.Slot, State: deploy.ServerMaintenance}}
	}
	return nil
}

// boot starts a process with the file, once its container runs.
func (p *Proxy) boot(c *container, environment *deploy.Environment) {
	for _, route := range environment.Routes() {
		if address, ok := environment.Published(route.Listen); ok {
			p.host.published[address] = route.Listen
		}
	}
	if p.file == nil {
		c.behaviour.Exits, c.behaviour.ExitCode = time.Millisecond, 1
		c.behaviour.Logs = "[ALERT] cannot open configuration file"
		return
	}
	p.running = newProcess(p.file, c)
}

// leave lets the container's process take no more requests.
func (p *Proxy) leave(c *container) {
	if p.running == nil || p.running.container != c {
		return
	}
	p.note(p.running)
	p.leaving = append(p.leaving, p.running)
	p.running = nil
}

// note remembers since when a process's servers get no new requests.
func (p *Proxy) note(old *process) {
	for _, s := range old.servers {
		if s.State == deploy.ServerReady && !p.routed(s.Container) {
			p.drains[s.Container] = time.Now()
		}
	}
}

// follow lets processes end with their container.
func (p *Proxy) follow() {
	if p.running != nil && !p.running.container.Running() {
		p.leave(p.running.container)
	}
	p.leaving = slices.DeleteFunc(p.leaving, func(old *process) bool {
		if !old.container.Running() {
			for _, request := range old.open {
				request.cut = true
			}
			return true
		}
		return len(old.open) == 0 && !time.Now().Before(old.idleUntil)
	})
}

func (p *Proxy) routed(name string) bool {
	if p.running == nil {
		return false
	}
	s := p.running.server(name)
	return s != nil && s.State == deploy.ServerReady
}

func names(containers []deploy.Container) []string {
	var list []string
	for _, c := range containers {
		list = append(list, c.Name)
	}
	return list
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
