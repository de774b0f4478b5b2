//go:build integration

package mage_test

import (
	"fmt"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

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
}
