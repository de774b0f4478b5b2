package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Prepare gives each container a place in maintenance, named after it, and
// waits until HAProxy has resolved the name to the container's address. A
// container that holds a place keeps it, whatever the place's state.
//
// A place in maintenance is resolved like any other. Its address is never set
// by hand: beside a resolver such a place would go down for good when its old
// name is gone.
func (p *Proxy) Prepare(ctx context.Context, routes []deploy.Route, containers []deploy.Container) error {
	layout, err := newLayout(routes)
	if err != nil {
		return err
	}
	wanted := make([]wish, 0, len(containers))
	for _, container := range containers {
		if !containerForm.MatchString(container.Name) {
			return fmt.Errorf("container %q: this name cannot stand in the proxy's file", container.Name)
		}
		if !slices.ContainsFunc(layout.backends, func(of backend) bool { return of.service == container.Service }) {
			return fmt.Errorf("container %s: service %q has no route", container.Name, container.Service)
		}
		address, err := netip.ParseAddr(container.Address)
		if err != nil {
			return fmt.Errorf("container %s: read its address: %w", container.Name, err)
		}
		wanted = append(wanted, wish{service: container.Service, container: container.Name, address: address})
	}
	running, err := p.running(ctx)
	if err != nil {
		return err
	}
	if running.structure != layout.structure() {
		return ErrOtherStructure
	}
	commands, err := fill(running, wanted)
	if err != nil {
		return err
	}
	if len(commands) > 0 {
		if err := p.saveCounters(ctx); err != nil {
			return err
		}
		if err := p.worker.change(ctx, commands...); err != nil {
			return fmt.Errorf("name the proxy's places: %w", err)
		}
	}
	return p.poll(ctx, p.prepare, func() error {
		running, err := p.running(ctx)
		if err != nil {
			return err
		}
		return resolved(running, wanted)
	})
}

// wish is a container that is to hold a place.
type wish struct {
	service   string
	container string
	address   netip.Addr
}

// fill gives the commands that name a place for each container without one.
// Unused places go first; then those in maintenance that another container
// holds, which somebody prepared and never switched to, or never released.
func fill(running *running, wanted []wish) ([]string, error) {
	var commands []string
	taken := map[string]bool{}
	for _, wish := range wanted {
		if held := running.holding(wish.service, wish.container); held != nil {
			taken[held.at()] = true
		}
	}
	for _, wish := range wanted {
		if running.holding(wish.service, wish.container) != nil {
			continue
		}
		free := func(unused bool) int {
			return slices.IndexFunc(running.slots, func(s slot) bool {
				return s.backend == wish.service && s.state == deploy.ServerMaintenance &&
					!taken[s.at()] && (!unused || s.container == "")
			})
		}
		at := free(true)
		if at < 0 {
			at = free(false)
		}
		if at < 0 {
			return nil, fmt.Errorf("container %s: every place of service %q in the proxy serves or drains; release some first", wish.container, wish.service)
		}
		place := running.slots[at].at()
		taken[place] = true
		commands = append(commands, "set server "+place+" fqdn "+wish.container)
	}
	return commands, nil
}

// resolved names the containers whose place has not their address.
func resolved(running *running, wanted []wish) error {
	var missing []error
	for _, wish := range wanted {
		held := running.holding(wish.service, wish.container)
		switch {
		case held == nil:
			missing = append(missing, fmt.Errorf("%s: %w", wish.container, ErrNotPrepared))
		case !held.address.IsValid() || held.nameless:
			missing = append(missing, fmt.Errorf("%s: the proxy cannot resolve its name: is it running, in a network that the proxy is in too?", wish.container))
		case held.address != wish.address:
			missing = append(missing, fmt.Errorf("%s: the proxy resolves its name to %s, the engine says %s", wish.container, held.address, wish.address))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("prepare the proxy: %w", errors.Join(missing...))
}

// Release frees the places of containers that drain no longer: to maintenance,
// and away from the container's name. It refuses, and changes nothing, where
// one of them still gets new requests. Where no proxy runs there is nothing to
// free.
func (p *Proxy) Release(ctx context.Context, containers []string) error {
	return p.free(ctx, containers, func(held slot) error {
		if held.state == deploy.ServerReady {
			return fmt.Errorf("release container %s: it still gets new requests", held.container)
		}
		return nil
	})
}

// Vacate frees the places of containers that are gone. Requests that were on
// their way to one of them have failed already, or go elsewhere: there is nobody
// to connect to.
func (p *Proxy) Vacate(ctx context.Context, containers []string) error {
	return p.free(ctx, containers, func(slot) error { return nil })
}

// free frees the places of containers, unless one of them may not be.
func (p *Proxy) free(ctx context.Context, containers []string, may func(held slot) error) error {
	running, err := p.running(ctx)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	var commands []string
	for _, held := range running.slots {
		if held.container == "" || !slices.Contains(containers, held.container) {
			continue
		}
		if err := may(held); err != nil {
			return err
		}
		commands = append(commands,
			"set server "+held.at()+" state maint",
			"set server "+held.at()+" fqdn "+UnusedName)
	}
	if len(commands) == 0 {
		return nil
	}
	if err := p.worker.change(ctx, commands...); err != nil {
		return fmt.Errorf("free the proxy's places: %w", err)
	}
	return nil
}
