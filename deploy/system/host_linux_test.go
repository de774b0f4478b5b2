package system

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
)

// newTestHost is a host whose files are in a folder of the test's own. No
// engine's program judges its configuration unless one is installed here.
func newTestHost(t *testing.T) *host {
	h := newHost(Options{
		Directory: "/opt/shop", Environment: "production", Owner: "deploy", Project: "shop",
		Binary: filepath.Join(t.TempDir(), "uploaded"), Root: t.TempDir(),
	})
	h.engine = &system.Info{LoggingDriver: "json-file", ContainersRunning: 1}
	h.write(t, "/opt/shop/.deploy/journal.jsonl", "")
	return h
}

func (h *host) write(t *testing.T, name, text string) {
	t.Helper()
	path := h.path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func (h *host) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(h.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (h *host) set(t *testing.T, step step, want State, text string) Item {
	t.Helper()
	item := h.settle(t.Context(), step, true)
	if item.State != want || !strings.Contains(item.Text, text) {
		t.Errorf("got %+v, want %s: %s", item, want, text)
	}
	return item
}

func TestConfigurationIsMergedOnce(t *testing.T) {
	h := newTestHost(t)
	h.write(t, daemonFile, "{\n  \"debug\": true\n}\n")
	logs := step{name: itemLogs, look: h.lookLogs, fix: h.configure, engine: true}
	h.set(t, logs, Done, "json-file, 10m × 3; the old file is ")
	if text := h.read(t, daemonFile); !strings.Contains(text, `"debug": true,`) || !strings.Contains(text, `"live-restore": true`) {
		t.Errorf("got\n%s", text)
	}
	kept, err := filepath.Glob(h.path(daemonFile) + ".before-*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if content, err := os.ReadFile(kept[0]); err != nil || string(content) != "{\n  \"debug\": true\n}\n" {
		t.Errorf("kept %s, %v", content, err)
	}
	before, _ := os.Stat(h.path(daemonFile))
	h.set(t, logs, Already, "json-file, 10m × 3")
	if after, err := os.Stat(h.path(daemonFile)); err != nil || !os.SameFile(before, after) {
		t.Errorf("a second time the file was written again: %v", err)
	}
	h.engine.LiveRestoreEnabled = true
	h.set(t, step{name: itemLiveRestore, look: h.lookLiveRestore}, Done, "outlive")
}

func TestConfigurationThatIsALinkStaysOne(t *testing.T) {
	h := newTestHost(t)
	h.write(t, "/srv/configuration/daemon.json", "{}")
	if err := errors.Join(os.MkdirAll(h.path("/etc/docker"), 0o755), os.Symlink(h.path("/srv/configuration/daemon.json"), h.path(daemonFile))); err != nil {
		t.Fatal(err)
	}
	h.set(t, step{name: itemLogs, look: h.lookLogs, fix: h.configure}, Done, "json-file")
	if target, err := os.Readlink(h.path(daemonFile)); err != nil || !strings.Contains(h.read(t, "/srv/configuration/daemon.json"), "max-size") {
		t.Errorf("link %s, %v", target, err)
	}
}

func TestConfigurationThatCannotBeReadIsRefused(t *testing.T) {
	h := newTestHost(t)
	const broken = "{\n  \"debug\": true,,\n}\n"
	h.write(t, daemonFile, broken)
	for _, step := range []step{
		{name: itemLogs, look: h.lookLogs, fix: h.configure},
		{name: itemLiveRestore, look: h.lookLiveRestore, fix: h.enableLiveRestore},
	} {
		item := h.set(t, step, Failed, "daemon.json: line 2, column 17: ")
		if !strings.Contains(item.Hint, "nothing was changed") {
			t.Errorf("hint %s", item.Hint)
		}
	}
	entries, _ := os.ReadDir(h.path("/etc/docker"))
	if text := h.read(t, daemonFile); text != broken || len(entries) != 1 {
		t.Errorf("changed: %v\n%s", entries, text)
	}
}

func TestWhatTheHostHasChosenStays(t *testing.T) {
	for _, test := range []struct {
		name, file, line string
		swarm            bool
		logs, restore    State
		text             string
	}{
		{name: "another driver", file: `{"log-driver": "journald", "live-restore": false}`, logs: Already, restore: Warning, text: "switched off in "},
		{name: "a swarm", file: `{"log-driver": "local"}`, swarm: true, logs: Already, restore: Warning, text: "swarm"},
		{name: "flags", file: `{}`, line: "dockerd\x00--log-driver=syslog\x00--live-restore=false\x00", logs: Already, restore: Warning, text: "command line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newTestHost(t)
			h.write(t, daemonFile, test.file)
			if test.swarm {
				h.engine.Swarm.LocalNodeState = swarm.LocalNodeStateActive
			}
			if test.line != "" {
				h.write(t, pidFile, "77\n")
				h.write(t, "/proc/77/comm", "dockerd\n")
				h.write(t, "/proc/77/cmdline", test.line)
			}
			h.set(t, step{name: itemLogs, look: h.lookLogs, fix: h.configure}, test.logs, "")
			h.set(t, step{name: itemLiveRestore, look: h.lookLiveRestore, fix: h.enableLiveRestore}, test.restore, test.text)
			if text := h.read(t, daemonFile); text != test.file {
				t.Errorf("changed to %s", text)
			}
		})
	}
}

func TestWrapperIsWrittenOnceAndNeverOverAnother(t *testing.T) {
	h := newTestHost(t)
	write := step{name: itemWrapper, look: h.lookWrapper, fix: h.writeWrapper}
	h.set(t, write, Done, "/opt/shop/mage")
	before, _ := os.Stat(h.path(wrapperPath))
	h.set(t, write, Already, "/opt/shop/mage")
	if after, err := os.Stat(h.path(wrapperPath)); err != nil || !os.SameFile(before, after) {
		t.Errorf("a second time it was written again: %v", err)
	}
	h.write(t, wrapperPath, wrapper("/opt/gone"))
	h.set(t, write, Done, "/opt/shop/mage")
	h.write(t, "/opt/other/mage", "")
	h.write(t, "/opt/other/.deploy/current", "")
	for text, want := range map[string]string{
		wrapper("/opt/other"):        "another deploy directory",
		"#!/bin/sh\nexec magefile\n": "another program",
	} {
		h.write(t, wrapperPath, text)
		h.set(t, write, Warning, want)
		if h.read(t, wrapperPath) != text {
			t.Errorf("%s was overwritten", want)
		}
	}
	if err := errors.Join(os.Remove(h.path(wrapperPath)), os.Symlink("/nowhere/mage", h.path(wrapperPath))); err != nil {
		t.Fatal(err)
	}
	h.set(t, write, Warning, "another program")
}

func TestRecoveryWithoutSystemd(t *testing.T) {
	h := newTestHost(t)
	h.write(t, "/run/systemd/system/leftover", "") // its package was installed; it does not run
	install := step{name: itemRecovery, look: h.lookRecovery, fix: h.installRecovery}
	h.set(t, install, Warning, "systemd does not run here")
	name := "/etc/systemd/system/shop-production-recover.service"
	before, _ := os.Stat(h.path(name))
	h.set(t, install, Warning, "systemd does not run here")
	if after, err := os.Stat(h.path(name)); err != nil || !os.SameFile(before, after) {
		t.Errorf("a second time it was written again: %v", err)
	}
	h.write(t, name, "[Unit]\nDescription=mine\n")
	h.set(t, install, Warning, "somebody else's")
}

func TestDirectoryIsTheOwners(t *testing.T) {
	h := newTestHost(t)
	me := account{uid: os.Getuid(), gid: os.Getgid()}
	top := h.path("/opt/shop")
	if err := os.RemoveAll(top); err != nil {
		t.Fatal(err)
	}
	settle := func(want int) {
		t.Helper()
		found, err := h.misfits(me, me.gid)
		if err != nil || len(found) != want {
			t.Fatalf("found %+v, %v", found, err)
		}
		for _, one := range found {
			if err := one.fit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle(2)
	settle(0)
	h.write(t, "/opt/shop/.env", "SECRET=1")
	h.write(t, "/opt/shop/.deploy/releases/1/record.json", "{}")
	proxy := filepath.Join(top, ".deploy", "proxy")
	if err := errors.Join(os.Mkdir(proxy, 0o770), os.Chmod(proxy, 0o770|fs.ModeSetgid), os.Chmod(top, 0o755)); err != nil {
		t.Fatal(err)
	}
	settle(2) // the secrets and the directory were open to others
	settle(0)
	for path, want := range map[string]fs.FileMode{
		top: 0o750 | fs.ModeDir, filepath.Join(top, ".deploy"): 0o750 | fs.ModeDir,
		proxy: 0o770 | fs.ModeDir | fs.ModeSetgid, filepath.Join(top, ".env"): 0o600,
	} {
		if stat, err := os.Stat(path); err != nil || stat.Mode() != want {
			t.Errorf("%s: %v, %v", path, stat.Mode(), err)
		}
	}
	if err := os.Chmod(top, 0o700); err != nil {
		t.Fatal(err)
	}
	settle(0) // narrower is the owner's choice
}

func TestPortIsTakenByWhoListensOnAnyAddress(t *testing.T) {
	h := newHost(Options{})
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		_, text, _ := net.SplitHostPort(listener.Addr().String())
		port, _ := strconv.Atoi(text)
		found, err := h.holder(port, containers{})
		if err != nil || found == nil || !strings.Contains(found.name, "process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("%s: %+v, %v", address, found, err)
		}
		_ = listener.Close()
		if found, err := h.holder(port, containers{}); err != nil || found != nil {
			t.Errorf("%s, free again: %+v, %v", address, found, err)
		}
	}
}

func TestStepsAreTriedOnceAndLookedAtAgain(t *testing.T) {
	h := newTestHost(t)
	missing := func(context.Context) Item { return Item{Name: "it", State: Missing, Text: "not there"} }
	nothing := func(context.Context) (string, error) { return "", nil }
	h.set(t, step{look: missing, fix: nothing}, Failed, "not there")
	h.set(t, step{look: missing}, Failed, "not there")
	if item := h.settle(t.Context(), step{look: missing, fix: nothing}, false); item.State != Missing {
		t.Errorf("a check gives %+v", item)
	}
	h.engine = nil
	if item := h.settle(t.Context(), step{name: "it", look: missing, engine: true}, false); item.State != Missing || !strings.Contains(item.Text, "engine") {
		t.Errorf("without an engine: %+v", item)
	}
}
