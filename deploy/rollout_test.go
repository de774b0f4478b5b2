package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

func TestRolloutServesTheNewRelease(t *testing.T) {
	in(t, "under load", func(t *testing.T, s *site) {
		v1 := s.serve(migrating, "v1")
		stop := s.load("backend", "frontend")
		v2 := release(t, migrating, "v2")
		report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
		stop()
		if err != nil {
			t.Fatal(err)
		}
		s.atRest(v2)
		if report.Outcome != deploy.OutcomeDeployed || report.From != "v1" || report.To != "v2" || !report.Switched || report.Switch == 0 {
			t.Errorf("the report is %+v", report)
		}
		if report.Probe.Sent < 300 || report.Probe.Failed > 0 || report.EndedAtDeadline > 0 || report.Retries+report.Redispatches > 0 {
			t.Errorf("the deployer's own requests: %+v", report)
		}
		if report.Elapsed < 30*time.Second || report.Spent(deploy.ActionWatch).Round(time.Second) != 30*time.Second {
			t.Errorf("it took %s, of it %s to watch", report.Elapsed, report.Spent(deploy.ActionWatch))
		}
		for _, name := range []string{"backend-1", "frontend-1", "worker-1", "beat-1"} {
			path := filepath.Join(s.deploy.Store.Directory, ".deploy/releases", v1.ID, "containers/shop-"+name+".log")
			if _, err := os.Stat(path); err != nil {
				t.Errorf("the log of %s was not kept: %v", name, err)
			}
		}
	})
	in(t, "twice", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		before := len(s.Calls())
		report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v1"), deploy.Options{})
		if err != nil || report.Outcome != deploy.OutcomeUnchanged || len(s.Calls()) > before {
			t.Errorf("the second time did %q: %v, %v", report.Outcome, s.Calls()[before:], err)
		}
	})
	in(t, "and back", func(t *testing.T, s *site) {
		v1 := s.serve(migrating, "v1")
		s.serve(migrating, "v2")
		stop := s.load("backend")
		before := len(s.Calls())
		report, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true})
		stop()
		if err != nil || report.Outcome != deploy.OutcomeDeployed {
			t.Fatalf("%q: %v", report.Outcome, err)
		}
		s.atRest(v1)
		if calls := strings.Join(s.Calls()[before:], "\n"); strings.Contains(calls, "Run ") || strings.Contains(calls, "Pull ") {
			t.Errorf("a rollback migrated or pulled:\n%s", calls)
		}
	})
}

func TestRolloutTakesABadReleaseBack(t *testing.T) {
	tolerant := edit(t, shop, "80/\n", "80/\n      attempts: 20\n      interval: 100ms\n")
	for _, test := range []struct {
		name    string
		compose string
		service string
		bad     fake.Behaviour
		fault   string
		times   int
		outcome deploy.Outcome
		says    []string
	}{
		{
			name: "never healthy", service: "backend", bad: fake.Behaviour{NeverHealthy: true, Logs: "DisallowedHost at /\n"},
			outcome: deploy.OutcomeUntouched,
			says:    []string{"shop-backend-", "of release v2: not healthy within 2m30s: status 500, wanted 2xx", "| DisallowedHost", "ALLOWED_HOSTS", "never had a request: v1 serves, untouched"},
		},
		{
			name: "does not listen", service: "frontend", bad: fake.Behaviour{Boot: time.Hour},
			outcome: deploy.OutcomeUntouched,
			says:    []string{"connection refused", "use 0.0.0.0"},
		},
		{
			name: "exits at boot", service: "worker", bad: fake.Behaviour{Boot: 5 * time.Second, Exits: time.Second, ExitCode: 2, Logs: "one\nModuleNotFoundError: No module named 'celery'"},
			outcome: deploy.OutcomeUntouched,
			says:    []string{"shop-worker-2 of release v2: exited with status 2", "| one", "| ModuleNotFoundError", "A dependency is missing from the image of worker."},
		},
		{
			name: "out of memory", service: "backend", bad: fake.Behaviour{Boot: 5 * time.Second, Exits: time.Second, OOM: true},
			outcome: deploy.OutcomeUntouched,
			says:    []string{"killed for memory: it used more than its limit", "Raise deploy.resources.limits.memory of backend"},
		},
		{
			name: "keeps restarting", service: "backend", bad: fake.Behaviour{Boot: 5 * time.Second, Exits: time.Second, ExitCode: 1, Restarts: true},
			outcome: deploy.OutcomeUntouched,
			says:    []string{"ended soon after its start, and so did each new start (1 restart)"},
		},
		{
			name: "scheduler exits", service: "beat", bad: fake.Behaviour{Exits: time.Second, ExitCode: 1},
			outcome: deploy.OutcomeRolledBack,
			says:    []string{"shop-beat-1 of release v2: exited with status 1", "v2 was taken back: v1 serves"},
		},
		{
			name: "fails verification", service: "frontend", bad: fake.Behaviour{FailEvery: 1},
			outcome: deploy.OutcomeRolledBack,
			says:    []string{"verify http://127.0.0.1:80/: 5 attempts failed, the last with: 500 from shop-frontend-2", "release v2 was taken back: v1 serves"},
		},
		{
			name: "answers with errors", compose: tolerant, service: "backend", bad: fake.Behaviour{FailEvery: 8},
			outcome: deploy.OutcomeRolledBack,
			says:    []string{"watch backend: ", "requests answered 5xx, which crosses 5.0 % (x-deploy.watch.error_ratio)"},
		},
		{
			name: "answers slowly", compose: tolerant, service: "backend", bad: fake.Behaviour{Answers: 700 * time.Millisecond},
			outcome: deploy.OutcomeRolledBack,
			says:    []string{" on average, 20ms before the switch, which crosses 3.0 times (x-deploy.watch.slowdown)"},
		},
		{
			name: "dies while it is watched", service: "frontend", bad: fake.Behaviour{Exits: 20 * time.Second, ExitCode: 139},
			outcome: deploy.OutcomeRolledBack,
			says:    []string{"shop-frontend-2 of release v2: crashed with a segmentation fault"},
		},
		{
			name: "image is missing", fault: "Pull registry.example/shop/backend:v2",
			outcome: deploy.OutcomeUntouched, says: []string{"Pull registry.example/shop/backend:v2: injected"},
		},
		{
			name: "a worker does not become quiet", fault: "Exec shop-worker-1", times: 5,
			outcome: deploy.OutcomeUntouched, says: []string{"make shop-worker-1 take no new work: Exec shop-worker-1 [worker-quiet]: injected"},
		},
		{
			name: "migrations fail", compose: migrating, service: "backend",
			bad: fake.Behaviour{Command: func(_ context.Context, _ []string, out io.Writer) error {
				fmt.Fprint(out, "Applying products.0017...\ncolumn exists")
				return errors.New("exit status 1")
			}},
			outcome: deploy.OutcomeUntouched, says: []string{"migrate in the image of backend v2: exit status 1", "| column exists"},
		},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			if test.compose == "" {
				test.compose = shop
			}
			v1 := s.serve(test.compose, "v1")
			stop := s.load("backend", "frontend")
			<-time.After(time.Minute)
			s.Behaviours[test.service+":v2"] = test.bad
			for range max(test.times, 1) {
				if test.fault != "" {
					s.Inject(fake.Fault{Call: test.fault})
				}
			}
			report, err := s.deploy.Rollout(t.Context(), release(t, test.compose, "v2"), deploy.Options{})
			stop()
			if report.Outcome != test.outcome || err == nil {
				t.Fatalf("outcome %q: %v", report.Outcome, err)
			}
			want := map[deploy.Outcome]int{deploy.OutcomeUntouched: deploy.ExitFailed, deploy.OutcomeRolledBack: deploy.ExitRolledBack}
			if exitStatus(err) != want[test.outcome] {
				t.Errorf("exit status %d, not %d", exitStatus(err), want[test.outcome])
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the error does not say %q:\n%v", text, err)
				}
			}
			if !strings.HasPrefix(test.name, "dies") {
				s.atRest(v1)
			}
		})
	}
}

func TestAWorkerIsAskedAgainToBeQuiet(t *testing.T) {
	in(t, "quiet at the third time", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		for range 2 {
			s.Inject(fake.Fault{Call: "Exec shop-worker-1"})
		}
		s.serve(shop, "v2")
	})
}

func TestDrainDeadline(t *testing.T) {
	in(t, "what is open then is counted apart", func(t *testing.T, s *site) {
		compose := edit(t, shop, "path: /api}", "path: /api}\n      drain: 40s")
		s.serve(compose, "v1")
		stream, err := s.Open("backend")
		if err != nil {
			t.Fatal(err)
		}
		slow, err := s.Open("backend")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(38*time.Second, func() {
			if err := slow.Done(); err != nil {
				t.Errorf("a request that ended in time: %v", err)
			}
		})
		v2 := release(t, compose, "v2")
		report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if report.EndedAtDeadline != 1 {
			t.Errorf("%d are counted as ended at the deadline, not 1", report.EndedAtDeadline)
		}
		_ = stream.Done()
		if s.Traffic().AtDeadline != 1 {
			t.Errorf("traffic %+v", s.Traffic())
		}
		s.atRest(v2)
	})
}

func TestFirstDeployThatFailsLeavesNothing(t *testing.T) {
	for name, bad := range map[string]fake.Behaviour{
		"before the proxy starts": {NeverHealthy: true},
		"behind the switch":       {FailEvery: 1},
	} {
		in(t, name, func(t *testing.T, s *site) {
			s.Behaviours["frontend"] = bad
			s.Consent = true // the proxy goes, which nobody was served by
			report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v1"), deploy.Options{})
			if report.Outcome != deploy.OutcomeUntouched || exitStatus(err) != deploy.ExitFailed {
				t.Fatalf("outcome %q: %v", report.Outcome, err)
			}
			if !strings.Contains(err.Error(), "release v1 did not start; nothing serves, as before, and what it started was removed") {
				t.Errorf("it says %v", err)
			}
			if names := s.Names(); len(names) > 0 {
				t.Errorf("left are %v", names)
			}
			if id, err := s.deploy.Store.Serving(); id != "" || err != nil {
				t.Errorf("serving is %q (%v)", id, err)
			}
			s.kept()
			delete(s.Behaviours, "frontend")
			s.Consent = false
			s.serve(shop, "v1")
		})
	}
}

func TestFailingWayBackNeedsAPerson(t *testing.T) {
	in(t, "both releases are named", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		s.Behaviours["frontend:v2"] = fake.Behaviour{FailEvery: 1}
		v2 := release(t, shop, "v2")
		s.onEvent = func(event deploy.Event) {
			if event.Kind == deploy.EventBack {
				s.Inject(fake.Fault{Call: "Switch"})
			}
		}
		report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
		if report.Outcome != deploy.OutcomeStuck || exitStatus(err) != deploy.ExitNeedsPerson {
			t.Fatalf("outcome %q: %v", report.Outcome, err)
		}
		for _, text := range []string{"release v2 failed: verify", "and the way back to v1 failed too: ", "injected", "`mage rollback v1`"} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("it does not say %q: %v", text, err)
			}
		}
		s.onEvent = nil
		v1, err := s.deploy.Serving(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true}); err != nil {
			t.Fatal(err)
		}
		s.atRest(v1)
	})
}

func TestInterruptionNeedsConsent(t *testing.T) {
	for name, edits := range map[string][]string{
		"of the proxy":    {"haproxy:3.0", "haproxy:3.1"},
		"of the database": {"postgres:17", "postgres:18"},
	} {
		in(t, name, func(t *testing.T, s *site) {
			v1 := s.serve(shop, "v1")
			v2, before := release(t, edit(t, shop, edits...), "v2"), len(s.Calls())
			report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
			if report.Outcome != deploy.OutcomeUntouched || exitStatus(err) != deploy.ExitConsent || len(s.Calls()) > before {
				t.Fatalf("outcome %q behind %v: %v", report.Outcome, s.Calls()[before:], err)
			}
			if !strings.Contains(err.Error(), "for about 3 s: image changed") || !strings.Contains(err.Error(), "-accept-downtime") {
				t.Errorf("it says %v", err)
			}
			s.atRest(v1)
			s.Consent = true
			if _, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{AcceptDowntime: true}); err != nil {
				t.Fatal(err)
			}
			s.atRest(v2)
		})
	}
}

func TestPlanOnlyTouchesNothing(t *testing.T) {
	in(t, "not even the store", func(t *testing.T, s *site) {
		report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v1"), deploy.Options{PlanOnly: true})
		if err != nil || report.Outcome != deploy.OutcomePlanned || !strings.Contains(report.Plan.String(), "first deploy of v1") {
			t.Errorf("%q: %v", report.Outcome, err)
		}
		if len(s.Calls()) > 0 {
			t.Errorf("it did %v", s.Calls())
		}
		entries, err := os.ReadDir(s.deploy.Store.Directory)
		if err != nil || len(entries) > 0 {
			t.Errorf("it wrote %v (%v)", entries, err)
		}
	})
}

func TestInterruptedBeforeItBegan(t *testing.T) {
	in(t, "nothing is touched", func(t *testing.T, s *site) {
		v1 := s.serve(shop, "v1")
		ctx, cancel := context.WithCancelCause(t.Context())
		s.onEvent = func(event deploy.Event) {
			if event.Kind == deploy.EventPlan {
				cancel(errOperator)
			}
		}
		report, err := s.deploy.Rollout(ctx, release(t, shop, "v2"), deploy.Options{})
		if report.Outcome != deploy.OutcomeUntouched || exitStatus(err) != deploy.ExitInterrupted || !errors.Is(err, errOperator) {
			t.Errorf("outcome %q: %v", report.Outcome, err)
		}
		s.onEvent = nil
		s.atRest(v1)
	})
}

func TestWorkerThatDoesNotStopIsKilledAndNamed(t *testing.T) {
	in(t, "after its grace period", func(t *testing.T, s *site) {
		s.Behaviours["worker:v1"] = fake.Behaviour{Ending: time.Hour}
		s.serve(shop, "v1")
		s.serve(shop, "v2")
		notes := strings.Join(s.texts(deploy.EventNote), "\n")
		if !strings.Contains(notes, "shop-worker-1 did not stop within its grace period of 1m0s and was killed") {
			t.Errorf("noted was %q", notes)
		}
	})
}
