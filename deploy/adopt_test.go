package deploy_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// stack is the shop as somebody has started it by hand: with published ports,
// a database on the same volume, and a service that the release has not.
const stack = `name: shop
services:
  backend:
    image: old/backend
    ports: ["8000:8000"]
  frontend:
    image: old/frontend
    ports: ["80:3000"]
  worker:
    image: old/backend
    command: [celery, worker]
    stop_grace_period: 60s
  beat:
    image: old/backend
    command: [celery, beat]
    deploy: {update_config: {order: stop-first}}
  db:
    image: postgres:17
    environment: {TUNED: "1"}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD, pg_isready]}
  cache:
    image: redis:8
    volumes: ["/data"]
volumes:
  data: {}
`

// takeover is a host on which the stack runs, and the release that adopts it.
type takeover struct {
	*site
	before []string
	want   *deploy.Release
}

func newTakeover(s *site) *takeover {
	s.t.Helper()
	s.deploy.Parking = s.Engine
	s.Behaviours["backend"] = fake.Behaviour{Boot: 5 * time.Second}
	s.Behaviours["worker:old"] = fake.Behaviour{Ending: 20 * time.Second}
	s.Behaviours["db"] = fake.Behaviour{Boot: time.Second, Ending: time.Second}
	s.Consent = true // everybody knows of the gap
	s.Up(release(s.t, stack, "old"))
	<-time.After(time.Minute)
	return &takeover{site: s, before: s.Standing(), want: fresh(s.t, migrating, "v1")}
}

// fresh is a release that was made just now, under an identifier of its own.
func fresh(t *testing.T, compose, version string) *deploy.Release {
	t.Helper()
	copied := *release(t, compose, version)
	copied.Created = time.Now()
	copied.ID = deploy.NewReleaseID(copied.Created, version) + copied.Created.Format(".000000000")
	return &copied
}

func (a *takeover) adopt(ctx context.Context) (*deploy.Report, error) {
	a.t.Helper()
	return a.deploy.Adopt(ctx, a.want, deploy.Options{AcceptDowntime: true})
}

// asBefore asserts that the stack stands as it did, and that nothing of ours
// is left.
func (a *takeover) asBefore() {
	a.t.Helper()
	<-time.After(10 * time.Second)
	if now := a.Standing(); !slices.Equal(now, a.before) {
		a.t.Errorf("it stands as\n  %s\nand stood as\n  %s", strings.Join(now, "\n  "), strings.Join(a.before, "\n  "))
	}
	if id, err := a.deploy.Store.Serving(); id != "" || err != nil {
		a.t.Errorf("serving is %q (%v)", id, err)
	}
	if parked, err := a.deploy.Store.Snapshots(); len(parked) > 0 || err != nil {
		a.t.Errorf("kept are the inspections of %v (%v)", parked, err)
	}
	a.kept()
}

// adopted asserts that the release serves and that all of the stack is parked.
func (a *takeover) adopted() {
	a.t.Helper()
	a.atRest(a.want)
	adoption, err := a.deploy.Store.Adoption()
	if err != nil || adoption == nil || adoption.Unfinished {
		a.t.Errorf("the adoption's record is %+v (%v)", adoption, err)
	}
	parked, err := a.deploy.Store.Snapshots()
	if len(parked) != len(a.before) || err != nil {
		a.t.Errorf("parked are %v (%v)", parked, err)
	}
}

func TestDeployRefusesWhatItDidNotStart(t *testing.T) {
	in(t, "a running stack", func(t *testing.T, s *site) {
		a := newTakeover(s)
		calls := len(s.Calls())
		for _, options := range []deploy.Options{{}, {AcceptDowntime: true}, {Rollback: true}, {PlanOnly: true}} {
			_, err := s.deploy.Rollout(t.Context(), a.want, options)
			if err == nil || !strings.Contains(err.Error(), "shop-backend-1, shop-beat-1") || !strings.Contains(err.Error(), "mage host:adopt production") {
				t.Errorf("with %+v: %v", options, err)
			}
		}
		if len(s.Calls()) > calls {
			t.Errorf("it did %v", s.Calls()[calls:])
		}
		a.asBefore()
	})
	in(t, "but repairs its own", func(t *testing.T, s *site) {
		s.KillAt = 7
		v1 := fresh(t, shop, "v1")
		if _, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{}); err == nil || len(s.Names()) == 0 {
			t.Fatalf("the first deploy was not interrupted: %v, %v", err, s.Names())
		}
		s.Revive()
		if _, err := s.deploy.Rollout(t.Context(), fresh(t, shop, "v1"), deploy.Options{}); err != nil {
			t.Fatal(err)
		}
		s.atRest(release(t, shop, "v1"))
	})
}

func TestAdoption(t *testing.T) {
	in(t, "there, back, and there again", func(t *testing.T, s *site) {
		a := newTakeover(s)
		calls := len(s.Calls())
		report, err := s.deploy.Adopt(t.Context(), a.want, deploy.Options{})
		if exitStatus(err) != deploy.ExitConsent || report.Outcome != deploy.OutcomeUntouched || len(s.Calls()) > calls {
			t.Fatalf("without consent: %q, %v", report.Outcome, err)
		}
		for range 2 {
			if report, err = a.adopt(t.Context()); err != nil || report.Outcome != deploy.OutcomeDeployed {
				t.Fatalf("%q: %v", report.Outcome, err)
			}
			if report.Gap < time.Second || report.Gap > 10*time.Second {
				t.Errorf("the gap was %s", report.Gap)
			}
			a.adopted()
			secret(t, s.deploy.Store.Directory)
			if _, err = s.deploy.Unadopt(t.Context(), deploy.Options{}); exitStatus(err) != deploy.ExitConsent {
				t.Fatalf("undone without consent: %v", err)
			}
			report, err = s.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true})
			if err != nil || report.Outcome != deploy.OutcomeReturned || report.Gap == 0 {
				t.Fatalf("%q after a gap of %s: %v", report.Outcome, report.Gap, err)
			}
			a.asBefore()
			if _, err := s.deploy.Rollout(t.Context(), fresh(t, migrating, "v2"), deploy.Options{}); err == nil || !strings.Contains(err.Error(), "host:adopt") {
				t.Errorf("a deploy behind it: %v", err)
			}
			a.want = fresh(t, migrating, "v1")
		}
	})
	in(t, "then deploys without a gap", func(t *testing.T, s *site) {
		a := newTakeover(s)
		if _, err := a.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Consent = false
		stop := s.load("backend", "frontend")
		v2 := fresh(t, migrating, "v2")
		_, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
		stop()
		if err != nil {
			t.Fatal(err)
		}
		s.atRest(v2)
		if report, err := s.deploy.Adopt(t.Context(), v2, deploy.Options{}); err != nil || report.Outcome != deploy.OutcomeUnchanged {
			t.Errorf("adopting what serves: %q, %v", report.Outcome, err)
		}
		s.Consent = true
		if _, err := s.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true}); err != nil {
			t.Fatal(err)
		}
		a.asBefore()
	})
	in(t, "puts the stack's own Compose file back", func(t *testing.T, s *site) {
		a := newTakeover(s)
		path := s.deploy.Store.ComposePath()
		if err := os.WriteFile(path, []byte(stack), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true}); err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(path); err != nil || string(content) != stack {
			t.Errorf("it is %q (%v)", content, err)
		}
	})
	in(t, "is not undone where there was none", func(t *testing.T, s *site) {
		s.deploy.Parking = s.Engine
		s.serve(shop, "v1")
		if _, err := s.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true}); exitStatus(err) != deploy.ExitUsage {
			t.Errorf("it says %v", err)
		}
	})
}

// secret asserts that only their owner may read the saved inspections.
func secret(t *testing.T, directory string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, ".deploy/adopted/containers/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no inspections: %v", err)
	}
	for _, file := range files {
		if found, err := os.Stat(file); err != nil || found.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", file, found.Mode(), err)
		}
	}
}

// adoptionDisturbances are what may happen at one call.
var adoptionDisturbances = []struct {
	name string
	run  func(a *takeover, at int)
}{
	{"fails", func(a *takeover, at int) { a.fails(fake.Fault{At: at}) }},
	{"fails by half", func(a *takeover, at int) { a.fails(fake.Fault{At: at, Half: true}) }},
	{"interrupted", (*takeover).interrupted},
	{"killed, then again", func(a *takeover, at int) { a.killed(at, false, false) }},
	{"killed, then undone", func(a *takeover, at int) { a.killed(at, false, true) }},
	{"killed by half, then again", func(a *takeover, at int) { a.killed(at, true, false) }},
	{"killed by half, then undone", func(a *takeover, at int) { a.killed(at, true, true) }},
}

// TestAdoptionDisturbed disturbs an adoption at every call, each in one way
// unless -faults asks for all: it must end as
// adopted or as it was before, and what was killed must be brought to either
// by the next command.
func TestAdoptionDisturbed(t *testing.T) {
	first, last := 0, 0
	synctest.Test(t, func(t *testing.T) {
		a := newTakeover(newSite(t))
		first = len(a.Calls()) + 1
		if _, err := a.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		last = len(a.Calls())
	})
	for kind, disturbance := range adoptionDisturbances {
		t.Run(disturbance.name, func(t *testing.T) {
			t.Parallel()
			for at := first; at <= last; at++ {
				if !*everything && at%len(adoptionDisturbances) != kind {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					a := newTakeover(newSite(t))
					disturbance.run(a, at)
					if t.Failed() {
						t.Fatalf("at call %d of %d:\n  %s", at-first+1, last-first+1, strings.Join(a.Calls()[first-1:], "\n  "))
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// ended asserts that a disturbed adoption ended by itself as it says.
func (a *takeover) ended(report *deploy.Report, err error) {
	a.t.Helper()
	switch report.Outcome {
	case deploy.OutcomeDeployed:
		a.adopted()
	case deploy.OutcomeUntouched, deploy.OutcomeRolledBack:
		if err == nil || (report.Gap > 0) != (report.Outcome == deploy.OutcomeRolledBack) {
			a.t.Errorf("%s after a gap of %s: %v", report.Outcome, report.Gap, err)
		}
		a.asBefore()
	default:
		a.t.Errorf("outcome %q: %v", report.Outcome, err)
	}
}

func (a *takeover) fails(fault fake.Fault) {
	a.Faults = []fake.Fault{fault}
	report, err := a.adopt(a.t.Context())
	a.ended(report, err)
}

func (a *takeover) interrupted(at int) {
	ctx, cancel := context.WithCancelCause(a.t.Context())
	defer cancel(nil)
	a.OnCall = func(number int, _ string) {
		if number == at {
			cancel(errOperator)
		}
	}
	report, err := a.adopt(ctx)
	a.ended(report, err)
	if err != nil && (exitStatus(err) != deploy.ExitInterrupted || !errors.Is(err, errOperator)) {
		a.t.Errorf("exit status %d: %v", exitStatus(err), err)
	}
}

// killed kills the deployer: a deploy must be refused then, and the adoption
// go on, or back.
func (a *takeover) killed(at int, half, undo bool) {
	a.KillAt, a.KillHalf = at, half
	if _, err := a.adopt(a.t.Context()); err == nil {
		a.t.Error("the dead deployer was heard")
	}
	a.Revive()
	a.want = fresh(a.t, migrating, "v1")
	if _, err := a.deploy.Rollout(a.t.Context(), a.want, deploy.Options{}); err == nil || !strings.Contains(err.Error(), "-undo") {
		a.t.Errorf("a deploy behind it: %v", err)
	}
	if undo {
		if _, err := a.deploy.Unadopt(a.t.Context(), deploy.Options{AcceptDowntime: true}); err != nil {
			a.t.Error(err)
		}
		a.asBefore()
		return
	}
	if _, err := a.adopt(a.t.Context()); err != nil {
		a.t.Error(err)
		return
	}
	a.adopted()
}

// TestUndoingDisturbed kills and fails the way back at every call.
func TestUndoingDisturbed(t *testing.T) {
	t.Parallel()
	adopt := func(t *testing.T) *takeover {
		a := newTakeover(newSite(t))
		if _, err := a.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a
	}
	first, last := 0, 0
	synctest.Test(t, func(t *testing.T) {
		a := adopt(t)
		first = len(a.Calls()) + 1
		if _, err := a.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true}); err != nil {
			t.Fatal(err)
		}
		last = len(a.Calls())
	})
	for at := first; at <= last; at++ {
		for _, kill := range []bool{false, true} {
			if !*everything && (at%2 == 0) != kill {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				a := adopt(t)
				if kill {
					a.KillAt, a.KillHalf = at, at%2 == 0
				} else {
					a.Faults = []fake.Fault{{At: at, Half: at%2 == 0}}
				}
				_, err := a.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true})
				a.Revive()
				if kill && at%3 == 0 {
					a.want = fresh(t, migrating, "v1")
					if _, err := a.adopt(t.Context()); err != nil {
						t.Error(err)
					}
					a.atRest(a.want)
				} else {
					if kill {
						_, err = a.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true})
					}
					if err != nil {
						t.Error(err)
					}
					a.asBefore()
				}
				if t.Failed() {
					t.Fatalf("killed %t at call %d of %d:\n  %s", kill, at-first+1, last-first+1, strings.Join(a.Calls()[first-1:], "\n  "))
				}
			})
		}
	}
}
