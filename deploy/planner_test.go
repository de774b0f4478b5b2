package deploy_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// migrating is the shop with the migrations of some framework.
var migrating = strings.Replace(shop, migrationsBelow, migrationsBelow+"      migrations: {apply: [manage, migrate], order: before}\n", 1)

// migrationsBelow is the line of the shop under which migrations can be said.
const migrationsBelow = "      health: {path: /api/health/}\n"

var update = flag.Bool("update", false, "write the plans to testdata")

// plans reads the wanted plans, each under a line "# name".
func plans(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile("testdata/plans.txt")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{}
	for section := range strings.SplitSeq("\n"+string(content), "\n# ") {
		name, plan, _ := strings.Cut(section, "\n")
		wanted[name] = strings.TrimSpace(plan) + "\n"
	}
	return wanted
}

// otherwise is a host on which the first release serves with another .env than
// there is now.
func otherwise(t *testing.T, v1, v2 *deploy.Release) *observed {
	t.Helper()
	return rest(t, v1, v2).set("backend-1").set("backend-2").set("worker-1").
		with("backend-1 otherwise routed", "backend-2 otherwise routed", "worker-1 otherwise")
}

// TestPlans compares plans for literal states with those in testdata: what is
// in, beside its name, and what is out, under it.
func TestPlans(t *testing.T) {
	wanted, written := plans(t), ""
	back := deploy.PlanOptions{Back: true}
	for _, test := range []struct {
		name string
		// from and to are edits of the shop in releases v1 and v2.
		from, to []string
		compose  string
		state    func(t *testing.T, v1, v2 *deploy.Release) *observed
		want1    bool // v1 is wanted, not v2
		options  deploy.PlanOptions
	}{
		{
			name: "first deploy", compose: migrating,
			state: func(t *testing.T, _, v2 *deploy.Release) *observed {
				o := nothing(t, v2)
				delete(o.Present, v2.Images["db"].Pinned())
				return o
			},
		},
		{name: "every service"},
		{name: "nothing changed", want1: true},
		{name: "only configuration changed", to: []string{"backend:${VERSION}\n    command: [celery, worker]", "backend:v1\n    command: [celery, worker, -Q, all]", "backend:${VERSION}", "backend:v1", "frontend:${VERSION}", "frontend:v1"}, from: []string{"backend:${VERSION}", "backend:v1", "frontend:${VERSION}", "frontend:v1"}},
		{name: "scaled up", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{"replicas: 2", "replicas: 4"}},
		{name: "scaled down", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{"replicas: 2", "replicas: 1"}},
		{name: "a worker scaled down is not made quiet before", compose: edit(t, shop, "${VERSION}", "v1"), from: []string{"command: [celery, worker]", "command: [celery, worker]\n    scale: 2"}},
		{name: "removed service", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{strings.ReplaceAll(shop[strings.Index(shop, "  frontend:"):strings.Index(shop, "  worker:")], "${VERSION}", "v1"), ""}, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			o.Proxy.Current = false
			return o
		}},
		{name: "removed database", compose: edit(t, shop, "${VERSION}", "v1", "    depends_on: [db]\n", ""), to: []string{shop[strings.Index(shop, "  db:"):strings.Index(shop, "volumes:\n  data")], ""}},
		{name: "back without memory", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("frontend-1").with("frontend-2 v2 routed").free(50)
		}},
		{name: "last route removed", compose: edit(t, shop, "${VERSION}", "v1", "      route: {listen: 8080, port: 3000}\n      health: {path: /}", "      drain: 1s", "  verify:\n    - url: http://127.0.0.1:80/", "  retain: 2"), to: []string{"      route: {listen: 8080, port: 8000, path: /api}\n      health: {path: /api/health/}", "      drain: 1s"}, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			o.Proxy.Current = false
			return o
		}},
		{name: "kept service changed", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{"postgres:17", "postgres:18"}},
		{name: "proxy changed", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{"haproxy:3.0", "haproxy:3.1"}},
		{name: "routes changed", compose: edit(t, shop, "${VERSION}", "v1"), to: []string{"path: /api}", "path: /api, hosts: [shop.example]}"}, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			o.Proxy.Current = false
			return o
		}},
		{name: "migrations before", compose: migrating},
		{name: "migrations after", compose: edit(t, migrating, "order: before", "order: after")},
		{name: "no migrations where their service is as before", compose: edit(t, migrating, "backend:${VERSION}", "backend:v1")},
		{name: "parallelism", compose: edit(t, shop, "replicas: 2", "replicas: 3\n      update_config: {parallelism: 2}")},
		{name: "dependent services that are new", compose: edit(t, shop, "command: [celery, worker]", "depends_on: [backend]"), state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("worker-1").set("backend-1").set("backend-2")
		}},
		{name: "hooks", compose: hookedShop},
		{name: "hooks, one service after the other", compose: hookedShop, options: deploy.PlanOptions{Overlap: deploy.OverlapSingle}},
		{name: "brief by memory", state: func(t *testing.T, v1, v2 *deploy.Release) *observed { return rest(t, v1, v2).free(700) }},
		{name: "one at a time by memory", state: func(t *testing.T, v1, v2 *deploy.Release) *observed { return rest(t, v1, v2).free(400) }},
		{name: "one at a time in batches", compose: edit(t, shop, "replicas: 2", "replicas: 3\n      update_config: {parallelism: 2}"), options: deploy.PlanOptions{Overlap: deploy.OverlapSingle}},
		{name: "what is known of memory counts", state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-1", "30MB").set("backend-2", "40MB").set("worker-1", "50MB").set("frontend-1", "20MB").free(300)
		}},
		{name: "a limit bounds what is assumed", compose: edit(t, shop, "replicas: 2", "replicas: 2\n      resources: {limits: {memory: 20M}}"), state: func(t *testing.T, v1, v2 *deploy.Release) *observed { return rest(t, v1, v2).free(400) }},
		{name: "not enough memory", state: func(t *testing.T, v1, v2 *deploy.Release) *observed { return rest(t, v1, v2).free(200) }},
		{name: "back while the new ones start", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("backend-3 v2 created", "frontend-2 v2", "worker-2 v2")
		}},
		{name: "back from quiet workers", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("backend-3 v2", "backend-4 v2", "frontend-2 v2", "worker-2 v2 exited")
		}},
		{name: "back from behind the switch", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-1", "draining").set("backend-2", "draining").set("frontend-1", "draining").
				with("backend-3 v2 routed", "backend-4 v2 routed", "frontend-2 v2 routed", "worker-2 v2")
		}},
		{name: "back without a scheduler", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("beat-1").with("beat-1 v2")
		}},
		{name: "back to containers that are gone", want1: true, options: back, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-1").set("backend-2").set("worker-1").
				with("backend-3 v2 routed", "backend-4 v2 routed", "worker-2 v2")
		}},
		{name: "again behind a kill", compose: edit(t, migrating, "order: before", "order: after"), state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("backend-3 v2", "backend-4 v2", "frontend-2 v2", "worker-2 v2", "backend-9 v2 oneoff")
		}},
		{name: "the old one behind a kill", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("worker-2 v2", "backend-3 v2")
		}},
		{name: "one at a time again behind a kill", options: deploy.PlanOptions{Overlap: deploy.OverlapSingle}, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-1").with("backend-3 v2 routed", "worker-2 v2")
		}},
		{name: "behind the commit", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("backend-3 v2 draining", "frontend-2 v2", "worker-2 v2")
		}},
		{name: "leftovers", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).with("backend-3 v2 exited", "backend-4 v2 dead", "backend-7 v1 oneoff exited", "mailer-1 v2 exited", "frontend-2 v2 created")
		}},
		{name: "a container that is stopping", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			for at := range o.Containers {
				o.Containers[at].Stopping = o.Containers[at].Service == "beat" || o.Containers[at].Service == "worker"
			}
			return o
		}},
		{name: "the one that serves, configured otherwise", want1: true, compose: migrating, state: otherwise},
		{
			name: "back from another configuration", want1: true, compose: migrating,
			options: deploy.PlanOptions{Back: true, OnlyStood: true, Stood: map[string]bool{
				"backend-1otherwise": true, "backend-2otherwise": true, "frontend-1v1": true, "worker-1otherwise": true,
				"beat-1v1": true, "db-1v1": true, "proxy-1v1": true,
			}},
			state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
				return otherwise(t, v1, v2).with("backend-3 v1 routed", "backend-4 v1 routed", "worker-2 v1").
					set("backend-1", "draining").set("backend-2", "draining")
			},
		},
		{
			name: "back to what stood, whatever its hash", want1: true,
			options: deploy.PlanOptions{Back: true, Stood: map[string]bool{"worker-1otherwise": true}},
			state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
				return rest(t, v1, v2).set("worker-1").with("worker-1 otherwise", "worker-2 v2")
			},
		},
		{
			name: "back to what ran, though its check fails now", want1: true,
			options: deploy.PlanOptions{Back: true, Before: map[string]bool{"backend-1v1": true, "db-1v1": true, "worker-1v1": true}},
			state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
				return rest(t, v1, v2).set("backend-1", "routed", "unhealthy").set("db-1", "unhealthy").set("worker-1", "unhealthy").with("backend-3 v2")
			},
		},
		{name: "the one that serves, all of it replaced by half a deploy", want1: true, compose: migrating, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-1").set("backend-2").set("frontend-1").set("worker-1").
				with("backend-3 v2 routed", "backend-4 v2 routed", "frontend-2 v2 routed", "worker-2 v2")
		}},
		{name: "unhealthy and exited", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-2", "routed", "unhealthy").set("frontend-1", "exited").set("beat-1", "exited").set("db-1", "exited").set("worker-1", "restarting")
		}},
		{name: "proxy down", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			o.Proxy = deploy.ProxyState{}
			return o
		}},
		{name: "proxy gone", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2).set("proxy-1")
			o.Proxy = deploy.ProxyState{}
			return o
		}},
		{name: "somebody changed the Compose file", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			o := rest(t, v1, v2)
			o.InPlace = false
			return o
		}},
		{name: "somebody switched by hand", want1: true, state: func(t *testing.T, v1, v2 *deploy.Release) *observed {
			return rest(t, v1, v2).set("backend-2", "draining")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			compose := test.compose
			if compose == "" {
				compose = shop
			}
			v1, v2 := release(t, edit(t, compose, test.from...), "v1"), release(t, edit(t, compose, test.to...), "v2")
			if test.state == nil {
				test.state = func(t *testing.T, v1, v2 *deploy.Release) *observed { return rest(t, v1, v2) }
			}
			want := v2
			if test.want1 {
				want = v1
			}
			got := test.state(t, v1, v2).plan(want, test.options)
			written += "# " + test.name + "\n" + got + "\n"
			if got != wanted[test.name] && !*update {
				t.Errorf("got\n%s\nwant\n%s", got, wanted[test.name])
			}
		})
	}
	if *update {
		if err := os.WriteFile("testdata/plans.txt", []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
