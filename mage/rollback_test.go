//go:build integration

package mage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// slowMonitor keeps a deploy in its watch window until a test ends it.
var slowMonitor = []string{`"${MONITOR:-1s}"`, "5m"}

// rollback is one way back under load, and how long it took.
func (a *app) rollback(t *testing.T, from, to string) {
	t.Helper()
	run := a.lightTraffic()
	a.Await("requests before the rollback", func() bool { return run.Snapshot().OK() > 100 })
	began := time.Now()
	result := a.MustMage("rollback", to, "-env=test")
	a.serves(t, to, 2)
	logRollback(t, a.settle(run), began, from, result)
}

// logRollback logs the time from the command to the last answer of the release
// that is left; what was open at the switch and finished after it apart.
func logRollback(t *testing.T, report load.Report, began time.Time, from string, result deploytest.Result) {
	t.Helper()
	for _, release := range report.Releases {
		if release.Name == from {
			t.Logf("from the command: last request that %s answered sent after %s, its last answer after %s; the command took %s, peak memory %d MB",
				from, release.LastSent.Sub(began).Round(time.Millisecond), release.Last.Sub(began).Round(time.Millisecond),
				result.Took.Round(time.Millisecond), result.PeakMemory/1e6)
		}
	}
}

func TestRollbacksLoseNothing(t *testing.T) {
	alongside(t, apps)
	registry := deploytest.NewRegistry(t, deploytest.Engine(t))
	a := newAppAt(t, registry.Address)
	for _, version := range []string{"v1", "v2", "v3"} {
		a.release(version)
	}
	a.deploy("v1")
	a.deploy("v2")
	a.serves(t, "v2", 2)
	t.Run("local, with the registry down", func(t *testing.T) {
		registry.Stop()
		a.rollback(t, "v2", "v1")
	})
	t.Run("deploy of what is here, with the registry down", func(t *testing.T) {
		a.deploy("v2")
		a.serves(t, "v2", 2)
	})
	t.Run("cold, with the images gone from the host", func(t *testing.T) {
		registry.Start()
		a.forget("v1")
		a.rollback(t, "v2", "v1")
	})
	t.Run("local, after pruning and with the registry down", func(t *testing.T) {
		a.forget("v2")
		a.deploy("v2") // pulled, so that nothing but the deploy has named it
		a.forget("v3")
		a.deploy("v3")
		a.deploy("v2")
		a.prune()
		registry.Stop()
		a.rollback(t, "v2", "v3")
		a.rollback(t, "v3", "v1")
		registry.Start()
	})
	t.Run("warm, out of a deploy that still watches", func(t *testing.T) {
		before := a.serves(t, "v1", 2)
		run := a.lightTraffic()
		a.edit(slowMonitor...)
		deploying := a.Start("deploy:here", "v2", "-env=test")
		deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
		began := time.Now()
		back := a.MustMage("rollback", "v1", "-env=test")
		deployed := deploying.Wait()
		t.Logf("%s\n%s", deployed.Output, back.Output)
		ended(t, back, 0, "deploy:here v2, started by", "asked it to go back", "v1 serves already")
		ended(t, deployed, deploy.ExitInterrupted, "asks to go back: rollback v1", "release v2 was taken back: v1 serves")
		a.serves(t, "v1", 2)
		a.untouched(t, before)
		logRollback(t, a.settle(run), began, "v2", back)
	})
	t.Run("behind a deploy that has committed", func(t *testing.T) {
		run := a.lightTraffic()
		a.Await("requests that are open", func() bool { return run.Snapshot().OK() > 100 })
		a.edit(`"${MONITOR:-1s}"`, "1ms")
		deploying := a.Start("deploy:here", "v2", "-env=test")
		deploying.AwaitEvent(deploy.EventStart, deploy.ActionRetire)
		back := a.MustMage("rollback", "v1", "-env=test")
		ended(t, back, 0, "deploy:here v2, started by", "serves already and retires what is old: waiting for it")
		ended(t, deploying.Wait(), 0, "✓ retire")
		a.serves(t, "v1", 2)
		a.settle(run)
		a.edit(slowMonitor...)
	})
	t.Run("another version than the deploy leaves has to wait", func(t *testing.T) {
		before := a.serves(t, "v1", 2)
		deploying := a.Start("deploy:here", "v2", "-env=test")
		deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
		ended(t, a.Mage("rollback", "v3", "-env=test"), deploy.ExitLocked, "deploy:here v2 is running since")
		if deploying.Ended() {
			t.Error("the deploy was ended")
		}
		deploying.Signal(termination)
		ended(t, deploying.Wait(), deploy.ExitInterrupted)
		a.untouched(t, before)
	})
}

// forget removes a version's image from the engine, under all its names.
func (a *app) forget(version string) {
	a.T.Helper()
	inspected, err := a.Docker.ImageInspect(a.T.Context(), a.image(version))
	if err != nil {
		a.T.Fatal(err)
	}
	for _, reference := range append(inspected.RepoTags, inspected.RepoDigests...) {
		if err := deploytest.RemoveImages(a.T.Context(), a.Docker, reference); err != nil {
			a.T.Fatal(err)
		}
	}
	if _, err := a.Docker.ImageInspect(a.T.Context(), inspected.ID); err == nil {
		a.T.Fatalf("%s is still in the engine", version)
	}
}

// prune does what `docker system prune -f` does, to this test's own only.
func (a *app) prune() {
	a.T.Helper()
	own := filters.NewArgs(filters.Arg("label", deploytest.Label+"="+a.Name))
	containers, err := a.Docker.ContainersPrune(a.T.Context(), own)
	if err != nil || len(containers.ContainersDeleted) > 0 {
		a.T.Errorf("stopped containers were left to prune: %v (%v)", containers.ContainersDeleted, err)
	}
	networks, err := a.Docker.NetworksPrune(a.T.Context(), own)
	if err != nil || len(networks.NetworksDeleted) > 0 {
		a.T.Errorf("networks were left to prune: %v (%v)", networks.NetworksDeleted, err)
	}
	repository, _, _ := strings.Cut(a.image("-"), ":-")
	_, err = a.Docker.ImagesPrune(a.T.Context(), filters.NewArgs(
		filters.Arg("dangling", "true"), filters.Arg("label", deploytest.RepositoryLabel+"="+repository)))
	if err != nil {
		a.T.Error(err)
	}
}
