package deploy

import (
	"context"
	"errors"
	"fmt"
)

// Maintain switches a maintenance on, or off with nil, and keeps that: it stays
// so until the next call, through deploys and the proxy's restarts. It says
// whether a proxy runs and does so already; one that does not finds it at its
// start. The deploy lock has to be held.
func (h *Host) Maintain(ctx context.Context, m *Maintenance) (running bool, err error) {
	serving, err := h.Serving(ctx)
	if err != nil {
		return false, err
	}
	if serving == nil || serving.Environment.Proxy() == nil {
		return false, &Failure{Status: ExitUsage, Err: errors.New("no proxy was deployed yet that could show a page")}
	}
	if m != nil {
		if m.Pass, err = h.Store.pass(); err != nil {
			return false, err
		}
	}
	routes := serving.Environment.Routes()
	state, err := h.Proxy.Observe(ctx, routes)
	if err != nil {
		return false, err
	}
	if state.Up && !state.Current {
		// Somebody else's structure, or that of an older deployer, has no place
		// for a maintenance.
		routing := Routing{}
		for _, route := range routes {
			routing[route.Service] = state.Routed(route.Service)
		}
		if err := h.Proxy.Configure(ctx, routes, routing); err != nil {
			return false, err
		}
	}
	// What is wanted is kept first: whoever is killed before the proxy knows it
	// leaves that to the next deploy.
	if err := h.Store.KeepMaintenance(m); err != nil {
		return false, err
	}
	return state.Up, h.Proxy.Maintain(ctx, m)
}

// uphold gives the maintenance that is on, with the deployer's pass, nil for
// none, and makes the proxy do what is kept of it where it does not: a command
// that switched it was killed, or the proxy's folder is new. What goes wrong
// with that is noted and holds up nothing.
func (h *Host) uphold(ctx context.Context, proxy ProxyState) *Maintenance {
	note := func(format string, args ...any) { h.emit(Event{Kind: EventNote, Text: fmt.Sprintf(format, args...)}) }
	kept, err := h.Store.Maintenance()
	if err == nil && kept != nil {
		kept.Pass, err = h.Store.pass()
	}
	if err != nil {
		note("%v", err)
		return kept
	}
	if !proxy.Up || !proxy.Current || proxy.Maintained == (kept != nil) {
		return kept
	}
	word := "off"
	if kept != nil {
		word = "on"
	}
	note("the maintenance is to be %s, and the proxy does not know: telling it", word)
	if err := h.Proxy.Maintain(ctx, kept); err != nil {
		note("tell the proxy that the maintenance is to be %s: %v", word, err)
	}
	return kept
}

// with gives the check with the pass.
func (m *Maintenance) with(check HTTPCheck) HTTPCheck {
	if m != nil {
		check.Pass = m.Pass
	}
	return check
}
