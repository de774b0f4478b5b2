//go:build integration

package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestUsage(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  idle: {image: IMAGE}
  busy: {image: IMAGE, command: [burn, "64"], deploy: {resources: {limits: {memory: 256M}}}}
`)
	idle, busy := app.create(release, "idle", 1)[0], app.create(release, "busy", 1)[0]
	app.awaitLine(idle.ID, "ready")
	app.awaitLine(busy.ID, "burning")
	resting, err := app.engine.Usage(t.Context(), idle.Name)
	must(t, err)
	working, err := app.engine.Usage(t.Context(), busy.Name)
	must(t, err)
	t.Logf("idle %+v, busy %+v", resting, working)
	if resting.CPU > working.CPU/4 || working.CPU > 1.5 {
		t.Errorf("the shares are %.2f and %.2f of a core", resting.CPU, working.CPU)
	}
	if working.Memory < 64<<20 || working.Memory > 128<<20 || resting.Memory == 0 || resting.Memory > 32<<20 {
		t.Errorf("the memory is %d and %d bytes", resting.Memory, working.Memory)
	}
	if working.Limit != 256<<20 || resting.Limit <= 256<<20 {
		t.Errorf("the limits are %d and %d bytes", resting.Limit, working.Limit)
	}
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := app.engine.Usage(cut, idle.Name); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = app.engine.Stop(t.Context(), idle.Name, 10*time.Second)
	must(t, err)
	if _, err := app.engine.Usage(t.Context(), idle.Name); !errors.Is(err, ErrNotRunning) {
		t.Errorf("of one that is stopped: %v", err)
	}
	must(t, app.engine.Remove(t.Context(), idle.Name))
	if _, err := app.engine.Usage(t.Context(), idle.Name); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("of one that is gone: %v", err)
	}
}
