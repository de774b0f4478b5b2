package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Switch writes the file for the routing and then, in one batch, makes the
// routing's containers ready and drains all others: the new ones first, so
// that at every instant somebody serves. Interrupted in between, the proxy
// goes on as before and, restarted, as wanted; both releases are to be up until
// Switch has returned. It may be repeated.
//
// ErrNotRunning, ErrOtherStructure and ErrNotPrepared say what has to come
// first; nothing is written or changed then.
func (p *Proxy) Switch(ctx context.Context, routes []deploy.Route, routing deploy.Routing) (time.Duration, error) {
	layout, err := newLayout(routes)
	if err != nil {
		return 0, err
	}
	running, err := p.running(ctx)
	if err != nil {
		return 0, fmt.Errorf("switch the proxy: %w", err)
	}
	if running.structure != layout.structure() {
		return 0, fmt.Errorf("switch the proxy: %w", ErrOtherStructure)
	}
	if err := prepared(running, routing); err != nil {
		return 0, fmt.Errorf("switch the proxy: %w", err)
	}
	seats, err := layout.seat(routing, running.slots)
	if err != nil {
		return 0, fmt.Errorf("switch the proxy: %w", err)
	}
	config := layout.render(seats)
	if err := p.writeConfig(config); err != nil {
		return 0, err
	}
	var took time.Duration
	if commands := moves(running, routing); len(commands) > 0 {
		start := time.Now()
		err := p.worker.change(ctx, commands...)
		took = time.Since(start)
		if err != nil {
			return took, fmt.Errorf("switch the proxy: %w", err)
		}
	}
	if running, err = p.running(ctx); err != nil {
		return took, fmt.Errorf("read the switch back: %w", err)
	}
	if left := moves(running, routing); len(left) > 0 {
		return took, fmt.Errorf("read the switch back: the proxy did not do %q", left)
	}
	return took, p.keepLastGood(config)
}

// prepared says which containers of the routing could not serve if they were
// switched to. One that serves already is left alone, resolved or not.
func prepared(running *running, routing deploy.Routing) error {
	var missing []error
	for _, service := range ordered(routing) {
		for _, container := range routing[service] {
			held := running.holding(service, container)
			if held == nil || held.state != deploy.ServerReady && !held.address.IsValid() {
				missing = append(missing, fmt.Errorf("%w: %s", ErrNotPrepared, container))
			}
		}
	}
	return errors.Join(missing...)
}

// moves gives the commands that are left between what runs and the routing.
func moves(running *running, routing deploy.Routing) []string {
	var ready, drain []string
	for _, held := range running.slots {
		wanted := held.container != "" && slices.Contains(routing[held.backend], held.container)
		switch {
		case wanted && held.state != deploy.ServerReady:
			ready = append(ready, "set server "+held.at()+" state ready")
		case !wanted && held.state == deploy.ServerReady:
			drain = append(drain, "set server "+held.at()+" state drain")
		}
	}
	return append(ready, drain...)
}
