package deploy_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// stranger is a container of the stack, one a line: "backend-1 8000 exited".
func stranger(t *testing.T, o *observed, lines ...string) *observed {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		o.with(words[0] + " old " + strings.Join(slices.DeleteFunc(slices.Clone(words[1:]), isPort), " "))
		c := &o.Containers[len(o.Containers)-1]
		c.Foreign = true
		for _, word := range words[1:] {
			if port, ok := ports[word]; ok {
				c.Published = append(c.Published, port)
			}
		}
	}
	return o
}

var ports = map[string]deploy.Port{"8000": {Host: 8000, Target: 8000}, "80": {Host: 80, Target: 3000}, "5050": {Host: 5050, Target: 80}}

func isPort(word string) bool { _, ok := ports[word]; return ok }

// handmade is a host on which the whole stack runs.
func handmade(t *testing.T, want *deploy.Release) *observed {
	t.Helper()
	return stranger(t, nothing(t, want), "backend-1 8000 100MB", "frontend-1 80", "worker-1", "beat-1", "db-1")
}

// TestAdoptionPlans compares plans for literal states with those in testdata.
func TestAdoptionPlans(t *testing.T) {
	content, err := os.ReadFile("testdata/adoptions.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	wanted := map[string]string{}
	for section := range strings.SplitSeq("\n"+string(content), "\n# ") {
		name, plan, _ := strings.Cut(section, "\n")
		wanted[name] = strings.TrimSpace(plan) + "\n"
	}
	written := ""
	after := edit(t, migrating, "order: before", "order: after")
	snapshots := func(o *observed, names ...string) []deploy.Snapshot {
		var parked []deploy.Snapshot
		for _, c := range o.Containers {
			if slices.Contains(names, strings.TrimPrefix(c.Name, "shop-")) {
				parked = append(parked, deploy.Snapshot{Container: c})
			}
		}
		return parked
	}
	all := []string{"backend-1", "frontend-1", "worker-1", "beat-1", "db-1"}
	for _, test := range []struct {
		name    string
		compose string
		state   func(t *testing.T, v1 *deploy.Release) *observed
		// parked are the containers whose way back is planned.
		parked []string
	}{
		{name: "a whole stack", compose: migrating, state: handmade},
		{name: "migrations afterwards", compose: after, state: handmade},
		{name: "the database as wanted", state: func(t *testing.T, v1 *deploy.Release) *observed {
			o := handmade(t, v1).set("db-1").with("db-1 v1")
			o.Containers[len(o.Containers)-1].Foreign = true
			return o
		}},
		{name: "a missing image, stopped ones, and services that the release has not", state: func(t *testing.T, v1 *deploy.Release) *observed {
			o := stranger(t, handmade(t, v1), "worker-2 exited", "migrate-1 exited", "admin-1 5050", "nginx-1 80")
			delete(o.Present, v1.Images["backend"].Pinned())
			return o
		}},
		{name: "no database yet", state: func(t *testing.T, v1 *deploy.Release) *observed { return handmade(t, v1).set("db-1") }},
		{name: "no room", state: func(t *testing.T, v1 *deploy.Release) *observed { return handmade(t, v1).free(300) }},
		{name: "killed before the gap", state: func(t *testing.T, v1 *deploy.Release) *observed {
			return handmade(t, v1).with("backend-2 v1", "backend-3 v1", "frontend-2 v1", "worker-2 v1").set("worker-1")
		}},
		{name: "killed in the gap", state: func(t *testing.T, v1 *deploy.Release) *observed {
			return stranger(t, nothing(t, v1), "beat-1", "db-1").with("backend-2 v1", "backend-3 v1", "frontend-2 v1", "worker-2 v1")
		}},
		{name: "killed while the database was away", compose: migrating, state: func(t *testing.T, v1 *deploy.Release) *observed {
			o := stranger(t, nothing(t, v1), "beat-1").with("proxy-1 v1", "backend-2 v1 routed", "backend-3 v1 routed", "frontend-2 v1 routed", "worker-2 v1")
			o.Proxy.Up, o.Proxy.Current = true, true
			return o
		}},
		{name: "killed behind the commit", state: func(t *testing.T, v1 *deploy.Release) *observed {
			return stranger(t, rest(t, v1), "admin-1 5050")
		}},
		{name: "back from all of it", parked: all, state: func(t *testing.T, v1 *deploy.Release) *observed { return rest(t, v1) }},
		{name: "back from before the gap", parked: []string{"worker-1"}, state: func(t *testing.T, v1 *deploy.Release) *observed {
			return handmade(t, v1).set("worker-1").with("backend-2 v1", "frontend-2 v1", "worker-2 v1 exited", "backend-7 v1 oneoff")
		}},
		{name: "back from the gap", parked: []string{"worker-1", "backend-1", "db-1"}, state: func(t *testing.T, v1 *deploy.Release) *observed {
			o := stranger(t, nothing(t, v1), "frontend-1 80", "beat-1").with("backend-2 v1", "backend-3 v1", "frontend-2 v1", "worker-2 v1")
			o = stranger(t, o, "backend-1 8000")
			o.Containers[len(o.Containers)-1].Stopping = true
			return o
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			compose := test.compose
			if compose == "" {
				compose = shop
			}
			v1 := release(t, compose, "v1")
			o := test.state(t, v1)
			var got string
			if test.parked == nil {
				if plan, err := deploy.NewAdoption(o.State, v1); err != nil {
					got = err.Error() + "\n"
				} else {
					got = plan.String()
				}
			} else {
				got = deploy.NewReturn(o.State, v1, snapshots(handmade(t, v1), test.parked...)).String()
			}
			written += "# " + test.name + "\n" + got + "\n"
			if got != wanted[test.name] && !*update {
				t.Errorf("got\n%s\nwant\n%s", got, wanted[test.name])
			}
		})
	}
	if *update {
		if err := os.WriteFile("testdata/adoptions.txt", []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
