//go:build integration

package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// The proxy dies right after a switch, with the old container gone: it comes
// back with the new one.
func TestRestartAfterASwitch(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	second := h.app("web", 2)
	finish := h.loaded(200)
	h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
	if _, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {second.Name}}); err != nil {
		t.Fatal(err)
	}
	h.drained(web(), first.Name)
	finish()
	h.killProxy()
	h.remove(first.Name)
	h.resumeProxy()
	finish = h.loaded(200)
	h.expectRouted(web(), "web", second.Name)
	third := h.app("web", 3)
	h.replace(web(), second.Name, third)
	finish()
}

// With the old container's name gone but its place never released, the proxy
// goes on, and so does the next rollout.
func TestTheOldNameVanishes(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	second, third := h.app("web", 2), h.app("web", 3)
	finish := h.loaded(200)
	h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
	if _, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {second.Name}}); err != nil {
		t.Fatal(err)
	}
	h.drained(web(), first.Name)
	h.remove(first.Name)
	h.until("the proxy has seen it", func() error {
		for _, server := range h.observe(web()).Servers {
			if server.Container == first.Name && server.Up {
				return errors.New("up")
			}
		}
		return nil
	})
	h.replace(web(), second.Name, third)
	h.expectRouted(web(), "web", third.Name)
	h.must(h.Release(t.Context(), []string{first.Name}))
	finish()
}

// two services that listen on the same port.
func two() []deploy.Route {
	return []deploy.Route{
		{Service: "web", Listen: 80, Port: appPort, Replicas: 1},
		{Service: "api", Listen: 80, Port: appPort, Path: "/healthz", Replicas: 1},
	}
}

func TestStartWithANameMissing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	first := h.app("web", 1)
	h.must(h.Configure(t.Context(), two(), deploy.Routing{"web": {first.Name}, "api": {h.container("api", 1)}}))
	h.startProxy()
	finish := h.loaded(200)
	address := h.address(h.name + "-proxy")
	if _, status, err := ask(t.Context(), address, 80, "/healthz"); err != nil || status != 503 {
		t.Errorf("without a container: %d, %v, want 503", status, err)
	}
	api := h.app("api", 1)
	took := h.until("the new name is served", func() error {
		release, status, err := ask(t.Context(), address, 80, "/healthz")
		if err == nil && (status != 200 || release != api.Name) {
			err = fmt.Errorf("%d from %s", status, release)
		}
		return err
	})
	t.Logf("picked up after %v", took)
	if report := finish(); len(report.Releases) != 1 {
		t.Errorf("answers came from %+v", report.Releases)
	}
}

// seen is what a watch has seen.
type seen struct {
	right, wrong, none atomic.Int64
	// lastWrong is when the last request was sent that the wrong one answered.
	lastWrong atomic.Pointer[time.Time]
}

// watch asks the proxy for both services of two() all the time and counts the
// answers that came from the wrong one.
func (h *host) watch() (finish func() *seen) {
	ctx, cancel := context.WithCancel(h.Context())
	address := h.address(h.name + "-proxy")
	var counts seen
	var all sync.WaitGroup
	for service, path := range map[string]string{"web": "/", "api": "/healthz"} {
		for range 4 {
			all.Go(func() {
				ticker := time.NewTicker(2 * time.Millisecond)
				defer ticker.Stop()
				for ctx.Err() == nil {
					<-ticker.C
					sent := time.Now()
					release, status, err := ask(ctx, address, 80, path)
					switch {
					case err != nil || release == "" || status != 200:
						counts.none.Add(1)
					case release == h.container(service, 1):
						counts.right.Add(1)
					default:
						counts.wrong.Add(1)
						counts.lastWrong.Store(&sent)
					}
				}
			})
		}
	}
	return func() *seen {
		cancel()
		all.Wait()
		return &counts
	}
}

// swapBound is resolveEvery and what a busy machine adds, question lost and
// asked again included.
const swapBound = resolveEvery + 4*time.Second

// swapAddresses gives each of two containers the other's address.
func (h *host) swapAddresses(one, two deploy.Container, change func(address map[string]string)) {
	h.Helper()
	change(map[string]string{one.Name: two.Address, two.Name: one.Address})
	if h.address(one.Name) != two.Address || h.address(two.Name) != one.Address {
		h.Fatal("the addresses were not swapped")
	}
	h.listening(h.inspect(one.Service, one.Name))
	h.listening(h.inspect(two.Service, two.Name))
}

// stopAndStart is how addresses come to be swapped: both stop, and start in
// another order.
func (h *host) stopAndStart(address map[string]string) {
	for name := range address {
		timeout := 1
		if err := h.docker.ContainerStop(h.Context(), name, container.StopOptions{Timeout: &timeout}); err != nil {
			h.Fatal(err)
		}
		if err := h.docker.NetworkDisconnect(h.Context(), h.network, name, true); err != nil {
			h.Fatal(err)
		}
	}
	for name, address := range address {
		if err := h.docker.NetworkConnect(h.Context(), h.network, name, h.endpoint(address)); err != nil {
			h.Fatal(err)
		}
		if err := h.docker.ContainerStart(h.Context(), name, container.StartOptions{}); err != nil {
			h.Fatal(err)
		}
	}
}

// reconnect swaps as fast as the engine can, with both running.
func (h *host) reconnect(address map[string]string) {
	for name := range address {
		if err := h.docker.NetworkDisconnect(h.Context(), h.network, name, true); err != nil {
			h.Fatal(err)
		}
	}
	for name, address := range address {
		if err := h.docker.NetworkConnect(h.Context(), h.network, name, h.endpoint(address)); err != nil {
			h.Fatal(err)
		}
	}
}

// Two containers have exchanged their addresses. A proxy that starts resolves
// the names and never asks the wrong one; one that runs may, until it has asked
// for the names again: a bound that no proxy by address has.
func TestSwappedAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*host) func(map[string]string)
		down   bool
	}{
		"while the proxy is down":   {func(h *host) func(map[string]string) { return h.stopAndStart }, true},
		"by a restart of both":      {func(h *host) func(map[string]string) { return h.stopAndStart }, false},
		"by a reconnection of both": {func(h *host) func(map[string]string) { return h.reconnect }, false},
		"and by that with it down":  {func(h *host) func(map[string]string) { return h.reconnect }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newSubnetHost(t)
			one, other := h.app("web", 1), h.app("api", 1)
			h.must(h.Configure(t.Context(), two(), deploy.Routing{"web": {one.Name}, "api": {other.Name}}))
			h.startProxy()
			finish := h.watch()
			if c.down {
				h.killProxy()
			}
			h.swapAddresses(one, other, c.change(h))
			swapped := time.Now()
			if c.down {
				h.resumeProxy()
			}
			address := h.address(h.name + "-proxy")
			for path, service := range map[string]string{"/": "web", "/healthz": "api"} {
				h.until(service+" is served again", func() error {
					release, status, err := ask(t.Context(), address, 80, path)
					if err == nil && (status != 200 || release != h.container(service, 1)) {
						err = fmt.Errorf("%d from %s", status, release)
					}
					return err
				})
			}
			counts := finish()
			t.Logf("%d right, %d wrong, %d without a server", counts.right.Load(), counts.wrong.Load(), counts.none.Load())
			if counts.right.Load() == 0 {
				t.Error("nothing was answered")
			}
			if last := counts.lastWrong.Load(); last != nil {
				t.Logf("the last wrong one %v after the swap", last.Sub(swapped))
				if c.down || last.After(swapped.Add(swapBound)) {
					t.Error("requests reached the wrong container")
				}
			}
		})
	}
}

// newSubnetHost makes a network with a range of its own: only there can a
// container ask for an address.
func newSubnetHost(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	if err := h.docker.NetworkRemove(t.Context(), h.network); err != nil {
		t.Fatal(err)
	}
	var err error
	for third := range 200 {
		var made network.CreateResponse
		made, err = h.docker.NetworkCreate(t.Context(), h.name, network.CreateOptions{Labels: h.labels(), IPAM: &network.IPAM{
			Config: []network.IPAMConfig{{Subnet: fmt.Sprintf("10.213.%d.0/24", third)}},
		}})
		if err == nil {
			h.network = made.ID
			return h
		}
	}
	t.Fatal(err)
	return nil
}

// The deployer dies between the file and the runtime commands. A proxy that
// runs on serves as before; one that dies too comes back with the new
// container; and in both the repeated switch completes.
func TestKilledBetweenFileAndSwitch(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]bool{"the deployer alone": false, "the proxy too": true} {
		t.Run(name, func(t *testing.T) {
			h, first := serving(t)
			second := h.app("web", 2)
			wanted := deploy.Routing{"web": {second.Name}}
			finish := h.loaded(200)
			h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
			h.writeFileOnly(web(), wanted)
			h.expectRouted(web(), "web", first.Name)
			finish()
			if kill {
				h.killProxy()
				h.resumeProxy()
				h.expectRouted(web(), "web", second.Name)
			}
			finish = h.loaded(200)
			took, err := h.Switch(t.Context(), web(), wanted)
			h.must(err)
			if kill && took != 0 {
				t.Errorf("the proxy that came back was switched, in %v", took)
			}
			h.expectRouted(web(), "web", second.Name)
			h.drained(web(), first.Name)
			h.must(h.Release(t.Context(), []string{first.Name}))
			h.remove(first.Name)
			finish()
		})
	}
}

// writeFileOnly does the first half of Switch.
func (h *host) writeFileOnly(routes []deploy.Route, routing deploy.Routing) {
	h.Helper()
	layout, err := newLayout(routes)
	h.must(err)
	running, err := h.running(h.Context())
	h.must(err)
	held, err := layout.seat(routing, running.slots)
	h.must(err)
	err = h.writeConfig(layout.render(held))
	h.must(err)
}

// A restart between Prepare and Switch forgets the place; Switch says so and
// leaves everything as it is.
func TestSwitchNeedsAPreparedContainer(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	second := h.app("web", 2)
	wanted := deploy.Routing{"web": {second.Name}}
	h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
	h.killProxy()
	if _, err := h.Switch(t.Context(), web(), wanted); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with the proxy down: %v", err)
	}
	h.resumeProxy()
	finish := h.loaded(100)
	if _, err := h.Switch(t.Context(), web(), wanted); !errors.Is(err, ErrNotPrepared) {
		t.Errorf("unprepared: %v", err)
	}
	if _, err := h.Switch(t.Context(), two(), wanted); !errors.Is(err, ErrOtherStructure) {
		t.Errorf("with other routes: %v", err)
	}
	h.expectRouted(web(), "web", first.Name)
	ghost := deploy.Container{Name: h.container("web", 9), Service: "web", Address: "192.0.2.1"}
	short := New(Options{Dir: h.dir, Prepare: time.Second})
	if err := short.Prepare(t.Context(), web(), []deploy.Container{ghost}); err == nil {
		t.Error("prepared a container that is not there")
	} else {
		t.Log(err)
	}
	h.replace(web(), first.Name, second)
	finish()
}
