//go:build integration

package mage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// migrationMoments are lines of the migrations' own output, behind which a
// deploy is killed: in the first, in the second, which is not transactional,
// and in the third.
var migrationMoments = []string{"applying products.0017", "applying products.0018", "applying products.0019"}

// TestKilledWhileItMigrates kills a deploy of the webshop in the middle of
// three migrations, of which one is not transactional: of those that the
// release before survives, before the switch, and of those that it does not,
// behind it. Nothing is lost, one release serves, and the next deploy completes.
func TestKilledWhileItMigrates(t *testing.T) {
	alongside(t, webshops)
	w := newWebshop(t,
		deploytest.WebshopVersion{Name: "v1.0.0"},
		deploytest.WebshopVersion{Name: "survived", Arguments: map[string]string{"EXTRA_MIGRATION": "three"}},
		deploytest.WebshopVersion{Name: "guarded", Arguments: map[string]string{"EXTRA_MIGRATION": "guarded"}})
	run := w.lightTraffic()
	number := 0
	for _, version := range []string{"survived", "guarded"} {
		for _, moment := range migrationMoments {
			for _, victim := range victims[:3] {
				number++
				if !*everything && number%9 != 2 {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s behind %s", version, victim.name, moment), func(t *testing.T) {
					w.killedWhileItMigrates(t, version, moment, victim)
				})
			}
		}
	}
	run.settle()
}

func (w *webshop) killedWhileItMigrates(t *testing.T, version, moment string, v victim) {
	t.Helper()
	before := w.heads()
	a := &app{Project: w.Project}
	deploying := v.start(a, "deploy:here", version, "-env=test")
	deploying.AwaitEvent(deploy.EventStart, deploy.ActionMigrate)
	deploying.AwaitNote(moment)
	v.kill(a, deploying)
	result := deploying.Wait()
	t.Logf("status %d\n%s", result.Status, result.Output)
	if !v.repaired {
		recovered := w.MustMage("recover", "-env=test")
		t.Logf("%s", recovered.Output)
	}
	serving, _ := w.ask("GET", "/api/health/", nil)
	if want := map[string]string{"survived": "v1.0.0", "guarded": "guarded"}[version]; serving != want {
		t.Errorf("%s serves, not %s", serving, want)
	}
	w.oneBeat(t)
	w.deploys(version)
	if now := w.heads(); now == before || !strings.Contains(now, "[X] 0019_") {
		t.Errorf("after the next deploy the migrations are\n%s", now)
	}
	// No release uses what these bring, so that none fails without it.
	w.MustMage("migrate:revert", "products", "0016", "-accept-downtime", "-env=test")
	w.MustMage("rollback", "v1.0.0", "-env=test")
	if now := w.heads(); now != before {
		t.Errorf("reverted, the migrations are\n%s\nand were\n%s", now, before)
	}
}

// heads is what Django says of the products' migrations, in the image that
// serves.
func (w *webshop) heads() string {
	w.T.Helper()
	for _, one := range w.Containers(false) {
		if one.Labels["com.docker.compose.service"] == "backend" {
			return w.Exec(one.ID, "python3", "manage.py", "showmigrations", "products")
		}
	}
	w.T.Fatal("no backend runs")
	return ""
}

// oneBeat checks that one scheduler runs.
func (w *webshop) oneBeat(t *testing.T) {
	t.Helper()
	count := 0
	for _, one := range w.Containers(false) {
		if one.Labels["com.docker.compose.service"] == "beat" {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d schedulers run", count)
	}
}
