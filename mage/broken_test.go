//go:build integration

package mage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

const (
	// Lines of the Compose file that tests replace.
	healthLine    = "health: {path: /healthz, budget: 20s}"
	verifyLine    = "interval: 200ms}"
	updateLine    = "      update_config: "
	limitedMemory = "      resources: {limits: {memory: 96m}}\n      update_config: "
)

// broken are releases that must not get through, each taken back without a
// lost request.
var broken = []struct {
	name    string
	release []string
	edit    []string
	status  int
	says    []string
	// container says that one of the release was started and failed.
	container bool
}{
	{
		name: "never healthy", release: []string{"APP_HEALTH=never"},
		edit:   []string{healthLine, "health: {path: /healthz, budget: 2s}"},
		status: deploy.ExitFailed, says: []string{"not healthy within 2s", "503", "listening", "never had a request: good serves"}, container: true,
	},
	{
		name: "exits at boot", release: []string{"APP_EXIT_AFTER=100ms", "APP_BOOT=1m"},
		status: deploy.ExitFailed, says: []string{"exited with status 3", "crash as APP_EXIT_AFTER wants it"}, container: true,
	},
	{
		name: "takes more memory than its limit", release: []string{"APP_HOG_MEMORY=512m"},
		edit:   []string{updateLine, limitedMemory},
		status: deploy.ExitFailed, says: []string{"killed for memory", "deploy.resources.limits.memory"}, container: true,
	},
	{
		name: "listens on 127.0.0.1 only", release: []string{"APP_LISTEN=127.0.0.1:8080"},
		edit:   []string{healthLine, "health: {path: /healthz, budget: 2s}"},
		status: deploy.ExitFailed, says: []string{"connection refused", "127.0.0.1 only (use 0.0.0.0)", "address=127.0.0.1:8080"}, container: true,
	},
	{
		name: "misses a variable", release: []string{"APP_REQUIRE_ENV=PAYMENT_KEY"},
		status: deploy.ExitFailed, says: []string{"exited with status 2", "PAYMENT_KEY: required and not set", "compare .env"}, container: true,
	},
	{
		name:   "fails verification",
		edit:   []string{verifyLine, "interval: 200ms, attempts: 2, contains: the new front page}"},
		status: deploy.ExitRolledBack, says: []string{"verify http://", "2 attempts failed", "was taken back: good serves"}, container: true,
	},
	{
		name:   "fails to migrate before the switch",
		edit:   []string{healthLine, healthLine + "\n      migrations: {apply: [/app, migrate], order: before}"},
		status: deploy.ExitFailed, says: []string{"migrate in the image of web", `unknown mode`, "never had a request: good serves"},
	},
	{
		name:   "fails to migrate after the switch",
		edit:   []string{healthLine, healthLine + "\n      migrations: {apply: [/app, migrate], order: after}"},
		status: deploy.ExitRolledBack, says: []string{"migrate in the image of web", `unknown mode`, "was taken back: good serves"}, container: true,
	},
}

func TestBrokenReleasesLoseNothing(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	a.release("good")
	a.deploy("good")
	before := a.serves(t, "good", 2)
	run := a.lightTraffic()
	for _, test := range broken {
		t.Run(test.name, func(t *testing.T) {
			version := "bad-" + strings.ReplaceAll(test.name, " ", "-")
			a.release(version, test.release...)
			a.edit(test.edit...)
			lost := run.Snapshot().Lost()
			result := a.Mage("deploy:here", version, "-env=test")
			t.Logf("%s", result.Output)
			ended(t, result, test.status, test.says...)
			a.serves(t, "good", 2)
			a.untouched(t, before)
			if test.container {
				a.keepsEvidence(t, version)
			}
			if now := run.Snapshot().Lost(); now > lost {
				t.Errorf("%d requests lost", now-lost)
			}
		})
	}
	t.Run("slow to boot and fine", func(t *testing.T) {
		a.edit()
		a.release("slow", "APP_BOOT=3s")
		a.deploy("slow")
		a.serves(t, "slow", 2)
	})
	a.settle(run)
}

// A variable of .env is no part of a release's record. One that breaks the
// release that serves must not take its containers with it.
func TestBreakingVariableLeavesWhatServes(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	a.edit(healthLine, "health: {path: /healthz, budget: 2s}", "{SETTING:", "{APP_HEALTH:")
	a.release("good")
	a.deploy("good")
	before := a.serves(t, "good", 2)
	run := a.lightTraffic()
	a.configure("SETTING=never")
	ended(t, a.Mage("deploy:here", "good", "-env=test"), deploy.ExitFailed, "not healthy within 2s",
		"good as it is configured now never had a request: its containers from before serve, untouched")
	a.untouched(t, before)
	a.configure()
	ended(t, a.deploy("good"), 0, "nothing to do")
	a.settle(run)
}

// keepsEvidence checks that the logs and the inspection of the containers of a
// release that failed are kept.
func (a *app) keepsEvidence(t testing.TB, version string) {
	t.Helper()
	folder := filepath.Join(a.Directory, ".deploy", "releases", "*-"+version, "containers")
	for _, suffix := range []string{"log", "json"} {
		files, _ := filepath.Glob(filepath.Join(folder, a.Name+"-web-*."+suffix))
		if len(files) != 1 {
			t.Errorf("kept of %s: %v, wanted one .%s", version, files, suffix)
			continue
		}
		if content, err := os.ReadFile(files[0]); err != nil || len(content) == 0 {
			t.Errorf("%s is empty (%v)", files[0], err)
		}
	}
}

// What only shows once requests reach a release cannot be kept from them. It
// is taken back at once, and from then on nothing is lost.
func TestReleasesThatFailUnderRequestsAreTakenBack(t *testing.T) {
	for _, test := range []struct {
		name    string
		release []string
		// fair checks what was lost; nil for a release that holds what it has got
		// and never answers.
		fair func(testing.TB, load.Report)
		says []string
		// swept says that it is left to -faults.
		swept bool
	}{
		{"healthy and answers 500", []string{"APP_FAIL_STATUS=500"}, onlyRefused, []string{"answered 5xx, which crosses 5.0 %", "error_ratio"}, false},
		{"crashes after the switch", []string{"APP_EXIT_AFTER=4s"}, onlyInFlight, []string{"exited with status 3", "crash as APP_EXIT_AFTER wants it"}, false},
		{"is killed for memory after the switch", []string{"APP_AFTER=4s", "APP_HOG_MEMORY=512m"}, onlyInFlight, []string{"killed for memory", "limits.memory"}, true},
		{"hangs after the switch", []string{"APP_AFTER=4s", "APP_HANG=1"}, nil, []string{"of the deployer's own", "requests failed"}, false},
		{"flaps after the switch", []string{"APP_AFTER=4s", "APP_HEALTH=flap"}, nothing, []string{"of the deployer's own", "requests failed", "503"}, true},
	} {
		if test.swept && !*everything {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			alongside(t, apps)
			a := newApp(t, "DRAIN=3s", "GRACE=3s")
			a.edit(`"${MONITOR:-1s}"`, "30s", updateLine, limitedMemory)
			a.release("good")
			a.deploy("good")
			before := a.serves(t, "good", 2)
			run := a.lightTraffic()
			a.release("bad", test.release...)
			result := a.Mage("deploy:here", "bad", "-env=test")
			t.Logf("%s", result.Output)
			ended(t, result, deploy.ExitRolledBack, append(test.says, "was taken back: good serves")...)
			a.serves(t, "good", 2)
			a.untouched(t, before)
			a.keepsEvidence(t, "bad")
			report := run.Stop()
			if err := report.Ledger(a.orders(report.Prefix)).Err(); err != nil {
				t.Error(err)
			}
			if test.fair != nil {
				test.fair(t, report)
			}
			t.Logf("%s", report)
			after := a.lightTraffic()
			a.Await("requests after the way back", func() bool { return after.Snapshot().OK() >= 300 })
			a.settle(after)
		})
	}
}

// nothing checks that nothing was lost.
func nothing(t testing.TB, report load.Report) {
	t.Helper()
	if err := report.Check(); err != nil {
		t.Error(err)
	}
}

// onlyInFlight checks that a container that died took nothing with it but what
// was on its way to it then: whoever came later was served by the old one.
func onlyInFlight(t testing.TB, report load.Report) {
	t.Helper()
	var death time.Time
	for _, failure := range report.Failures {
		if death.IsZero() || failure.End.Before(death) {
			death = failure.End
		}
	}
	for _, failure := range report.Failures {
		if failure.Begin.After(death.Add(inFlight)) {
			t.Errorf("lost %s after the death: %+v", failure.Begin.Sub(death), failure)
		}
	}
	if report.Lost() >= 50 {
		t.Errorf("%d requests were in flight?", report.Lost())
	}
}

// inFlight is what a request's way through the proxy to a dying container takes.
const inFlight = 100 * time.Millisecond

// onlyRefused checks that whatever did not end well was answered, with a 5xx
// of the release's own.
func onlyRefused(t testing.TB, report load.Report) {
	t.Helper()
	for _, kind := range report.Kinds {
		if kind.Lost+kind.Cut > 0 || kind.Failed > 0 && kind.Kind != load.Get {
			t.Errorf("%s: %d lost, %d cut, %d failed: %v", kind.Kind, kind.Lost, kind.Cut, kind.Failed, kind.Reasons)
		}
	}
	if report.Of(load.Get).Failed == 0 {
		t.Error("the release that answers 500 had no request")
	}
}
