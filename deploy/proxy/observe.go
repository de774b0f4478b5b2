package proxy

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Observe reads the places that containers hold, and whether the proxy runs
// with the frontends, backends and places that these routes need.
//
// After a reload it reads the workers that were replaced, too: what they have
// open with a container counts as in flight on it, and one that only they
// still know is listed as draining. Leaving counts their idle connections of
// clients: each may bring one more request, to any container that was ready
// before the reload.
//
// InFlight counts WebSockets and streams too, but HAProxy forgets it when the
// server goes to maintenance: wait for the drain before Release.
func (p *Proxy) Observe(ctx context.Context, routes []deploy.Route) (deploy.ProxyState, error) {
	layout, err := newLayout(routes)
	if err != nil {
		return deploy.ProxyState{}, err
	}
	// The ledger first: a Prepare in between then counts too little, for one
	// look, and not twice.
	kept, err := p.readLedger()
	if err != nil {
		return deploy.ProxyState{}, err
	}
	replies, err := p.worker.run(ctx, showInfo, showSlots, showStats, askMaintained)
	if errors.Is(err, ErrNotRunning) {
		return deploy.ProxyState{}, nil
	}
	if err != nil {
		return deploy.ProxyState{}, err
	}
	slots, err := parseSlots(replies[1])
	if err != nil {
		return deploy.ProxyState{}, err
	}
	read, err := parseStats(replies[2])
	if err != nil {
		return deploy.ProxyState{}, err
	}
	old, err := p.oldWorkers(ctx)
	if errors.Is(err, ErrNotRunning) {
		// Ended since the worker was asked.
		if _, err := p.running(ctx); errors.Is(err, ErrNotRunning) {
			return deploy.ProxyState{}, nil
		}
	}
	if err != nil {
		return deploy.ProxyState{}, err
	}
	state := deploy.ProxyState{
		Up: true, Current: description(replies[0]) == layout.structure(), Maintained: readMaintained(replies[3]),
	}
	for _, held := range slots {
		if held.container == "" {
			continue
		}
		state.Servers = append(state.Servers, deploy.Server{
			Service:        held.backend,
			Slot:           held.name,
			Container:      held.container,
			State:          held.state,
			Up:             held.up,
			ServerCounters: kept[ledgerKey(held.backend, held.container)].add(read.servers[held.at()]),
		})
	}
	for _, worker := range old {
		worker.addTo(&state)
	}
	return state, nil
}

// addTo adds what the old worker has open.
func (w oldWorker) addTo(state *deploy.ProxyState) {
	idle := w.stats.sessions
	for _, held := range w.slots {
		open := w.stats.servers[held.at()].InFlight
		idle -= open
		if held.container == "" || open == 0 {
			continue
		}
		at := slices.IndexFunc(state.Servers, func(other deploy.Server) bool {
			return other.Service == held.backend && other.Container == held.container
		})
		if at < 0 {
			at = len(state.Servers)
			state.Servers = append(state.Servers, deploy.Server{
				Service:   held.backend,
				Slot:      "old/" + held.name,
				Container: held.container,
				State:     deploy.ServerDraining,
			})
		}
		state.Servers[at].InFlight += open
	}
	state.Leaving += max(idle, 0)
}

// ordered gives the services of a routing in a fixed order.
func ordered(routing deploy.Routing) []string {
	return slices.Sorted(maps.Keys(routing))
}
