//go:build integration

package proxy

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// A new route needs a reload, in which nothing is lost; nor is anything in a
// rollout right behind it, although the old worker still sends what comes on
// kept connections to the old container.
func TestReloadForANewRoute(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	address := h.address(h.name + "-proxy")
	finish := h.loaded(300)
	idle, err := new(net.Dialer).DialContext(t.Context(), "tcp", address+":80")
	h.must(err)
	defer idle.Close()
	reader := bufio.NewReader(idle)
	if _, status, err := exchange(idle, reader, "test", "/"); err != nil || status != 200 {
		t.Fatal(status, err)
	}

	api, second := h.app("api", 1), h.app("web", 2)
	if state := h.observe(two()); state.Current {
		t.Error("the new route counts as loaded")
	}
	h.must(h.Configure(t.Context(), two(), deploy.Routing{"web": {first.Name}, "api": {api.Name}}))
	if state := h.observe(two()); !state.Current || state.Leaving == 0 {
		t.Errorf("after the reload: %+v", state)
	}
	if release, status, err := ask(t.Context(), address, 80, "/healthz"); err != nil || status != 200 || release != api.Name {
		t.Errorf("the new route answers %d from %s, %v", status, release, err)
	}
	h.must(h.Prepare(t.Context(), two(), []deploy.Container{second}))
	wanted := deploy.Routing{"web": {second.Name}, "api": {api.Name}}
	_, err = h.Switch(t.Context(), two(), wanted)
	h.must(err)
	if state := h.observe(two()); state.Leaving == 0 {
		t.Error("the idle connection of the old worker is not counted")
	}
	// It belongs to the old worker, which knows the old container only.
	if release, status, err := exchange(idle, reader, "test", "/"); err != nil || status != 200 || release != first.Name {
		t.Errorf("the kept connection answers %d from %s, %v", status, release, err)
	}
	t.Logf("drained after %v", h.drained(two(), first.Name))
	h.must(h.Release(t.Context(), []string{first.Name}))
	h.remove(first.Name)
	finish()
}

// Ten reloads in a row lose nothing.
func TestReloadsLoseNothing(t *testing.T) {
	h, first := serving(t)
	finish := h.loaded(300)
	for i := range 10 {
		routes := web()
		routes[0].Replicas = 3 + i
		h.must(h.Configure(t.Context(), routes, deploy.Routing{"web": {first.Name}}))
		h.expectRouted(routes, "web", first.Name)
	}
	finish()
}

// What HAProxy refuses changes nothing, says why, and is not left in place.
func TestARefusedFileIsTakenBack(t *testing.T) {
	t.Parallel()
	h, first := serving(t)
	h.must(h.Configure(t.Context(), web(), deploy.Routing{"web": {first.Name}}))
	finish := h.loaded(200)
	err := h.writeConfig(seal("global\n    oops\n"))
	h.must(err)
	err = h.reload(t.Context(), "structure-of-nothing")
	if err == nil || !strings.Contains(err.Error(), "unknown keyword 'oops'") {
		t.Errorf("reload: %v", err)
	}
	t.Log(err)
	if restored, err := h.restoreLastGood(); err != nil || !restored {
		t.Errorf("restore: %v, %v", restored, err)
	}
	finish()
	h.killProxy()
	h.resumeProxy()
	h.expectRouted(web(), "web", first.Name)
}

func TestTheRightRouteAnswers(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	apps := map[string]deploy.Container{}
	routing := deploy.Routing{}
	for _, service := range []string{"all", "api", "shop", "tenant"} {
		apps[service] = h.app(service, 1)
		routing[service] = []string{apps[service].Name}
	}
	routes := []deploy.Route{
		{Service: "all", Listen: 80, Port: appPort},
		{Service: "api", Listen: 80, Port: appPort, Path: "/api/"},
		{Service: "shop", Listen: 80, Port: appPort, Hosts: []string{"Shop.example"}},
		{Service: "tenant", Listen: 80, Port: appPort, Hosts: []string{"*.shop.example"}},
		{Service: "api", Listen: 8081, Port: appPort, Path: "/only"},
	}
	h.must(h.Configure(t.Context(), routes, routing))
	h.startProxy()
	address := h.address(h.name + "-proxy")
	for _, c := range []struct {
		port             int
		host, path, want string
	}{
		{80, "x", "/", "all"},
		{80, "x", "/apix", "all"},
		{80, "x", "/api", "api"},
		{80, "x", "/api?x=1", "api"},
		{80, "x", "/api/orders", "api"},
		{80, "shop.example", "/api/orders", "shop"},
		{80, "SHOP.example:80", "/", "shop"},
		{80, "a.shop.example", "/", "tenant"},
		{80, "a.b.shop.Example:8080", "/x", "tenant"},
		{80, "ashop.example", "/", "all"},
		{8081, "x", "/only/this", "api"},
		{8081, "x", "/", ""},
	} {
		release, status, err := askHost(t.Context(), address, c.port, c.host, c.path)
		want := ""
		if c.want != "" {
			want = apps[c.want].Name
		}
		if err != nil || release != want || (want == "" && status != 404) {
			t.Errorf("%s:%d%s answered %d from %q, %v; want %q", c.host, c.port, c.path, status, release, err, want)
		}
	}
}
