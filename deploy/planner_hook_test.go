package deploy_test

import (
	"slices"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// hookedShop has short services and a hook of each kind.
const hookedShop = shop + hooked

func TestPlannedHooks(t *testing.T) {
	v1, v2 := release(t, hookedShop, "v1"), release(t, hookedShop, "v2")
	changed := release(t, edit(t, hookedShop, "bin/look --all", "bin/look"), "v1")
	changed.ID = "v1-again"
	worker := release(t, edit(t, hookedShop, "[celery, worker]", "[celery, worker, -B]"), "v1")
	worker.ID = "v1-worker"
	smaller := release(t, edit(t, hookedShop, "replicas: 2", "replicas: 1"), "v1")
	smaller.ID = "v1-smaller"
	before := []string{"warm: sleep in backend", "look: look on the host"}
	after := []string{"tell: echo on the host"}
	for _, test := range []struct {
		name    string
		state   *observed
		want    *deploy.Release
		options deploy.PlanOptions
		hooks   []string
	}{
		{"a release", rest(t, v1, v2), v2, deploy.PlanOptions{}, append(before, after...)},
		{"a first deploy", nothing(t, v1), v1, deploy.PlanOptions{}, append(before, after...)},
		{"one service after the other", rest(t, v1, v2), v2, deploy.PlanOptions{Overlap: deploy.OverlapSingle}, append(before, after...)},
		{"another worker only", rest(t, v1, worker), worker, deploy.PlanOptions{}, append(before, after...)},
		{"fewer containers", rest(t, v1, smaller), smaller, deploy.PlanOptions{}, append(before, after...)},
		{"the way back", rest(t, v2, v1), v1, deploy.PlanOptions{Back: true}, nil},
		{"a recovery that goes on", rest(t, v1, v2), v2, deploy.PlanOptions{Recovering: true}, after},
		{"the release that serves", rest(t, v1), v1, deploy.PlanOptions{}, nil},
		{"only other hooks", rest(t, v1, changed), changed, deploy.PlanOptions{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := deploy.NewPlan(test.state.State, test.want, test.options)
			if err != nil {
				t.Fatal(err)
			}
			var hooks []string
			touched := false
			for _, step := range plan.Steps() {
				switch step.Action {
				case deploy.ActionHook:
					hooks = append(hooks, step.Subject())
					if touched && step.Hook.Moment == deploy.HookBeforeSwitch {
						t.Errorf("%s comes when what serves was touched", step)
					}
				case deploy.ActionQuiet, deploy.ActionSwitch, deploy.ActionConfigure, deploy.ActionRetire, deploy.ActionCommit:
					touched = true
				}
			}
			compareLists(t, hooks, test.hooks)
			if t.Failed() {
				t.Logf("%s", plan)
			}
		})
	}
	if text := rest(t, v1, changed).plan(changed, deploy.PlanOptions{}); text != "production: v1\n   1  commit    v1 (the release that serves from here on)\n" {
		t.Errorf("other hooks make a plan of more than their record:\n%s", text)
	}
}

func compareLists(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
