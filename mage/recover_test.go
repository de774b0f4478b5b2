//go:build integration

package mage_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// kills are moments of a deploy at which it is killed, and whether what it
// deploys serves after that.
var kills = []struct {
	name   string
	kind   deploy.EventKind
	action deploy.Action
	goes   bool
}{
	{"after start", deploy.EventDone, deploy.ActionStart, false},
	{"during await", deploy.EventStart, deploy.ActionAwait, false},
	{"after the switch", deploy.EventDone, deploy.ActionSwitch, false},
	{"during watch", deploy.EventStart, deploy.ActionWatch, false},
	{"during retire", deploy.EventStart, deploy.ActionRetire, true},
}

// TestRecoverLosesNothing kills a deploy with nobody to notice, and types what
// an operator would, under load.
func TestRecoverLosesNothing(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	for _, version := range []string{"v1", "v2"} {
		a.release(version, "APP_BOOT=500ms")
	}
	nothing := a.MustMage("recover", "-env=test")
	if !strings.Contains(nothing.Output, "nothing is left to repair") {
		t.Errorf("before anything was deployed:\n%s", nothing.Output)
	}
	a.deploy("v1")
	serving, other := "v1", "v2"
	run := a.lightTraffic()
	for _, kill := range kills {
		t.Run("killed "+kill.name, func(t *testing.T) {
			deploying := a.Start("deploy:here", other, "-env=test")
			deploying.AwaitEvent(kill.kind, kill.action)
			deploying.Signal(syscall.SIGKILL)
			deploying.Wait()
			planned := a.MustMage("recover", "-env=test", "-plan")
			if !strings.Contains(planned.Output, "nothing was touched") {
				t.Errorf("the plan:\n%s", planned.Output)
			}
			result := a.MustMage("recover", "-env=test")
			t.Logf("recovered in %s\n%s", result.Took, result.Output)
			if kill.goes {
				serving, other = other, serving
			}
			a.serves(t, serving, 2)
			if again := a.MustMage("recover", "-env=test"); !strings.Contains(again.Output, "nothing to do") {
				t.Errorf("something was left to repair:\n%s", again.Output)
			}
		})
	}
	a.goesBackByWord(t, serving, other)
	a.settle(run)
}

// goesBackByWord lists what there is to go back to, and goes to the one before
// without naming it.
func (a *app) goesBackByWord(t *testing.T, serving, other string) {
	t.Helper()
	a.deploy(other)
	a.deploy(serving)
	listed := a.MustMage("releases", "-env=test")
	for _, wanted := range []string{serving, other, "it serves", "its images are here"} {
		if !strings.Contains(listed.Output, wanted) {
			t.Errorf("%q is not listed:\n%s", wanted, listed.Output)
		}
	}
	back := a.MustMage("rollback", "previous", "-env=test")
	if !strings.Contains(back.Output, other+" serves") {
		t.Errorf("the one before is %s:\n%s", other, back.Output)
	}
	a.serves(t, other, 2)
}
