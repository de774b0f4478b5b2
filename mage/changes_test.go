//go:build integration

package mage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// store stands for a database: it owns a volume and a port of the host, so
// that two of it cannot run side by side.
const store = `  store:
    image: ${REGISTRY}/PROJECT:stored
    volumes: ["rows:/data"]
    ports: ["127.0.0.1:${STORE_PORT}:8080"]
    environment: {SETTING: "${STORE_SETTING:-}"}
    labels: LABELS
volumes:
  rows: {labels: LABELS}
`

// plain is a service without a route and without any health check.
const plain = `  plain:
    image: ${REGISTRY}/PROJECT:${VERSION}
    command: [worker]
    labels: LABELS
volumes:
`

// What changes of the configuration is rolled like a new image, and nothing
// else is touched.
func TestChangesAreRolledUnderLoad(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	a.release("v1")
	a.deploy("v1")
	before := a.serves(t, "v1", 2)
	proxy := a.ids("proxy")
	run := a.lightTraffic()
	t.Run("unchanged", func(t *testing.T) {
		result := a.deploy("v1")
		ended(t, result, 0, "nothing to do")
		t.Logf("in %s, peak memory %d MB", result.Took.Round(time.Millisecond), result.PeakMemory/1e6)
		a.serves(t, "v1", 2)
		a.untouched(t, before)
	})
	t.Run("only planned", func(t *testing.T) {
		a.release("v2")
		files := a.files()
		ended(t, a.deploy("v2", "-plan"), 0, "v1 → v2", a.Name+"-web-2 (image changed)", "nothing was touched")
		a.untouched(t, before)
		if now := a.files(); len(now) != len(files) {
			t.Errorf("a plan wrote files: %d, before it %d", len(now), len(files))
		}
	})
	t.Run("up to three replicas and down to one", func(t *testing.T) {
		first := a.ids("web")
		a.configure("REPLICAS=3")
		ended(t, a.deploy("v1"), 0, "1 of 3 replicas run")
		a.serves(t, "v1", 4)
		if !slices.Contains(a.ids("web"), first[0]) {
			t.Error("the container that was there was replaced")
		}
		a.configure("REPLICAS=1")
		ended(t, a.deploy("v1"), 0, "retire    "+a.Name+"-web-2, "+a.Name+"-web-3")
		a.serves(t, "v1", 2)
		if !slices.Equal(first, a.ids("web")) {
			t.Error("the oldest container is not the one that was kept")
		}
	})
	t.Run("not more at once than parallelism", func(t *testing.T) {
		a.configure("REPLICAS=3", "PARALLELISM=2")
		result := a.deploy("v2")
		a.serves(t, "v2", 4)
		starts := 0
		for line := range strings.Lines(result.Output) {
			if strings.Contains(line, "✓ start") {
				starts++
			}
		}
		if starts != 2 {
			t.Errorf("3 containers, 2 at once, were started in %d batches:\n%s", starts, result.Output)
		}
		a.configure()
		a.deploy("v2")
		a.serves(t, "v2", 2)
	})
	t.Run("a setting, with the same image", func(t *testing.T) {
		old := a.ids("web")
		a.configure("SETTING=new")
		ended(t, a.deploy("v2"), 0, "configuration changed")
		a.serves(t, "v2", 2)
		if slices.Equal(old, a.ids("web")) {
			t.Error("the container with the old setting is still there")
		}
	})
	t.Run("a service without a health check added and removed", func(t *testing.T) {
		web := a.ids("web")
		a.edit("volumes:\n  orders", plain+"  orders")
		ended(t, a.deploy("v2"), 0, "no health check: must stay up for 3s")
		a.serves(t, "v2", 3)
		a.edit()
		ended(t, a.deploy("v2"), 0, "not in the Compose file any more")
		a.serves(t, "v2", 2)
		if !slices.Equal(web, a.ids("web")) {
			t.Error("a service that did not change was touched")
		}
	})
	if !slices.Equal(proxy, a.ids("proxy")) {
		t.Error("the proxy was touched")
	}
	a.settle(run)
}

// What interrupts is refused without consent, and done with it.
func TestDowntimeNeedsConsent(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	port := fmt.Sprintf("STORE_PORT=%d", deploytest.FreePorts(t, 1)[0])
	a.configure(port)
	a.release("v1")
	a.release("stored")
	a.edit("volumes:\n  orders", store+"  orders")
	a.deploy("v1")
	before := a.serves(t, "v1", 3)
	for _, test := range []struct {
		service string
		setting string
		edit    []string
	}{
		{service: "store", setting: "STORE_SETTING=new"},
		{service: "proxy", setting: "STORE_SETTING=new", edit: []string{"x-deploy: {proxy: true}", "environment: {SETTING: new}\n    x-deploy: {proxy: true}"}},
	} {
		t.Run(test.service, func(t *testing.T) {
			a.configure(port, test.setting)
			a.edit(append(test.edit, "volumes:\n  orders", store+"  orders")...)
			files := a.files()
			ended(t, a.Mage("deploy:here", "v1", "-env=test"), deploy.ExitConsent,
				test.service+" for about", "configuration changed", "-accept-downtime", "nothing was touched")
			a.untouched(t, before)
			if now := a.files(); len(now) != len(files) {
				t.Errorf("a refused deploy wrote files: %d, before it %d", len(now), len(files))
			}
			old := map[string][]string{"web": a.ids("web"), "store": a.ids("store"), "proxy": a.ids("proxy")}
			t.Logf("%s", a.deploy("v1", "-accept-downtime").Output)
			before = a.serves(t, "v1", 3)
			for service, ids := range old {
				if replaced := !slices.Equal(ids, a.ids(service)); replaced != (service == test.service) {
					t.Errorf("%s replaced: %t", service, replaced)
				}
			}
		})
	}
}
