//go:build integration

package mage_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// TestTheWebshopRollsUnderLoadAndLosesNothing is in no lane: its load is half of
// what a small machine has.
func TestTheWebshopRollsUnderLoadAndLosesNothing(t *testing.T) {
	var versions []deploytest.WebshopVersion
	for number := range 6 {
		versions = append(versions, deploytest.WebshopVersion{Name: fmt.Sprintf("v1.%d.0", number)})
	}
	w := newWebshop(t, versions...)
	traffic := w.traffic()
	for _, version := range versions[1:] {
		w.deploys(version.Name)
		report, _ := w.report(version.Name)
		if report.Outcome != deploy.OutcomeDeployed || report.EndedAtDeadline != 0 {
			t.Errorf("%s: %s, %d ended at the drain deadline", version.Name, report.Outcome, report.EndedAtDeadline)
		}
	}
	traffic.settle()
	w.seedAndRevert()
}

// seedAndRevert imports the sample catalogue twice, and takes the schema back
// by one migration, as a person does.
func (w *webshop) seedAndRevert() {
	w.T.Helper()
	for range 2 {
		w.inBackend("python3", "manage.py", "seed")
	}
	reverted := w.MustMage("migrate:revert", "products", "0015", "-accept-downtime", "-env=test")
	if !strings.Contains(reverted.Output, "reverted products.0016_product_weight") {
		w.T.Errorf("the migration was not taken back:\n%s", reverted.Output)
	}
	if unknown := w.Mage("migrate:revert", "products", "0999", "-env=test"); unknown.Status != deploy.ExitUsage || !strings.Contains(unknown.Output, "app products has no migration 0999") {
		w.T.Errorf("an unknown migration ended with status %d:\n%s", unknown.Status, unknown.Output)
	}
}

// inBackend runs a command in the backend that serves.
func (w *webshop) inBackend(command ...string) {
	w.T.Helper()
	for _, one := range w.Containers(false) {
		if one.Labels["com.docker.compose.service"] != "backend" {
			continue
		}
		output, err := exec.CommandContext(w.T.Context(), "docker", append([]string{"exec", one.ID}, command...)...).CombinedOutput()
		if err != nil {
			w.T.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
		}
		return
	}
	w.T.Fatal("no backend runs")
}
