//go:build integration

package mage_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

const (
	interrupt   = syscall.SIGINT
	termination = syscall.SIGTERM
)

// stages are moments of a deploy at which it is told to stop.
var stages = []struct {
	name   string
	kind   deploy.EventKind
	action deploy.Action
	// goes says that only clearing up is left: the new release stays.
	goes bool
	edit []string
}{
	{name: "after start", kind: deploy.EventDone, action: deploy.ActionStart, edit: slowMonitor},
	{name: "during await", kind: deploy.EventStart, action: deploy.ActionAwait, edit: slowMonitor},
	{name: "during watch", kind: deploy.EventStart, action: deploy.ActionWatch, edit: slowMonitor},
	{name: "during retire", kind: deploy.EventStart, action: deploy.ActionRetire, goes: true, edit: []string{`"${MONITOR:-1s}"`, "1ms"}},
}

func TestSignalsLoseNothing(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	for _, version := range []string{"v1", "v2"} {
		a.release(version, "APP_BOOT=500ms")
	}
	a.deploy("v1")
	serving, other := "v1", "v2"
	run := a.lightTraffic()
	for _, signal := range []syscall.Signal{termination, interrupt} {
		for _, stage := range stages {
			t.Run(signal.String()+" "+stage.name, func(t *testing.T) {
				a.edit(stage.edit...)
				before := a.serves(t, serving, 2)
				deploying := a.Start("deploy:here", other, "-env=test")
				deploying.AwaitEvent(stage.kind, stage.action)
				deploying.Signal(signal)
				result := deploying.Wait()
				if stage.goes {
					t.Logf("%s", result.Output)
					serving, other = other, serving
					ended(t, result, 0, serving+" serves")
					a.serves(t, serving, 2)
					return
				}
				ended(t, result, deploy.ExitInterrupted, serving+" serves")
				a.serves(t, serving, 2)
				a.untouched(t, before)
			})
		}
	}
	a.settle(run)
}

func TestInterruptedFirstDeployLeavesNothing(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	a.release("v1", "APP_BOOT=1m")
	deploying := a.Start("deploy:here", "v1", "-env=test")
	deploying.AwaitEvent(deploy.EventStart, deploy.ActionAwait)
	deploying.Signal(termination)
	ended(t, deploying.Wait(), deploy.ExitInterrupted, "nothing serves, as before")
	if left := a.stands(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(a.Directory + "/docker-compose.test.yml"); err == nil {
		t.Error("a Compose file was put in place, as if something served")
	}
	a.release("v2")
	a.deploy("v2")
	a.serves(t, "v2", 2)
}

func TestOneDeployAtATime(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	for _, version := range []string{"v1", "v2"} {
		a.release(version)
	}
	a.deploy("v1")
	a.edit(slowMonitor...)
	deploys := make([]*deploytest.Command, 10)
	for at := range deploys {
		deploys[at] = a.Start("deploy:here", "v2", "-env=test")
	}
	running := func() []*deploytest.Command {
		var left []*deploytest.Command
		for _, one := range deploys {
			if !one.Ended() {
				left = append(left, one)
			}
		}
		return left
	}
	a.Await("nine of ten deploys to give up", func() bool { return len(running()) == 1 })
	first := running()[0]
	first.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
	for _, one := range deploys {
		if one == first {
			continue
		}
		ended(t, one.Wait(), deploy.ExitLocked, "deploy:here v2 is running since", "-wait=5m")
	}
	// The one that waits finds the lock free and the release as it left it.
	a.edit()
	waiting := a.Start("deploy:here", "v1", "-env=test", "-wait=5m")
	first.Signal(termination)
	ended(t, first.Wait(), deploy.ExitInterrupted)
	if result := waiting.Wait(); result.Status != 0 || !strings.Contains(result.Output, "v1") {
		t.Errorf("the deploy that waited: exit status %d\n%s", result.Status, result.Output)
	}
	a.serves(t, "v1", 2)
}
