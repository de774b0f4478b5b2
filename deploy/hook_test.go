package deploy_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// briefShop is the shop with hooks and a short watch.
func briefShop(t *testing.T) string {
	return edit(t, hookedShop, "replicas: 2", "replicas: 2\n      update_config: {order: start-first, monitor: 1s}",
		"expose: [\"3000\"]", "expose: [\"3000\"]\n    deploy: {update_config: {order: start-first, monitor: 1s}}")
}

// The commands of hooked, as the fake host is told them.
const (
	warm  = "Run backend [sleep 1]"
	look  = "Host [/bin/sh -c bin/look --all]"
	tell  = "Host [echo it serves]"
	page  = "Host [page]"
	purge = "Run backend [purge]"
)

// environments has every hook's environment noted, by command.
func (s *site) environments() map[string]map[string]string {
	seen := map[string]map[string]string{}
	note := func(command []string, environment map[string]string) {
		if environment["DEPLOY_COMMAND"] != "" {
			seen[command[len(command)-1]] = environment
		}
	}
	s.Behaviours["host"] = fake.Behaviour{Environment: note}
	s.Behaviours["backend"] = fake.Behaviour{Environment: note}
	return seen
}

func TestHooksAroundADeploy(t *testing.T) {
	in(t, "that succeeds", func(t *testing.T, s *site) {
		told := s.environments()
		compose := briefShop(t)
		s.serve(compose, "v1")
		before := len(s.Ran("Host", "Run"))
		v2 := release(t, compose, "v2")
		report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.atRest(v2)
		compareLists(t, s.Ran("Host", "Run")[before:], []string{warm, look, tell})
		calls := strings.Join(s.Calls(), "\n")
		if at := strings.LastIndex(calls, look); at > strings.LastIndex(calls, "Exec") || at > strings.LastIndex(calls, "Switch") {
			t.Errorf("the hooks ran behind the switch:\n%s", calls)
		}
		if report.Spent(deploy.ActionHook) < time.Second || len(report.Warnings) > 0 {
			t.Errorf("the report is %+v", report)
		}
		want := map[string]string{
			"DEPLOY_ENVIRONMENT": "production", "DEPLOY_VERSION": "v2", "DEPLOY_PREVIOUS": "v1",
			"DEPLOY_COMMAND": "deploy", "DEPLOY_WHO": "anna@laptop",
		}
		compareMaps(t, told["1"], want)
		want["DEPLOY_OUTCOME"] = "deployed"
		compareMaps(t, told["it serves"], want)
	})
	in(t, "that fails", func(t *testing.T, s *site) {
		told := s.environments()
		compose := briefShop(t)
		v1 := s.serve(compose, "v1")
		s.Behaviours["frontend:v2"] = fake.Behaviour{NeverHealthy: true}
		before := len(s.Ran("Host", "Run"))
		if _, err := s.deploy.Rollout(t.Context(), release(t, compose, "v2"), deploy.Options{}); err == nil {
			t.Error("it did not fail")
		}
		s.atRest(v1)
		compareLists(t, s.Ran("Host", "Run")[before:], []string{page})
		if told["page"]["DEPLOY_OUTCOME"] != "untouched" || told["page"]["DEPLOY_VERSION"] != "v2" {
			t.Errorf("told %v", told["page"])
		}
	})
	in(t, "that is taken back", func(t *testing.T, s *site) {
		told := s.environments()
		compose := briefShop(t)
		v1 := s.serve(compose, "v1")
		s.Behaviours["backend:v2"] = fake.Behaviour{FailEvery: 1}
		before := len(s.Ran("Host", "Run"))
		report, err := s.deploy.Rollout(t.Context(), release(t, compose, "v2"), deploy.Options{})
		if err == nil || report.Outcome != deploy.OutcomeRolledBack {
			t.Errorf("%q: %v", report.Outcome, err)
		}
		s.atRest(v1)
		compareLists(t, s.Ran("Host", "Run")[before:], []string{warm, look, page, purge})
		if told["page"]["DEPLOY_OUTCOME"] != "rolled_back" || told["purge"]["DEPLOY_OUTCOME"] != "rolled_back" {
			t.Errorf("told %v and %v", told["page"], told["purge"])
		}
	})
	in(t, "that is rolled back by hand", func(t *testing.T, s *site) {
		told := s.environments()
		compose := briefShop(t)
		v1 := s.serve(compose, "v1")
		s.serve(compose, "v2")
		before := len(s.Ran("Host", "Run"))
		if _, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true}); err != nil {
			t.Fatal(err)
		}
		s.atRest(v1)
		compareLists(t, s.Ran("Host", "Run")[before:], []string{purge})
		compareMaps(t, told["purge"], map[string]string{
			"DEPLOY_ENVIRONMENT": "production", "DEPLOY_VERSION": "v1", "DEPLOY_PREVIOUS": "v2",
			"DEPLOY_COMMAND": "rollback", "DEPLOY_WHO": "anna@laptop", "DEPLOY_OUTCOME": "deployed",
		})
	})
	in(t, "that only restarts", func(t *testing.T, s *site) {
		s.serve(briefShop(t), "v1")
		before := len(s.Ran("Host", "Run"))
		if _, err := s.deploy.Restart(t.Context(), deploy.Options{}); err != nil {
			t.Fatal(err)
		}
		compareLists(t, s.Ran("Host", "Run")[before:], []string{})
	})
}

func TestFailingHooks(t *testing.T) {
	for _, test := range []struct {
		name string
		// edits are of the hooks of v2.
		edits []string
		says  []string
		// serves says that v2 serves all the same.
		serves bool
	}{
		{"in a container", []string{`command: [sleep, "1"]`, "command: [exit, 3]"}, []string{"hook warm (x-deploy.hooks.before_switch): exit status 3", "never had a request: v1 serves, untouched"}, false},
		{"on the host", []string{"command: bin/look --all", "command: [exit, 4]"}, []string{"hook look (x-deploy.hooks.before_switch): exit status 4", "never had a request"}, false},
		{"that hang in a container", []string{`command: [sleep, "1"]`, `command: [sleep, "999"]`}, []string{"hook warm", "not done within 20s (its timeout)", "untouched"}, false},
		{"that hang on the host", []string{"command: bin/look --all", `command: [sleep, "999"]`}, []string{"hook look", "not done within 5s (its timeout)", "untouched"}, false},
		{"after success", []string{`command: [echo, "it serves"]`, "command: [exit, 5]"}, []string{"hook tell (x-deploy.hooks.after_success): exit status 5"}, true},
		{"that hang after success", []string{`command: [echo, "it serves"]`, `command: [sleep, "999"]`}, []string{"hook tell", "not done within 1m0s (its timeout)"}, true},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			v1 := s.serve(briefShop(t), "v1")
			v2 := release(t, edit(t, briefShop(t), test.edits...), "v2")
			stop := s.load("backend")
			began := time.Now()
			report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
			stop()
			text := strings.Join(report.Warnings, "\n")
			if !test.serves {
				text = fmt.Sprint(err)
				if exitStatus(err) != deploy.ExitFailed || report.Outcome != deploy.OutcomeUntouched {
					t.Errorf("exit status %d, %q", exitStatus(err), report.Outcome)
				}
				s.atRest(v1)
			} else {
				if err != nil {
					t.Error(err)
				}
				s.atRest(v2)
			}
			for _, one := range test.says {
				if !strings.Contains(text, one) {
					t.Errorf("it does not say %q:\n%s", one, text)
				}
			}
			if took := time.Since(began); took > 3*time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestHookOutput(t *testing.T) {
	in(t, "is shown without control characters, and bounded", func(t *testing.T, s *site) {
		s.serve(briefShop(t), "v1")
		s.Behaviours["host"] = fake.Behaviour{Command: func(_ context.Context, command []string, out io.Writer) error {
			if !strings.HasSuffix(command[len(command)-1], "--all") {
				return nil
			}
			fmt.Fprint(out, "\x1b[31mred\x1b[0m\a \u202eevil\r\n\x1b]0;title\x07plain\n", strings.Repeat("x", 1<<20), "\n")
			for range 500 {
				fmt.Fprintln(out, "again")
			}
			return fmt.Errorf("exit status 1")
		}}
		_, err := s.deploy.Rollout(t.Context(), release(t, briefShop(t), "v2"), deploy.Options{})
		var notes []string
		for _, note := range s.texts(deploy.EventNote) {
			if strings.HasPrefix(note, "look | ") {
				notes = append(notes, note)
			}
		}
		if len(notes) != 201 || notes[0] != "look | red evil" || notes[1] != "look | plain" || len(notes[2]) > 500 {
			t.Errorf("%d notes: %.600q", len(notes), notes)
		}
		if last := notes[len(notes)-1]; last != "look | and 303 lines more, which are not kept" {
			t.Errorf("the last is %q", last)
		}
		if text := fmt.Sprint(err); !strings.Contains(text, "\n  | again") || strings.Contains(text, "\x1b") {
			t.Errorf("the failure is %s", text)
		}
	})
}

// TestKilledInAHook kills the deployer in each hook, as it begins and while it
// runs: the recovery leaves nothing running, and says to the hooks what came of
// it, once.
func TestKilledInAHook(t *testing.T) {
	for _, half := range []bool{false, true} {
		for _, test := range []struct {
			hook string
			// good says that the release is one that serves, else it is taken back.
			good bool
			// then is what the recovery runs, serves what serves behind it.
			then   []string
			serves string
		}{
			{warm, true, []string{page}, "v1"},
			{look, true, []string{page}, "v1"},
			{tell, true, []string{tell}, "v2"},
			{page, false, []string{page, purge}, "v1"},
			{purge, false, []string{purge}, "v1"},
		} {
			in(t, fmt.Sprintf("%s, half %t", test.hook, half), func(t *testing.T, s *site) {
				told := s.environments()
				compose := briefShop(t)
				releases := map[string]*deploy.Release{"v1": s.serve(compose, "v1"), "v2": release(t, compose, "v2")}
				if !test.good {
					s.Behaviours["backend:v2"] = fake.Behaviour{FailEvery: 1}
				}
				s.keepJournal()
				s.KillHalf = half
				s.OnCall = func(number int, call string) {
					if call == test.hook && s.KillAt == 0 {
						s.KillAt = number
					}
				}
				_, err := s.deploy.Rollout(t.Context(), releases["v2"], deploy.Options{})
				s.unheard(err)
				s.OnCall = nil
				s.Revive()
				for range 2 {
					before := len(s.Ran("Host", "Run"))
					if _, err := s.deploy.Recover(t.Context(), deploy.Options{}); err != nil {
						t.Fatal(err)
					}
					compareLists(t, s.Ran("Host", "Run")[before:], test.then)
					test.then = []string{}
				}
				s.atRest(releases[test.serves])
				if last := told["page"]; slices.Contains([]string{warm, look}, test.hook) && (last["DEPLOY_COMMAND"] != "recover" || last["DEPLOY_PREVIOUS"] != "v1" || last["DEPLOY_OUTCOME"] != "untouched") {
					t.Errorf("told %v", last)
				}
			})
		}
	}
}

// keepJournal writes the journal as a session does: what a dead deployer says is
// not in it.
func (s *site) keepJournal() {
	s.t.Helper()
	journal, err := s.deploy.Store.OpenJournal()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { journal.Close() })
	s.onEvent = func(event deploy.Event) {
		if s.Dead() {
			return
		}
		if err := journal.Write(event); err != nil {
			s.t.Error(err)
		}
	}
}

func compareMaps(t *testing.T, got, want map[string]string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
