//go:build integration

package mage_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// TestTheDoctorFindsAFullDisk leaves no byte of the deploy directory's disk.
func TestTheDoctorFindsAFullDisk(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=300ms", "DRAIN=1s")
	a.release("v1")
	folder := a.small(t)
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte(a.ReadFile("deployed/.env")), 0o600); err != nil {
		t.Fatal(err)
	}
	a.edit("directory: deployed", "directory: "+folder)
	a.Directory = folder
	a.deploy("v1")
	well(t, a.Project)
	free := fill(t, folder)
	named(t, a.Project, doctor.CauseDiskFull, folder)
	free()
	well(t, a.Project)
}

// TestTheDoctorKnowsWhatTakesTime has what shows only after a while: what ends
// again and again, what answers errors, what was killed.
func TestTheDoctorKnowsWhatTakesTime(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=300ms", "DRAIN=1s", "GRACE=2s")
	a.release("good")
	a.deploy("good")

	// A deployer that dies, and nobody who goes on.
	a.release("next")
	deploying := a.Start("deploy:here", "next", "-env=test")
	deploying.AwaitEvent(deploy.EventDone, deploy.ActionStart)
	deploying.Signal(syscall.SIGKILL)
	deploying.Wait()
	named(t, a.Project, doctor.CauseInterrupted, "mage recover")
	a.MustMage("recover", "-env=test")
	if !*everything {
		return
	}
	restarting := []string{"    stop_grace_period", "    restart: always\n    stop_grace_period"}
	for _, loop := range []struct {
		version string
		release []string
		edit    []string
		cause   doctor.Cause
	}{
		{"ends", []string{"APP_EXIT_AFTER=4s"}, restarting, doctor.CauseRestartLoop},
		{"hogs", []string{"APP_AFTER=4s", "APP_HOG_MEMORY=512m"}, append([]string{updateLine, limitedMemory}, restarting...), doctor.CauseOutOfMemory},
	} {
		t.Run(loop.version, func(t *testing.T) {
			a.release(loop.version, loop.release...)
			a.edit(loop.edit...)
			a.deploy(loop.version)
			a.Await("three restarts", func() bool { return a.web(t).RestartCount >= 3 })
			named(t, a.Project, loop.cause, "web")
			a.edit()
			a.deploy("good")
		})
	}
	t.Run("errors", func(t *testing.T) {
		a.release("errors", "APP_FAIL_STATUS=500")
		a.edit("watch: {requests: 50}", "watch: {requests: 1000000}")
		a.deploy("errors")
		for range 100 {
			if response, err := http.Get("http://" + a.address() + "/"); err == nil {
				_ = response.Body.Close()
			}
		}
		named(t, a.Project, doctor.CauseErrors, "5xx")
	})
	t.Run("slower", func(t *testing.T) { a.slower(t) })
	t.Run("its share of the processor", func(t *testing.T) {
		a.release("works", "APP_BOOT=1s")
		a.edit(updateLine, "      resources: {limits: {cpus: \"0.02\"}}\n"+updateLine, healthLine, "health: {path: /healthz, budget: 60s}")
		a.deploy("works")
		run := a.asked(500)
		a.Await("more than it can serve", func() bool { return run.Snapshot().OK() >= 1000 })
		named(t, a.Project, doctor.CauseCPU, "limits.cpus of web")
		run.Stop()
		a.edit()
		a.deploy("good")
	})
	t.Run("verification", func(t *testing.T) {
		a.edit(verifyLine, "interval: 200ms, attempts: 2, contains: the new front page}")
		a.release("other")
		ended(t, a.Mage("deploy:here", "other", "-env=test"), deploy.ExitRolledBack, "cause: ", "("+string(doctor.CauseVerification)+")")
	})
}

// asked asks for the front page so many times a second.
func (a *app) asked(rate float64) *load.Run {
	run := load.Start(context.WithoutCancel(a.T.Context()), load.Profile{
		Targets: []load.Target{{Address: a.address()}}, Rate: rate, Mix: []load.Request{{Kind: load.Get, Path: "/"}}, Conns: 32,
	})
	a.T.Cleanup(func() { run.Stop() })
	return run
}

// slower deploys a release that takes its time over one that did not.
func (a *app) slower(t *testing.T) {
	a.release("quick", "APP_DELAY=20ms")
	a.release("sluggish", "APP_DELAY=450ms")
	a.edit("watch: {requests: 50}", "watch: {requests: 50, slowdown: 1000}")
	a.deploy("quick")
	run := a.asked(30)
	a.Await("the times of quick", func() bool { return run.Snapshot().OK() >= 100 })
	a.deploy("sluggish")
	asked := run.Snapshot().OK()
	a.Await("the times of sluggish", func() bool { return run.Snapshot().OK() >= asked+200 })
	named(t, a.Project, doctor.CauseSlower, "before sluggish")
	if err := run.Stop().Check(); err != nil {
		t.Error(err)
	}
	a.edit()
	a.deploy("good")
}

// web is the application's container.
func (a *app) web(t *testing.T) container.InspectResponse {
	t.Helper()
	inspected, err := a.Docker.ContainerInspect(t.Context(), a.ids("web")[0])
	if err != nil {
		t.Fatal(err)
	}
	return inspected
}
