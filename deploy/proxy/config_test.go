package proxy

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheFileIsAsInTheGoldenOne(t *testing.T) {
	layout, err := newLayout(shop())
	if err != nil {
		t.Fatal(err)
	}
	held, err := layout.seat(deploy.Routing{
		"frontend": {"shop-frontend-2"},
		"backend":  {"shop-backend-3", "shop-backend-4"},
		"admin":    nil,
	}, []slot{{backend: "backend", name: "s3", container: "shop-backend-4"}})
	if err != nil {
		t.Fatal(err)
	}
	got := layout.render(held)
	path := filepath.Join("testdata", "shop.cfg")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the file differs from %s; see it with -update and git diff:\n%s", path, got)
	}
	if !whole(got) {
		t.Error("its end mark does not fit")
	}
}

func TestTheStructureIsAllButTheContainers(t *testing.T) {
	structure := func(change func([]deploy.Route)) string {
		routes := shop()
		change(routes)
		layout, err := newLayout(routes)
		if err != nil {
			t.Fatal(err)
		}
		return layout.structure()
	}
	base := structure(func([]deploy.Route) {})
	if again := structure(func(routes []deploy.Route) { routes[0], routes[5] = routes[5], routes[0] }); again != base {
		t.Error("it depends on the order of the routes")
	}
	if again := structure(func(routes []deploy.Route) { routes[0].Drain = 10 * time.Second; routes[0].Replicas = 2 }); again != base {
		t.Error("it depends on what changes nothing in the file")
	}
	for name, change := range map[string]func([]deploy.Route){
		"a port":        func(routes []deploy.Route) { routes[0].Port++ },
		"a listen port": func(routes []deploy.Route) { routes[5].Listen++ },
		"a path":        func(routes []deploy.Route) { routes[1].Path = "/rest" },
		"a host":        func(routes []deploy.Route) { routes[3].Hosts = nil; routes[3].Path = "/tenants" },
		"the slots":     func(routes []deploy.Route) { routes[3].Replicas = 9 },
		"the drain":     func(routes []deploy.Route) { routes[1].Drain = time.Hour },
	} {
		if structure(change) == base {
			t.Errorf("%s changed and the structure did not", name)
		}
	}
}
