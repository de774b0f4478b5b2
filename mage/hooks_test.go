//go:build integration

package mage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// hooksOf writes the Compose file with these hooks, by moment, beside those that
// say how a command ended.
func (a *app) hooksOf(before ...string) {
	a.T.Helper()
	a.edit("  watch: {requests: 50}\n", "  watch: {requests: 50}\n  hooks:\n    before_switch: ["+strings.Join(before, ", ")+`]
    after_success: [{name: after, host: true, command: "env | sort > after"}]
    on_failure: [{name: failed, host: true, command: "env | sort > failed"}, {name: said, service: web, command: [say, DEPLOY_OUTCOME, APP_RELEASE]}]
    on_rollback: [{name: back, host: true, command: "env | sort > back"}]
`)
}

// drop removes what hooks have written.
func (a *app) drop(files ...string) {
	a.T.Helper()
	for _, file := range files {
		if err := os.Remove(filepath.Join(a.Directory, file)); err != nil && !os.IsNotExist(err) {
			a.T.Fatal(err)
		}
	}
}

// told checks what a hook on the host had of its environment.
func (a *app) told(t testing.TB, file string, wanted ...string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(a.Directory, file))
	if err != nil {
		t.Error(err)
		return
	}
	for _, line := range wanted {
		if !slices.Contains(strings.Split(string(content), "\n"), line) {
			t.Errorf("%s has no %q:\n%s", file, line, content)
		}
	}
	if strings.Contains(string(content), "OF_THE_DEPLOYER") || strings.Contains(string(content), "WEB_PORT") {
		t.Errorf("%s has what is the deployer's own:\n%s", file, content)
	}
}

// noted checks what the journal has of a hook's output.
func (a *app) noted(t testing.TB, wanted ...string) {
	t.Helper()
	events, err := (&deploy.Store{Directory: a.Directory}).Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range wanted {
		if !slices.ContainsFunc(events, func(e deploy.Event) bool { return e.Kind == deploy.EventNote && e.Text == text }) {
			t.Errorf("the journal has no note %q", text)
		}
	}
}

// pid waits for the number of a process that a hook has written to a file, whole.
func (a *app) pid(file string) int {
	a.T.Helper()
	number := 0
	a.Await("the process of "+file, func() bool {
		content, _ := os.ReadFile(filepath.Join(a.Directory, file)) // not there yet
		line, _, whole := strings.Cut(string(content), "\n")
		number, _ = strconv.Atoi(line)
		return whole && number > 0
	})
	return number
}

func (a *app) buried(t testing.TB, pid int) {
	t.Helper()
	a.Await(fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
}

// TestHooks has hooks in containers and on the host succeed, fail, hang and be
// killed with their deployer, under load.
func TestHooks(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=300ms", "DRAIN=3s", "OF_THE_DEPLOYER=secret")
	for _, version := range []string{"v1", "v2", "v3"} {
		a.release(version)
	}
	a.hooksOf()
	a.deploy("v1")
	run := a.lightTraffic()
	t.Run("in a container and on the host", func(t *testing.T) {
		a.hooksOf(
			`{name: inside, service: web, command: [say, DEPLOY_, APP_RELEASE]}`,
			`{name: outside, host: true, command: "pwd; printf '\\033[31mred\\033[0m\\n'; env | sort > before"}`,
		)
		planned := a.MustMage("deploy:plan", "test", "v2")
		says(t, planned, "hook inside: say in web (before the switch, at most 1m0s)", "hook outside: pwd on the host", "hook after: env on the host (after success")
		result := a.deploy("v2")
		t.Logf("%s\n%s", planned.Output, result.Output)
		a.serves(t, "v2", 2)
		a.told(t, "before", "DEPLOY_VERSION=v2", "DEPLOY_PREVIOUS=v1", "DEPLOY_COMMAND=deploy", "DEPLOY_ENVIRONMENT=test")
		a.told(t, "after", "DEPLOY_VERSION=v2", "DEPLOY_OUTCOME=deployed")
		a.noted(t, "inside | DEPLOY_VERSION=v2", "inside | DEPLOY_PREVIOUS=v1", "inside | APP_RELEASE=v2", "outside | "+a.Directory, "outside | red")
	})
	before := a.serves(t, "v2", 2)
	for _, test := range []struct {
		name, hook string
		says       []string
	}{
		{"failing in a container", `{name: stop, service: web, command: [nothing-of-the-kind]}`, []string{"hook stop (x-deploy.hooks.before_switch): exit status 2", "unknown mode"}},
		{"failing on the host", `{name: stop, host: true, command: "echo not today; exit 7"}`, []string{"hook stop (x-deploy.hooks.before_switch): exit status 7", "| not today"}},
		{"hanging in a container", `{name: stop, service: web, command: [hang], timeout: 1s}`, []string{"hook stop", "not done within 1s (its timeout)"}},
		{"hanging on the host", `{name: stop, host: true, command: "trap '' TERM; sleep 600 & echo $$! > child; sleep 600", timeout: 1s}`, []string{"hook stop", "not done within 1s (its timeout)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a.hooksOf(test.hook)
			a.drop("after", "failed", "back")
			result := a.Mage("deploy:here", "v3", "-env=test")
			t.Logf("%s", result.Output)
			ended(t, result, deploy.ExitFailed, append(test.says, "never had a request: v2 serves, untouched")...)
			a.serves(t, "v2", 2)
			a.untouched(t, before)
			a.told(t, "failed", "DEPLOY_VERSION=v3", "DEPLOY_PREVIOUS=v2", "DEPLOY_COMMAND=deploy", "DEPLOY_OUTCOME=untouched")
			a.noted(t, "said | APP_RELEASE=v2", "said | DEPLOY_OUTCOME=untouched")
			for _, file := range []string{"after", "back"} {
				if _, err := os.Stat(filepath.Join(a.Directory, file)); err == nil {
					t.Errorf("the hook %s ran", file)
				}
			}
		})
	}
	a.buried(t, a.pid("child"))
	for _, victim := range victims[:3] {
		t.Run("killed in a container: "+victim.name, func(t *testing.T) {
			a.hooksOf(`{name: stop, service: web, command: [hang], timeout: 10m}`)
			a.killedIn(t, victim, before, func() {})
		})
		t.Run("killed on the host: "+victim.name, func(t *testing.T) {
			a.drop("child")
			a.hooksOf(`{name: stop, host: true, command: "trap '' TERM; sleep 600 & echo $$! > child; echo hangs; sleep 600", timeout: 10m}`)
			child := 0
			a.killedIn(t, victim, before, func() { child = a.pid("child") })
			a.buried(t, child)
		})
	}
	t.Run("rolled back by hand", func(t *testing.T) {
		a.drop("after", "back")
		ended(t, a.Mage("rollback", "v1", "-env=test"), 0)
		a.told(t, "back", "DEPLOY_VERSION=v1", "DEPLOY_PREVIOUS=v2", "DEPLOY_COMMAND=rollback", "DEPLOY_OUTCOME=deployed")
		if _, err := os.Stat(filepath.Join(a.Directory, "after")); err == nil {
			t.Error("the hook of a success ran behind a rollback")
		}
	})
	a.settle(run)
}

// killedIn kills whoever deploys while a hook hangs, and recovers: what serves
// is untouched, nothing of the hook is left, and on_failure runs once.
func (a *app) killedIn(t *testing.T, victim victim, before standing, ready func()) {
	t.Helper()
	a.drop("failed")
	deploying := victim.start(a, "deploy:here", "v3", "-env=test")
	deploying.AwaitNote("stop | hangs")
	ready()
	victim.kill(a, deploying)
	result := deploying.Wait()
	if !victim.repaired {
		result = a.Mage("recover", "-env=test")
		ended(t, result, 0)
	}
	t.Logf("%s", result.Output)
	a.serves(t, "v2", 2)
	a.untouched(t, before)
	a.told(t, "failed", "DEPLOY_VERSION=v3", "DEPLOY_PREVIOUS=v2", "DEPLOY_COMMAND=recover", "DEPLOY_OUTCOME=untouched")
	a.drop("failed")
	ended(t, a.Mage("recover", "-env=test"), 0)
	if _, err := os.Stat(filepath.Join(a.Directory, "failed")); err == nil {
		t.Error("the hook of a failure ran twice")
	}
}
