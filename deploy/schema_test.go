package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// understood is the shop with Django's migrations.
var understood = strings.Replace(shop, migrationsBelow, migrationsBelow+"      migrations: django\n", 1)

// The kinds of migration that there are.
var kinds = map[string]deploy.Operation{
	"additive":   {Name: "AddField", Text: "Add field", Reversal: deploy.Reversible, Survived: true, Needed: true},
	"index":      {Name: "AddIndex", Text: "Create index", Reversal: deploy.Reversible, Survived: true, Blocks: "builds an index on shop_product"},
	"required":   {Name: "AddField", Text: "Add field", Reversal: deploy.Reversible, Needed: true, Why: "code that does not know it cannot insert rows"},
	"lossy":      {Name: "RemoveField", Text: "Remove field", Reversal: deploy.LosesData, Why: "older code selects it"},
	"constraint": {Name: "AddConstraint", Text: "Create constraint", Reversal: deploy.Reversible, Why: "older code may write what it forbids"},
	"program":    {Name: "RunPython", Text: "Raw Python operation", Reversal: deploy.Reversible, Unknown: true, Why: "what it does is not known"},
	"oneway":     {Name: "RunPython", Text: "Raw Python operation", Reversal: deploy.Irreversible, Unknown: true, Why: "it has no reverse"},
	"destroyer":  {Name: "RunSQL", Text: "Raw SQL", Reversal: deploy.Irreversible, Why: "it has no reverse"},
}

// migrations makes one of each kind that is named, numbered from 1 on.
func migrations(names ...string) []deploy.Migration {
	var made []deploy.Migration
	for at, name := range names {
		made = append(made, deploy.Migration{
			MigrationID: deploy.MigrationID{App: "shop", Name: fmt.Sprintf("%04d_%s", at+1, name)},
			Operations:  []deploy.Operation{kinds[name]}, Transactional: true,
		})
	}
	return made
}

// contains says what images contain: v1 the first migration, v2 all.
func (s *site) contains(names ...string) {
	all := migrations(append([]string{"additive"}, names...)...)
	s.Django.Contained["v1"], s.Django.Contained["v2"], s.Django.Contained["v3"] = all[:1], all, all
	s.Django.Service, s.Django.Takes = "backend", time.Second
}

// rolled rolls a release out and gives what was planned and said.
func (s *site) rolled(version string, options deploy.Options) (*deploy.Report, string, error) {
	s.t.Helper()
	stop := s.load("backend", "frontend")
	report, err := s.deploy.Rollout(s.t.Context(), release(s.t, understood, version), options)
	stop()
	return report, report.Plan.String(), err
}

// TestPlacesOfMigrations checks where each kind of migration goes, what needs
// consent, and what a release's record knows afterwards.
func TestPlacesOfMigrations(t *testing.T) {
	for _, test := range []struct {
		name   string
		kinds  []string
		before string // the kinds that come before the switch
		after  string
		says   string // why it is refused without consent
	}{
		{"nothing pending", nil, "", "", ""},
		{"all survived", []string{"additive", "index"}, "additive index", "", ""},
		{"one that is not", []string{"lossy"}, "", "lossy", ""},
		{"from the first on", []string{"additive", "constraint", "index"}, "additive", "constraint index", ""},
		{"a program", []string{"additive", "program", "constraint"}, "additive", "program constraint", ""},
		{"a column that inserts need", []string{"additive", "required", "lossy"}, "additive required", "lossy",
			"v1 fails once shop.0003_required is applied: code that does not know it cannot insert rows; and v2 fails until shop.0003_required is: code that does not know"},
		{"a column behind a program", []string{"program", "additive"}, "program additive", "",
			"it is not known whether v1 survives shop.0002_program: what it does is not known; and v2 fails until shop.0003_additive is: Add field"},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			s.contains(test.kinds...)
			first := s.serve(understood, "v1")
			if want := s.Django.Contained["v1"]; len(s.Django.Applied()) != len(want) || !slices.Equal(first.Migrations, s.Django.Applied()) {
				t.Errorf("the first deploy applied %v and recorded %v", s.Django.Applied(), first.Migrations)
			}
			if test.says != "" {
				calls := len(s.Calls())
				_, plan, err := s.rolled("v2", deploy.Options{})
				if exitStatus(err) != deploy.ExitConsent || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "two releases") {
					t.Errorf("status %d: %v\n%s", exitStatus(err), err, plan)
				}
				for _, call := range s.Calls()[calls:] {
					if !strings.HasPrefix(call, "Pull ") {
						t.Errorf("it was refused, and did %s", call)
					}
				}
			}
			s.Consent = test.says != ""
			_, plan, err := s.rolled("v2", deploy.Options{AcceptDowntime: s.Consent})
			if err != nil {
				t.Fatal(err)
			}
			if before, after := places(s.Calls()); before != test.before || after != test.after {
				t.Errorf("before the switch %q, behind it %q\n%s", before, after, plan)
			}
			s.atRest(release(t, understood, "v2"))
		})
	}
}

// places gives the kinds of migration that were applied before and behind the
// last switch.
func places(calls []string) (before, after string) {
	last := 0
	for at, call := range calls {
		if strings.HasPrefix(call, "Switch ") {
			last = at
		}
	}
	var found [2][]string
	for at, call := range calls {
		if id, ok := strings.CutPrefix(call, "Apply "); ok && !strings.Contains(id, ".0001_") {
			place := min(max(at-last, 0), 1)
			_, kind, _ := strings.Cut(id, "_")
			found[place] = append(found[place], kind)
		}
	}
	return strings.Join(found[0], " "), strings.Join(found[1], " ")
}

// TestAMigrationFails checks where a failing migration leaves the shop: back
// while the release before survives what is applied, else forward, else with
// both releases named.
func TestAMigrationFails(t *testing.T) {
	fails := func(name string, times int) []fake.Fault {
		return slices.Repeat([]fake.Fault{{Call: "Apply shop." + name}}, times)
	}
	for _, test := range []struct {
		name    string
		kinds   []string
		faults  []fake.Fault
		outcome deploy.Outcome
		status  int
		says    string
	}{
		{"before the switch", []string{"additive", "index"}, fails("0003", 1), deploy.OutcomeUntouched, deploy.ExitFailed, "migration shop.0003_index"},
		{"the first behind it", []string{"lossy"}, fails("0002", 1), deploy.OutcomeRolledBack, deploy.ExitRolledBack, "migration shop.0002_lossy"},
		{"the second behind it, once", []string{"lossy", "constraint"}, fails("0003", 1), deploy.OutcomeDeployed, deploy.ExitFailed, "v2 serves, but a step failed first"},
		{"the second behind it, for good", []string{"lossy", "constraint"}, fails("0003", 2), deploy.OutcomeStuck, deploy.ExitNeedsPerson,
			"v2 serves; shop.0002_lossy is applied, which v1 may not survive, and v2 cannot be finished"},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			s.contains(test.kinds...)
			s.serve(understood, "v1")
			s.Faults = test.faults
			report, plan, err := s.rolled("v2", deploy.Options{})
			if report.Outcome != test.outcome || exitStatus(err) != test.status || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q, status %d: %v\n%s", report.Outcome, exitStatus(err), err, plan)
			}
			s.kept()
			// The next one completes.
			if _, _, err := s.rolled("v2", deploy.Options{}); err != nil {
				t.Fatal(err)
			}
			s.atRest(release(t, understood, "v2"))
			if len(s.Django.Applied()) != len(s.Django.Contained["v2"]) {
				t.Errorf("applied are %v", s.Django.Applied())
			}
		})
	}
}

// TestBackFromANewerSchema checks what a rollback makes of migrations that the
// older release does not know.
func TestBackFromANewerSchema(t *testing.T) {
	for _, test := range []struct {
		name   string
		kinds  []string
		says   string // why it is refused, or refused without consent
		status int
		undone []string
	}{
		{"none", nil, "", 0, nil},
		{"survived", []string{"additive", "index"}, "", 0, nil},
		{"not known", []string{"program"}, "it is not known whether v1 runs on a database with shop.0002_program", deploy.ExitConsent, nil},
		{"undone", []string{"additive", "constraint"}, "v1 does not run on a database with shop.0003_constraint", deploy.ExitConsent,
			[]string{"Revert shop.0003_constraint", "Revert shop.0002_additive"}},
		{"lost", []string{"lossy"}, "shop.0002_lossy cannot be undone whole: loses data: older code selects it\nnothing was touched", deploy.ExitFailed, nil},
		{"no way back", []string{"destroyer"}, "cannot be undone whole: irreversible", deploy.ExitFailed, nil},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			s.contains(test.kinds...)
			v1 := s.serve(understood, "v1")
			if _, _, err := s.rolled("v2", deploy.Options{}); err != nil {
				t.Fatal(err)
			}
			calls := len(s.Calls())
			if test.says != "" {
				_, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true})
				if exitStatus(err) != test.status || !strings.Contains(err.Error(), test.says) {
					t.Errorf("status %d: %v", exitStatus(err), err)
				}
				if did := s.Calls()[calls:]; len(did) > 0 {
					t.Errorf("it was refused, and did %v", did)
				}
			}
			s.Consent = true
			report, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true, AcceptDowntime: true})
			if test.status == deploy.ExitFailed {
				if err == nil {
					t.Errorf("consent made it go back over lost data:\n%s", report.Plan)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var undone []string
			for _, call := range s.Calls()[calls:] {
				if strings.HasPrefix(call, "Revert ") {
					undone = append(undone, call)
				}
			}
			if !slices.Equal(undone, test.undone) {
				t.Errorf("undone were %v, not %v\n%s", undone, test.undone, report.Plan)
			}
			s.atRest(v1)
		})
	}
}

// TestKilledWhileTheSchemaChanges kills a deploy with migrations on both sides
// of the switch at each of its calls, and recovers: back while the release
// before survives the database, and forward from then on.
func TestKilledWhileTheSchemaChanges(t *testing.T) {
	const kinds = "additive lossy constraint"
	journaled := func(s *site) {
		journal, err := s.deploy.Store.OpenJournal()
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { journal.Close() })
		s.onEvent = func(event deploy.Event) {
			if s.Dead() {
				return // and so is its pen
			}
			if err := journal.Write(event); err != nil {
				s.t.Error(err)
			}
		}
		s.contains(strings.Fields(kinds)...)
		s.serve(understood, "v1")
	}
	before, count := 0, 0
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		journaled(s)
		before = len(s.Calls())
		if _, plan, err := s.rolled("v2", deploy.Options{}); err != nil {
			t.Fatalf("%v\n%s", err, plan)
		}
		count = len(s.Calls()) - before
		s.atRest(release(t, understood, "v2"))
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		for number := 1; number <= count; number++ {
			for _, half := range []bool{false, true} {
				in(t, fmt.Sprintf("at call %d, half %t", number, half), func(t *testing.T, s *site) {
					journaled(s)
					s.KillAt, s.KillHalf = before+number, half
					stop := s.load("backend")
					if _, err := s.deploy.Rollout(t.Context(), release(t, understood, "v2"), deploy.Options{}); err == nil {
						t.Error("the dead deployer was heard")
					}
					s.Revive()
					if _, err := s.deploy.Recover(t.Context(), deploy.Options{}); err != nil {
						t.Error(err)
					}
					serving, err := s.deploy.Serving(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					s.atRest(release(t, understood, serving.Version))
					if _, err := s.deploy.Rollout(t.Context(), release(t, understood, "v2"), deploy.Options{}); err != nil {
						t.Error(err)
					}
					stop()
					s.atRest(release(t, understood, "v2"))
					if want := s.Django.Contained["v2"]; len(s.Django.Applied()) != len(want) {
						t.Errorf("applied are %v", s.Django.Applied())
					}
					if t.Failed() {
						t.Logf("%s", strings.Join(s.Calls()[before:], "\n"))
					}
				})
			}
		}
	})
}
