//go:build integration

package mage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// killProxy kills the proxy's process, as the kernel would for memory, and
// waits until the one that its restart policy starts serves: how long nothing
// did, and how long of that the new process needed.
func (a *app) killProxy(t *testing.T) (gap, boot time.Duration) {
	t.Helper()
	inspected, err := a.Docker.ContainerInspect(t.Context(), a.ids("proxy")[0])
	if err != nil {
		t.Fatal(err)
	}
	a.slay(inspected.State.Pid)
	killed := time.Now()
	a.Await("the proxy to be away", func() bool { return !a.reached() || time.Since(killed) > 5*time.Second })
	away := time.Now()
	a.Await("the proxy to be back", a.reached)
	back := time.Now()
	if inspected, err = a.Docker.ContainerInspect(t.Context(), inspected.ID); err != nil {
		t.Fatal(err)
	}
	started, err := time.Parse(time.RFC3339Nano, inspected.State.StartedAt)
	if err != nil || started.Before(killed) {
		t.Fatalf("the proxy is said to have started at %s (%v)", inspected.State.StartedAt, err)
	}
	return back.Sub(away), back.Sub(started)
}

// TestTheProxyIsKilled kills the proxy where nothing goes on and in the watch
// window of a deploy. It comes back with the file it had. What fails does so in
// the gap, and no hand is needed.
func TestTheProxyIsKilled(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=4s")
	a.edit("    x-deploy: {proxy: true}", "    restart: always\n    x-deploy: {proxy: true}")
	a.release("v1")
	a.release("v2")
	a.deploy("v1")
	before := a.stands()
	gap, boot := a.killProxy(t)
	t.Logf("at rest: away for %s, of which the new process took %s", gap, boot)
	if got := a.answers(t); got != "v1" {
		t.Errorf("%s answers", got)
	}
	if now := a.stands(); len(now) != len(before) {
		t.Errorf("before %v, now %v", before, now)
	}
	after := a.lightTraffic()
	a.Await("requests behind the restart", func() bool { return after.Snapshot().OK() > 300 })
	a.settle(after)

	deploying := a.Start("deploy:here", "v2", "-env=test")
	deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
	gap, boot = a.killProxy(t)
	t.Logf("in the watch window: away for %s, of which the new process took %s", gap, boot)
	after = a.lightTraffic()
	result := deploying.Wait()
	t.Logf("status %d\n%s", result.Status, result.Output)
	serving := map[int]string{0: "v2", deploy.ExitRolledBack: "v1"}[result.Status]
	a.serves(t, serving, 2)
	a.settle(after)
	ended(t, a.Mage("recover", "-env=test"), 0, "nothing to do")
}

// small mounts a file system of a few megabytes as the deploy directory, held
// by a container of the test, and gives its folder.
func (a *app) small(t *testing.T) string {
	t.Helper()
	name := a.Name + "-small"
	labels := map[string]string{deploytest.Label: a.Name}
	made, err := a.Docker.VolumeCreate(t.Context(), volume.CreateOptions{
		Name: name, Labels: labels, DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=4m"},
	})
	if err != nil {
		t.Fatal(err)
	}
	held, err := a.Docker.ContainerCreate(t.Context(),
		&container.Config{Image: a.image("v1"), Cmd: []string{"worker"}, Labels: labels},
		&container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: name, Target: "/small"}}}, nil, nil, name)
	if err == nil {
		err = a.Docker.ContainerStart(t.Context(), held.ID, container.StartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.Mountpoint
}

// fill takes what is left of a file system, until it is told to give it back.
func fill(t *testing.T, folder string) (free func()) {
	t.Helper()
	path := filepath.Join(folder, "filler")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 1 << 16; size > 0; size /= 2 {
		for err = error(nil); err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheDiskFills leaves no byte for the journal, the record and the proxy's
// file, before a deploy and behind its steps. Nothing is lost, what serves is
// known, and with room again nothing is left to do by hand.
func TestTheDiskFills(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=500ms")
	a.release("v1")
	a.release("v2")
	folder := a.small(t)
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte(a.ReadFile("deployed/.env")), 0o600); err != nil {
		t.Fatal(err)
	}
	a.edit("directory: deployed", "directory: "+folder)
	a.Directory = folder
	a.deploy("v1")
	run := a.briefTraffic()
	full := fill(t, a.Directory)
	ended(t, a.Mage("deploy:here", "v2", "-env=test"), deploy.ExitFailed, "no space left on device")
	full()
	a.stillServes(t, "v1")
	for _, moment := range []struct {
		kind   deploy.EventKind
		action deploy.Action
	}{
		{deploy.EventDone, deploy.ActionStart}, {deploy.EventDone, deploy.ActionAwait},
		{deploy.EventDone, deploy.ActionSwitch}, {deploy.EventStart, deploy.ActionWatch}, {deploy.EventDone, deploy.ActionCommit},
	} {
		t.Run(fmt.Sprintf("behind %s of %s", moment.kind, moment.action), func(t *testing.T) {
			deploying := a.Start("deploy:here", "v2", "-env=test")
			deploying.AwaitEvent(moment.kind, moment.action)
			full := fill(t, a.Directory)
			result := deploying.Wait()
			full()
			t.Logf("status %d\n%s", result.Status, result.Output)
			if result.Status == deploy.ExitNeedsPerson && !strings.Contains(result.Output, "The host's disk is full") {
				t.Error("it does not say what a person is to do")
			}
			recovered := a.MustMage("recover", "-env=test")
			t.Logf("%s", recovered.Output)
			a.stillServes(t, a.answers(t))
			a.MustMage("rollback", "v1", "-env=test")
		})
	}
	a.settle(run)
}

// stillServes checks what answers, runs and is recorded.
func (a *app) stillServes(t *testing.T, version string) {
	t.Helper()
	if got := a.answers(t); got != version {
		t.Errorf("%s answers, not %s", got, version)
	}
	ended(t, a.Mage("recover", "-env=test"), 0, version+" serves already: nothing to do")
}

// TestTheEngineIsAway stops the engine of a server with live-restore under
// load: what runs goes on, and the next deploy finds all as it was.
func TestTheEngineIsAway(t *testing.T) {
	alongside(t, apps)
	h := newHost(t)
	// As host:setup leaves it; the engine reads it anew.
	h.WriteFile("/etc/docker/daemon.json", `{"live-restore": true}`, 0o644)
	h.MustRunIn("/", "sh", "-c", "kill -HUP $(pidof dockerd)")
	await(t, time.Minute, "live-restore", func() bool {
		return strings.Contains(h.Run("docker", "info", "--format", "{{.LiveRestoreEnabled}}").Output, "true")
	})
	for number := range 2 {
		h.release(fmt.Sprintf("away-v%d", number))
	}
	h.mage("deploy:here", "away-v0", "-env=test")
	away := 10 * time.Second
	if *everything {
		away = time.Minute
	}
	run := h.traffic()
	h.KillEngine()
	before := run.Snapshot().OK()
	timer := time.NewTimer(away)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	if answered := run.Snapshot().OK() - before; answered < int(away.Seconds())*200 {
		t.Errorf("%d requests were answered without the engine", answered)
	}
	refused := h.RunIn(hostFolder, "./mage", "deploy:here", "away-v1", "-env=test")
	ended(t, refused, deploy.ExitFailed, "nothing answers on its socket")
	h.settle(run)
	// An engine that starts makes its rules for published ports anew: for that
	// moment it lets no connection in, whatever runs behind it.
	run = h.traffic()
	h.StartEngine()
	t.Logf("while the engine started:\n%s", run.Stop())
	run = h.traffic()
	h.mage("deploy:here", "away-v1", "-env=test")
	if got := h.answers(); got != "away-v1" {
		t.Errorf("%s answers", got)
	}
	h.settle(run)
}
