//go:build integration

package mage_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// brokenRelease is a release that must not get through, and what is said of it.
type brokenRelease struct {
	mode   string
	status int
	// says is what the output must name, each of them; log is what the saved
	// log of the failed container must contain.
	says []string
	log  string
	// settings go into .env for this release.
	settings []string
	// answers says that it gets requests, and answers them with errors.
	answers bool
	// swept says that it is left to -faults: the small application has its like.
	swept bool
}

var brokenReleases = []brokenRelease{
	{mode: "missing-env", swept: true, status: deploy.ExitFailed, log: "PAYMENT_API_KEY is not set",
		says: []string{"backend", "PAYMENT_API_KEY is not set", "A variable is missing", "v1.0.0 serves, untouched"}},
	{mode: "memory", swept: true, status: deploy.ExitFailed,
		says: []string{"backend", "killed for memory", "limits.memory", "v1.0.0 serves, untouched"}},
	{mode: "failing-migration", status: deploy.ExitFailed, settings: []string{"ORDER=before"},
		says: []string{"migrate in the image of backend", "this migration fails on purpose", "v1.0.0 serves, untouched"}},
	{mode: "never-healthy", swept: true, status: deploy.ExitFailed, settings: []string{"BUDGET=20s"}, log: "",
		says: []string{"backend", "not healthy within 20s", "503", "v1.0.0 serves, untouched"}},
	{mode: "exit-at-boot", status: deploy.ExitFailed, log: "KeyError: 'CURRENCY'",
		says: []string{"backend", "A variable is missing", "KeyError: 'CURRENCY'", "v1.0.0 serves, untouched"}},
	{mode: "loopback", swept: true, status: deploy.ExitFailed, settings: []string{"BUDGET=40s"}, log: "127.0.0.1:8000",
		says: []string{"backend", "not healthy within 40s", "connection refused", "127.0.0.1 only (use 0.0.0.0)", "v1.0.0 serves, untouched"}},
	{mode: "error-500", status: deploy.ExitRolledBack, answers: true, settings: []string{"MONITOR=20s"}, log: "RuntimeError",
		says: []string{"watch backend", "answered 5xx", "was taken back: v1.0.0 serves"}},
}

// oddReleases are sound, and come or go in ways of their own. Each is deployed
// over the one before it, the last with -faults alone: it takes half a minute.
var oddReleases = []string{"ignore-sigterm", "die-on-sigterm", "slow-boot"}

func TestTheWebshopTakesBrokenReleasesBack(t *testing.T) {
	alongside(t, webshops)
	versions := []deploytest.WebshopVersion{{Name: "v1.0.0"}}
	chosen := slices.DeleteFunc(slices.Clone(brokenReleases), func(b brokenRelease) bool { return b.swept && !*everything })
	for _, broken := range chosen {
		versions = append(versions, deploytest.WebshopVersion{Name: broken.mode, Arguments: map[string]string{"BREAK": broken.mode}})
	}
	odds := oddReleases
	if !*everything {
		odds = odds[:2]
	}
	for _, odd := range odds {
		versions = append(versions, deploytest.WebshopVersion{Name: odd, Arguments: map[string]string{"BREAK": odd}})
	}
	w := newWebshop(t, versions...)
	unheard := w.lightTraffic()
	for _, broken := range chosen {
		if !broken.answers {
			t.Run(broken.mode, func(t *testing.T) { w.in(t).takesBack(broken, unheard) })
		}
	}
	unheard.settle()
	for _, broken := range chosen {
		if broken.answers {
			t.Run(broken.mode, func(t *testing.T) {
				traffic := w.lightTraffic()
				w.in(t).takesBack(broken, traffic)
				w.settleBut500(traffic, broken.mode)
			})
		}
	}
	// What ignores SIGTERM is killed after its grace period, which is long enough
	// for what does not.
	w.configure("GRACE=10s")
	traffic := w.lightTraffic()
	for _, odd := range odds {
		t.Run(odd, func(t *testing.T) { w.in(t).replaces(odd) })
	}
	traffic.settle()
}

// in is the webshop in a part of its test.
func (w *webshop) in(t *testing.T) *webshop {
	project, copied := *w.Project, *w
	project.T, copied.Project = t, &project
	return &copied
}

// takesBack deploys a broken release under load.
func (w *webshop) takesBack(broken brokenRelease, traffic *traffic) {
	w.T.Helper()
	w.configure(broken.settings...)
	before, lost := w.identifiers(), traffic.lost()
	result := w.Mage("deploy:here", broken.mode, "-env=test")
	w.log(result)
	if result.Status != broken.status {
		w.T.Errorf("exit status %d, want %d\n%s", result.Status, broken.status, result.Output)
	}
	for _, text := range broken.says {
		if !strings.Contains(result.Output, text) {
			w.T.Errorf("the output does not say %q:\n%s", text, result.Output)
		}
	}
	if after := w.identifiers(); !maps.Equal(before, after) {
		w.T.Errorf("containers before: %v\nafter: %v", before, after)
	}
	if report, folder := w.report(broken.mode); broken.log != "" {
		w.checkSavedLog(folder, broken.log)
	} else if report.Outcome != deploy.OutcomeUntouched {
		w.T.Errorf("outcome %q", report.Outcome)
	}
	if now := traffic.lost(); !broken.answers && now > lost {
		w.T.Errorf("%d requests lost", now-lost)
	}
}

// lost is what was lost up to now.
func (t *traffic) lost() int {
	return t.backend.Snapshot().Lost() + t.frontend.Snapshot().Lost()
}

// replaces deploys a release over one that may go in a way of its own.
func (w *webshop) replaces(version string) {
	w.T.Helper()
	before, _ := w.ask("GET", "/api/products/", nil)
	result := w.deploys(version)
	if release, _ := w.ask("GET", "/api/products/", nil); release != version {
		w.T.Errorf("%s serves", release)
	}
	killed := strings.Contains(result.Output, "did not stop within its grace period of 10s and was killed")
	if ignores := before == "ignore-sigterm"; killed != ignores {
		w.T.Errorf("of %s something was killed: %t\n%s", before, killed, result.Output)
	}
	if version == "slow-boot" && result.Took < 20*time.Second {
		w.T.Errorf("it took %s, and the release boots in 20 s", result.Took)
	}
}

// checkSavedLog looks for a line in the logs that were kept of a release.
func (w *webshop) checkSavedLog(folder, want string) {
	w.T.Helper()
	logs, _ := filepath.Glob(filepath.Join(folder, "containers", "*backend*.log"))
	for _, path := range logs {
		if content, err := os.ReadFile(path); err == nil && strings.Contains(string(content), want) {
			return
		}
	}
	w.T.Errorf("none of %v contains %q", logs, want)
}

// identifiers are the engine's, by container name, of what runs or not.
func (w *webshop) identifiers() map[string]string {
	w.T.Helper()
	found := map[string]string{}
	for _, container := range w.Containers(true) {
		found[container.Names[0]] = container.ID
	}
	return found
}

// settleBut500 is settle for a release that answers with errors of its own:
// nothing else may have gone wrong.
func (w *webshop) settleBut500(traffic *traffic, release string) {
	w.T.Helper()
	backend, frontend := traffic.backend.Stop(), traffic.frontend.Stop()
	w.T.Logf("%s", backend)
	if err := frontend.Check(); err != nil {
		w.T.Error(err)
	}
	own := backend.Of(load.Get).Reasons["status 500"] + backend.Of(load.Post).Reasons["status 500"]
	if own == 0 || backend.Lost() != own {
		w.T.Errorf("%d lost, %d of them the application's own errors\n%s", backend.Lost(), own, backend)
	}
	for _, failure := range backend.Failures {
		if failure.Release != release {
			w.T.Errorf("an error of %q: %+v", failure.Release, failure)
		}
	}
	traffic.settleOrders()
}
