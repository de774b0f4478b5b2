package deploy_test

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

var errOperator = errors.New("the operator pressed Ctrl-C")

// way is a rollout from one Compose file to another, to be disturbed.
type way struct {
	name string
	// serving and want are the releases of from and to.
	serving, want *deploy.Release
	from, to      string
	options       deploy.Options
}

func ways(t *testing.T) []way {
	quick := edit(t, shop+"  watch: {requests: 5}\n"+hooked, "replicas: 2", "replicas: 2\n      update_config: {order: start-first, monitor: 1s, parallelism: 1}",
		"expose: [\"3000\"]", "expose: [\"3000\"]\n    deploy: {update_config: {order: start-first, monitor: 1s}}")
	migrating := edit(t, quick, migrationsBelow, migrationsBelow+"      migrations: {apply: [manage, migrate], order: after}\n")
	without := edit(t, quick, "frontend:\n    image: registry.example/shop/frontend:${VERSION}", "pages:\n    image: registry.example/shop/pages:${VERSION}")
	all := []way{
		{name: "every service", from: quick, to: migrating},
		{name: "one service after the other", from: quick, to: quick, options: deploy.Options{Overlap: deploy.OverlapSingle}},
		{name: "retired at the switch", from: quick, to: quick, options: deploy.Options{Overlap: deploy.OverlapBrief}},
		{name: "other services", from: quick, to: without},
		{name: "scaled down", from: quick, to: edit(t, quick, "replicas: 2", "replicas: 1")},
		{name: "another proxy", from: quick, to: edit(t, quick, "haproxy:3.0", "haproxy:3.1"), options: deploy.Options{AcceptDowntime: true}},
		{name: "another database", from: quick, to: edit(t, quick, "postgres:17", "postgres:18"), options: deploy.Options{AcceptDowntime: true}},
	}
	for at := range all {
		all[at].serving, all[at].want = release(t, all[at].from, "v1"), release(t, all[at].to, "v2")
	}
	return all
}

// start serves the way's first release.
func (w way) start(s *site) {
	s.Behaviours["backend"] = fake.Behaviour{Boot: 7 * time.Second}
	s.Behaviours["worker"] = fake.Behaviour{Boot: 3 * time.Second, Ending: 20 * time.Second}
	if _, err := s.deploy.Rollout(s.t.Context(), w.serving, deploy.Options{}); err != nil {
		s.t.Fatal(err)
	}
	s.Consent = w.options.AcceptDowntime
}

// calls counts the calls before the undisturbed way and in it.
func (w way) calls(t *testing.T) (before, in int) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		w.start(s)
		before = len(s.Calls())
		if _, err := s.deploy.Rollout(t.Context(), w.want, w.options); err != nil {
			t.Fatal(err)
		}
		s.atRest(w.want)
		in = len(s.Calls()) - before
	})
	return before, in
}

// disturbances are what may happen at one call, and what must come of it.
var disturbances = []struct {
	name string
	run  func(s *site, w way, at int)
}{
	{"fails", func(s *site, w way, at int) { w.fails(s, fake.Fault{At: at}) }},
	{"fails by half", func(s *site, w way, at int) { w.fails(s, fake.Fault{At: at, Half: true}) }},
	{"interrupted", func(s *site, w way, at int) { w.interrupted(s, at) }},
	{"killed, then again", func(s *site, w way, at int) { w.killed(s, at, false, w.want, deploy.Options{}) }},
	{"killed, then rolled back", func(s *site, w way, at int) { w.killed(s, at, false, w.serving, deploy.Options{Rollback: true}) }},
	{"killed, then the old one", func(s *site, w way, at int) { w.killed(s, at, false, w.serving, deploy.Options{}) }},
	{"killed, then recovered", func(s *site, w way, at int) { w.recovered(s, at, false) }},
	{"killed by half, then recovered", func(s *site, w way, at int) { w.recovered(s, at, true) }},
	{"killed by half, then again", func(s *site, w way, at int) { w.killed(s, at, true, w.want, deploy.Options{}) }},
	{"killed by half, then rolled back", func(s *site, w way, at int) { w.killed(s, at, true, w.serving, deploy.Options{Rollback: true}) }},
	{"killed by half, then the old one", func(s *site, w way, at int) { w.killed(s, at, true, w.serving, deploy.Options{}) }},
}

// everything sweeps all disturbances over all calls of all ways. Without it some
// calls get one of them each.
var everything = flag.Bool("faults", false, "disturb a rollout at every call in every way")

func TestDisturbedAtEveryCall(t *testing.T) {
	for index, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			before, count := w.calls(t)
			for number := 1; number <= count; number++ {
				for kind, disturbance := range disturbances {
					if !*everything && (kind != number/2%len(disturbances) || index == 0 && number%3 > 0 || index > 0 && (number+index)%9 > 0) {
						continue
					}
					synctest.Test(t, func(t *testing.T) {
						s := newSite(t)
						w.start(s)
						stop := s.load("backend")
						disturbance.run(s, w, before+number)
						stop()
						s.kept()
						if t.Failed() {
							t.Fatalf("%s at call %d of %d:\n  %s", disturbance.name, number, count, strings.Join(s.Calls()[before:], "\n  "))
						}
					})
					if t.Failed() {
						return
					}
				}
			}
		})
	}
}

// fails has one call fail: the command must find its way back.
func (w way) fails(s *site, fault fake.Fault) {
	s.Faults = []fake.Fault{fault}
	report, err := s.deploy.Rollout(s.t.Context(), w.want, w.options)
	w.ended(s, report, err)
}

// interrupted ends the context at one call.
func (w way) interrupted(s *site, at int) {
	ctx, cancel := context.WithCancelCause(s.t.Context())
	defer cancel(nil)
	s.OnCall = func(number int, _ string) {
		if number == at {
			cancel(errOperator)
		}
	}
	report, err := s.deploy.Rollout(ctx, w.want, w.options)
	w.ended(s, report, err)
	if err != nil && exitStatus(err) != deploy.ExitInterrupted {
		s.t.Errorf("exit status %d, not %d: %v", exitStatus(err), deploy.ExitInterrupted, err)
	}
}

// killed kills the deployer at one call: the next command must put everything
// in order. It comes at once, as a supervisor's would.
func (w way) killed(s *site, at int, half bool, next *deploy.Release, options deploy.Options) {
	s.KillAt, s.KillHalf = at, half
	_, err := s.deploy.Rollout(s.t.Context(), w.want, w.options)
	s.unheard(err)
	s.Revive()
	options.AcceptDowntime, options.Overlap = w.options.AcceptDowntime, w.options.Overlap
	if _, err := s.deploy.Rollout(s.t.Context(), next, options); err != nil {
		s.t.Error(err)
		return
	}
	w.done(s, next)
}

// recovered kills the deployer at one call and recovers: the release that is
// recorded serves, whole and alone.
func (w way) recovered(s *site, at int, half bool) {
	s.KillAt, s.KillHalf = at, half
	_, err := s.deploy.Rollout(s.t.Context(), w.want, w.options)
	s.unheard(err)
	s.Revive()
	if _, err := s.deploy.Recover(s.t.Context(), deploy.Options{AcceptDowntime: w.options.AcceptDowntime}); err != nil {
		s.t.Error(err)
		return
	}
	serving, err := s.deploy.Serving(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if serving.ID == w.want.ID {
		w.done(s, w.want)
		return
	}
	s.atRest(w.serving)
}

// unheard asserts that a deployer that was killed did not come to a good end.
// What a hook behind the success did it does not ask.
func (s *site) unheard(err error) {
	s.t.Helper()
	if last := s.Calls()[len(s.Calls())-1]; err == nil && last != tell {
		s.t.Error("the dead deployer was heard")
	}
}

// done asserts that a release serves, its migrations applied.
func (w way) done(s *site, release *deploy.Release) {
	s.t.Helper()
	s.atRest(release)
	migrated := slices.ContainsFunc(s.Calls(), func(call string) bool { return call == "Run backend [manage migrate]" })
	if release.Environment.Migrations != nil && !migrated {
		s.t.Errorf("%s serves without its migrations", release)
	}
}

// ended asserts that a disturbed command ended well by itself, and that its
// outcome is the truth.
func (w way) ended(s *site, report *deploy.Report, err error) {
	s.t.Helper()
	switch report.Outcome {
	case deploy.OutcomeDeployed:
		w.done(s, w.want)
	case deploy.OutcomeUntouched, deploy.OutcomeRolledBack:
		if err == nil {
			s.t.Errorf("%s without an error", report.Outcome)
		}
		s.atRest(w.serving)
	default:
		s.t.Errorf("outcome %q: %v", report.Outcome, err)
	}
}

// exitStatus is what mage would exit with.
func exitStatus(err error) int {
	if status, ok := errors.AsType[interface {
		error
		ExitStatus() int
	}](err); ok {
		return status.ExitStatus()
	}
	return 1
}
