package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// configured is the shop with a variable of .env in its backend.
func configured(t *testing.T) string {
	t.Helper()
	return edit(t, migrating, "    depends_on: [db]", "    environment: {SETTING: \"${SETTING:-}\"}\n    depends_on: [db]")
}

// again rolls a version out with a variable of .env set.
func (s *site) again(compose, version, setting string) (*deploy.Report, error) {
	s.t.Helper()
	s.deploy.Variables = map[string]string{"SETTING": setting}
	made, err := s.make(compose, version)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.deploy.Rollout(s.t.Context(), made, deploy.Options{})
}

// A variable of .env that was changed can break a release as a new image can.
func TestTheServingReleaseWithAnotherVariable(t *testing.T) {
	in(t, "is migrated and watched", func(t *testing.T, s *site) {
		compose := configured(t)
		if _, err := s.again(compose, "v1", "old"); err != nil {
			t.Fatal(err)
		}
		stop, before := s.load("backend"), len(s.Calls())
		report, err := s.again(compose, "v1", "new")
		stop()
		if err != nil || report.Outcome != deploy.OutcomeDeployed {
			t.Fatalf("%q: %v", report.Outcome, err)
		}
		if watched := report.Spent(deploy.ActionWatch).Round(time.Second); watched != deploy.DefaultMonitor {
			t.Errorf("it was watched for %s:\n%s", watched, report.Plan)
		}
		if calls := strings.Join(s.Calls()[before:], "\n"); !strings.Contains(calls, "Run ") {
			t.Errorf("nothing was migrated:\n%s", calls)
		}
		s.kept()
	})
	for _, test := range []struct {
		name    string
		bad     fake.Behaviour
		outcome deploy.Outcome
		says    string
	}{
		{"is taken back when it fails the watch", fake.Behaviour{FailEvery: 2}, deploy.OutcomeRolledBack,
			"v1 was taken back as it is configured now: its containers from before serve"},
		{"never has a request when it is not healthy", fake.Behaviour{NeverHealthy: true}, deploy.OutcomeUntouched,
			"v1 as it is configured now never had a request: its containers from before serve, untouched"},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			// Its verification asks the frontend, which is sound.
			compose := configured(t)
			if _, err := s.again(compose, "v1", "old"); err != nil {
				t.Fatal(err)
			}
			before := s.Names()
			stop := s.load("backend")
			s.Behaviours["backend:v1"] = test.bad
			report, err := s.again(compose, "v1", "new")
			stop()
			if report.Outcome != test.outcome || err == nil || !strings.HasSuffix(firstLines(err, 2), test.says) {
				t.Errorf("%q: %v", report.Outcome, err)
			}
			if now := s.Names(); !slices.Equal(before, now) {
				t.Errorf("there are %v, before there were %v", now, before)
			}
			s.kept()
		})
	}
}

// firstLines gives an error's text without its log lines and hint.
func firstLines(err error, count int) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if !strings.HasPrefix(line, "  | ") && len(lines) < count {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// Behind the commit there is no way back, and nobody says that there is one.
func TestInterruptedBehindTheCommit(t *testing.T) {
	in(t, "goes on and says so", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		ctx, cancel := context.WithCancelCause(t.Context())
		s.onEvent = func(event deploy.Event) {
			if event.Kind == deploy.EventStart && event.Step.Action == deploy.ActionRetire {
				cancel(errOperator)
			}
		}
		v2 := release(t, shop, "v2")
		report, err := s.deploy.Rollout(ctx, v2, deploy.Options{})
		if err != nil || report.Outcome != deploy.OutcomeDeployed {
			t.Errorf("%q: %v", report.Outcome, err)
		}
		if said := s.texts(deploy.EventBack); len(said) > 0 {
			t.Errorf("it says that it goes back: %v", said)
		}
		if notes := strings.Join(s.texts(deploy.EventNote), "\n"); !strings.Contains(notes, "v2 serves already, so what is left of it is done: "+errOperator.Error()) {
			t.Errorf("noted was %q", notes)
		}
		s.onEvent = nil
		s.atRest(v2)
	})
}

// A proxy that was reloaded leaves processes behind whose idle connections may
// each bring one more request, to containers that were ready before.
func TestRetireWaitsForConnectionsThatAReloadLeft(t *testing.T) {
	const drain, leavingGrace = 30 * time.Second, 20 * time.Second
	for _, test := range []struct {
		name           string
		idle, from, to time.Duration
	}{
		{name: "until they are closed", idle: 12 * time.Second, from: 12 * time.Second, to: 13 * time.Second},
		{name: "past the drain deadline", idle: drain + 8*time.Second, from: drain + 8*time.Second, to: drain + 9*time.Second},
		{name: "not for ever", idle: time.Hour, from: drain + leavingGrace, to: drain + leavingGrace + time.Second},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			unwatched := edit(t, shop, "replicas: 2", "replicas: 2\n      update_config: {order: start-first, monitor: 0s}",
				"expose: [\"3000\"]", "expose: [\"3000\"]\n    deploy: {update_config: {order: start-first, monitor: 0s}}",
				"update_config: {order: stop-first}", "update_config: {order: stop-first}\n      replicas: 0")
			s.serve(unwatched, "v1")
			s.Proxy.Idle = test.idle
			var switched, stopped time.Time
			s.onEvent = func(event deploy.Event) {
				switch {
				case event.Kind == deploy.EventDone && event.Step.Action == deploy.ActionConfigure:
					switched = event.At
				case event.Kind == deploy.EventDone && event.Step.Action == deploy.ActionRetire && event.Step.Service == "backend":
					stopped = event.At
				}
			}
			v2 := release(t, edit(t, unwatched, "path: /api}", "path: /api, hosts: [shop.example]}"), "v2")
			report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if took := stopped.Sub(switched); took < test.from || took > test.to {
				t.Errorf("the old containers were gone %s after the reload, not after %s to %s", took, test.from, test.to)
			}
			if report.EndedAtDeadline > 0 {
				t.Errorf("%d requests are said to have been ended; an idle connection is none", report.EndedAtDeadline)
			}
			s.onEvent = nil
			s.atRest(v2)
		})
	}
}

func TestMonitorOfZeroSwitchesTheWatchOff(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"order: start-first":                       deploy.DefaultMonitor,
		"order: start-first, monitor: 0s":          0,
		"order: start-first, monitor: 0m":          0,
		`order: start-first, monitor: "${OFF}"`:    0,
		"order: start-first, monitor: 5s":          5 * time.Second,
		`order: start-first, monitor: "${ON:-4s}"`: 4 * time.Second,
	} {
		t.Run(said, func(t *testing.T) {
			compose := edit(t, shop, "replicas: 2", "replicas: 2\n      update_config: {"+said+"}")
			model, err := deploy.ParseModel(t.Context(), "docker-compose.production.yml", []byte(compose))
			if err != nil {
				t.Fatal(err)
			}
			rendered, err := model.Render(deploy.RenderOptions{Version: "v1", Images: map[string]deploy.Image{}})
			if err != nil {
				t.Fatal(err)
			}
			if model, err = deploy.ParseModel(t.Context(), "docker-compose.production.yml", rendered); err != nil {
				t.Fatal(err)
			}
			environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Variables: map[string]string{"OFF": "0s"}})
			if err != nil {
				t.Fatal(err)
			}
			if backend, _ := environment.Service("backend"); backend.Monitor != want {
				t.Errorf("watched for %s, not %s", backend.Monitor, want)
			}
		})
	}
}
