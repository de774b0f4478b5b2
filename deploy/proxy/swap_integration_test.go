//go:build integration

package proxy

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// web is one service behind port 80.
func web() []deploy.Route {
	return []deploy.Route{{Service: "web", Listen: 80, Port: appPort, Replicas: 1}}
}

// serving starts a proxy with one container of web behind it.
func serving(t *testing.T) (*host, deploy.Container) {
	t.Helper()
	h := newHost(t)
	first := h.app("web", 1)
	h.must(h.Configure(t.Context(), web(), deploy.Routing{"web": {first.Name}}))
	h.startProxy()
	return h, first
}

func TestTwentySwapsLoseNothing(t *testing.T) {
	h, serves := serving(t)
	finish := h.loaded(400)
	var prepares, switches []time.Duration
	for number := 2; number <= 21; number++ {
		next := h.app("web", number)
		prepare, batch := h.replace(web(), serves.Name, next)
		prepares, switches = append(prepares, prepare), append(switches, batch)
		serves = next
	}
	h.expectRouted(web(), "web", serves.Name)
	report := finish()
	slices.Sort(prepares)
	slices.Sort(switches)
	t.Logf("prepare: median %v, longest %v; switch: median %v, longest %v", prepares[10], prepares[19], switches[10], switches[19])
	t.Log(report)
}

// A place that another container held before starts to count at 0, and who
// serves on keeps what it has counted.
func TestCountersBelongToTheContainer(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	address := h.address(h.name + "-proxy")
	asks := func(count int) {
		t.Helper()
		for range count {
			if _, status, err := ask(t.Context(), address, 80, "/"); err != nil || status != 200 {
				t.Fatal(status, err)
			}
		}
	}
	requests := func(name string) int64 {
		t.Helper()
		for _, server := range h.observe(web()).Servers {
			if server.Container == name {
				return server.Requests
			}
		}
		return -1
	}
	asks(10)
	for number := 2; number <= 10; number++ {
		next := h.app("web", number)
		h.must(h.Prepare(t.Context(), web(), []deploy.Container{next}))
		if got := requests(next.Name); got != 0 {
			t.Fatalf("a prepared container has %d requests", got)
		}
		both := []string{first.Name, next.Name}
		slices.Sort(both)
		if _, err := h.Switch(t.Context(), web(), deploy.Routing{"web": both}); err != nil {
			t.Fatal(err)
		}
		asks(4)
		if got := requests(next.Name); got != 2 {
			t.Fatalf("%d requests on the new container, want 2 of 4", got)
		}
		if got, want := requests(first.Name), int64(10+2*(number-1)); got != want {
			t.Fatalf("%d requests on the old container, want %d", got, want)
		}
		if _, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {first.Name}}); err != nil {
			t.Fatal(err)
		}
		h.must(h.Release(t.Context(), []string{next.Name}))
		h.remove(next.Name)
	}
}

// Going back to a container that still drains needs no more than a Switch.
func TestSwitchBackToADrainingContainer(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	second := h.app("web", 2)
	finish := h.loaded(200)
	h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
	if err := h.Release(t.Context(), []string{first.Name}); err == nil {
		t.Error("released a container that serves")
	}
	for _, serves := range []string{second.Name, first.Name, second.Name} {
		if _, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {serves}}); err != nil {
			t.Fatal(err)
		}
		h.expectRouted(web(), "web", serves)
	}
	took, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {second.Name}})
	if err != nil || took != 0 {
		t.Errorf("a repeated switch took %v, %v", took, err)
	}
	h.drained(web(), first.Name)
	h.must(h.Release(t.Context(), []string{first.Name}))
	h.must(h.Release(t.Context(), []string{first.Name}))
	finish()
}

// A replica that dies takes no request with it that is sent afterwards.
func TestADeadReplicaIsTakenOut(t *testing.T) {
	h, first := serving(t)
	second := h.app("web", 2)
	h.must(h.Prepare(t.Context(), web(), []deploy.Container{second}))
	_, err := h.Switch(t.Context(), web(), deploy.Routing{"web": {first.Name, second.Name}})
	h.must(err)
	if err := h.docker.ContainerKill(t.Context(), second.Name, "KILL"); err != nil {
		t.Fatal(err)
	}
	address := h.address(h.name + "-proxy")
	slowest := time.Duration(0)
	took := h.until("the dead replica is not up", func() error {
		start := time.Now()
		release, status, err := ask(t.Context(), address, 80, "/")
		if err != nil || status != 200 || release != first.Name {
			t.Errorf("%s answered %d, %v", release, status, err)
		}
		slowest = max(slowest, time.Since(start))
		for _, server := range h.observe(web()).Servers {
			if server.Container == second.Name && !server.Up {
				return nil
			}
		}
		return errors.New("up")
	})
	t.Logf("seen after %v, slowest request %v", took, slowest)
	h.expectRouted(web(), "web", first.Name, second.Name)
}
