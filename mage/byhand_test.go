//go:build integration

package mage_test

import (
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// harmless checks what people do by hand on the host, with every Compose that
// they may have there: `ps` names what runs, `up -d` changes nothing.
func (a *app) harmless(t *testing.T, version string, containers int) {
	t.Helper()
	found := a.serves(t, version, containers)
	for _, major := range []string{"v5", "v2"} {
		a.named(t, major, found)
		a.Compose(major, "up", "-d")
		if !a.same(found) {
			t.Errorf("docker compose up -d (%s) changed what runs:\nbefore %v\nnow    %v", deploytest.ComposeVersions[major], found, a.stands())
			found = a.stands()
		}
	}
}

func TestComposeByHandChangesNothing(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "REPLICAS=2")
	for _, version := range []string{"v1", "v2"} {
		a.release(version)
	}
	a.release("bad", "APP_REQUIRE_ENV=NOTHING_SETS_THIS")
	a.edit("volumes:\n  orders", plain+"  orders")
	for _, step := range []struct {
		name, version string
		do            func(t *testing.T)
	}{
		{"after the first deploy", "v1", func(*testing.T) { a.deploy("v1") }},
		{"after a deploy", "v2", func(*testing.T) { a.deploy("v2") }},
		{"after one that failed", "v2", func(t *testing.T) { ended(t, a.Mage("deploy:here", "bad", "-env=test"), deploy.ExitFailed) }},
		{"after a rollback", "v1", func(*testing.T) { a.MustMage("rollback", "v1", "-env=test") }},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.do(t)
			a.harmless(t, step.version, 4)
		})
	}
	for _, major := range []string{"v5", "v2"} {
		t.Run("restart with Compose "+deploytest.ComposeVersions[major], func(t *testing.T) {
			web := a.ids("web")
			a.Compose(major, "restart", "-t", "1")
			a.Await("the release to answer after a restart", func() bool { return a.reached() })
			a.serves(t, "v1", 4)
			if now := a.ids("web"); len(now) != len(web) {
				t.Errorf("the restart woke or removed containers: %v, before it %v", now, web)
			}
		})
	}
	t.Run("and the next deploy finds its way", func(t *testing.T) {
		a.deploy("v2")
		a.harmless(t, "v2", 4)
	})
}
