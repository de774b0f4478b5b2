package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func shop() []deploy.Route {
	return []deploy.Route{
		{Service: "frontend", Listen: 80, Port: 3000, Replicas: 1, Drain: 30 * time.Second},
		{Service: "backend", Listen: 80, Port: 8000, Path: "/api/", Replicas: 2, Drain: time.Minute},
		{Service: "backend", Listen: 80, Port: 8000, Path: "/admin", Replicas: 2},
		{Service: "tenant", Listen: 80, Port: 9000, Hosts: []string{"*.Shop.example"}, Replicas: 3},
		{Service: "admin", Listen: 80, Port: 9001, Hosts: []string{"admin.shop.example", "admin.eu.shop.example"}},
		{Service: "admin", Listen: 8443, Port: 9001},
	}
}

func TestRulesGoFromTheMostParticularToTheRest(t *testing.T) {
	layout, err := newLayout(append(shop(),
		deploy.Route{Service: "eu", Listen: 80, Port: 1, Hosts: []string{"*.eu.shop.example"}},
		deploy.Route{Service: "hooks", Listen: 80, Port: 2, Path: "/api/hooks"},
		deploy.Route{Service: "reports", Listen: 80, Port: 3, Hosts: []string{"admin.shop.example"}, Path: "/reports"},
	))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, frontend := range layout.frontends {
		for _, rule := range frontend.rules {
			got = append(got, strings.TrimSpace(rule.service+rule.condition()))
		}
	}
	want := []string{
		"admin if { req.hdr(host),host_only -m str -i admin.eu.shop.example }",
		"reports if { req.hdr(host),host_only -m str -i admin.shop.example } { path,concat(/) -m beg /reports/ }",
		"admin if { req.hdr(host),host_only -m str -i admin.shop.example }",
		"eu if { req.hdr(host),host_only -m end -i .eu.shop.example }",
		"tenant if { req.hdr(host),host_only -m end -i .shop.example }",
		"hooks if { path,concat(/) -m beg /api/hooks/ }",
		"backend if { path,concat(/) -m beg /admin/ }",
		"backend if { path,concat(/) -m beg /api/ }",
		"frontend",
		"admin",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rules:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryMistakeInTheRoutesIsNamed(t *testing.T) {
	_, err := newLayout([]deploy.Route{
		{Service: "a b", Listen: 0, Port: 70000},
		{Service: "web", Listen: 80, Port: 8000, Path: "api", Hosts: []string{"x y", "*.*"}},
		{Service: "one", Listen: 81, Port: 1},
		{Service: "two", Listen: 81, Port: 2},
		{Service: "two", Listen: 82, Port: 3},
		{Service: "quote", Listen: 83, Port: 3, Path: "/a } # {"},
	})
	if err == nil {
		t.Fatal("no mistake found")
	}
	for _, want := range []string{
		`route of service "a b": this name cannot stand in the proxy's file`,
		"listen port 0 is not between 1 and 65535",
		"container port 70000 is not between 1 and 65535",
		`path "api" is not a plain path`,
		`host "x y" is not a name`,
		`host "*.*" is not a name`,
		`route of service "two": the same host and path go to service "one"`,
		`route of service "two": container port 3 differs from 2`,
		`path "/a } # {" is not a plain path`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not named: %s\nin:\n%v", want, err)
		}
	}
}

func TestAContainerKeepsTheSlotThatItRunsIn(t *testing.T) {
	layout, err := newLayout([]deploy.Route{{Service: "web", Listen: 80, Port: 8000, Replicas: 1}})
	if err != nil {
		t.Fatal(err)
	}
	running := []slot{
		{backend: "web", name: "s1", container: "web-1", state: deploy.ServerDraining},
		{backend: "web", name: "s2"},
		{backend: "web", name: "s3", container: "web-3", state: deploy.ServerReady},
	}
	held, err := layout.seat(deploy.Routing{"web": {"web-2", "web-3"}}, running)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(held["web"], ","); got != ",web-2,web-3,,,,," {
		t.Errorf("places: %s", got)
	}
}

func TestSeatRefusesWhatHasNoPlace(t *testing.T) {
	layout, err := newLayout([]deploy.Route{{Service: "web", Listen: 80, Port: 8000, Replicas: 1}})
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Split("a b c d e f g h i", " ")
	for want, routing := range map[string]deploy.Routing{
		"8 places do not hold 9 containers": {"web": many},
		`service "other" has containers`:    {"other": {"x"}},
		"cannot stand in the proxy's file":  {"web": {"x:1 disabled\n    server y"}},
	} {
		if _, err := layout.seat(routing, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("seat %v: %v, want %q", routing, err, want)
		}
	}
	if _, err := layout.seat(deploy.Routing{"web": many[:8]}, []slot{{backend: "web", name: "s1", container: "old", state: deploy.ServerReady}}); err != nil {
		t.Errorf("a place of a container outside the routing was not used: %v", err)
	}
}
