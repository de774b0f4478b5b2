package deploy_test

import (
	"testing"
	"testing/synctest"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestRecoveringAFirstDeployLeavesNothing(t *testing.T) {
	first := release(t, shop, "v1")
	last := 0
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		if _, err := s.deploy.Rollout(t.Context(), first, deploy.Options{}); err != nil {
			t.Fatal(err)
		}
		last = len(s.Calls())
	})
	in(t, "killed before it served", func(t *testing.T, s *site) {
		s.KillAt = last - 2 // before the proxy runs
		if _, err := s.deploy.Rollout(t.Context(), first, deploy.Options{}); err == nil {
			t.Fatal("the dead deployer was heard")
		}
		s.Revive()
		planned, err := s.deploy.Recover(t.Context(), deploy.Options{PlanOnly: true})
		if err != nil || planned.Outcome != deploy.OutcomePlanned {
			t.Fatalf("planned: %v, %v", planned.Outcome, err)
		}
		report, err := s.deploy.Recover(t.Context(), deploy.Options{})
		if err != nil || report.Outcome != deploy.OutcomeCleared {
			t.Fatalf("recovered: %v, %v", report.Outcome, err)
		}
		containers, _, err := s.Engine.Observe(t.Context(), first.Environment.Project.Name)
		if err != nil || len(containers) > 0 {
			t.Errorf("left are %v, %v", containers, err)
		}
		s.kept()
	})
	in(t, "nothing was begun", func(t *testing.T, s *site) {
		report, err := s.deploy.Recover(t.Context(), deploy.Options{})
		if err != nil || report.Outcome != deploy.OutcomeUnchanged {
			t.Errorf("recovered: %v, %v", report.Outcome, err)
		}
	})
	in(t, "nothing was interrupted", func(t *testing.T, s *site) {
		serving := s.serve(shop, "v1")
		report, err := s.deploy.Recover(t.Context(), deploy.Options{})
		if err != nil || report.Outcome != deploy.OutcomeUnchanged {
			t.Errorf("recovered: %v, %v", report.Outcome, err)
		}
		s.atRest(serving)
	})
}
