package deploy_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// site is a fake host with a store, on which releases are rolled out. It
// lives in a synctest bubble.
type site struct {
	*fake.Host
	t      *testing.T
	deploy *deploy.Host
	// onEvent is told every event.
	onEvent func(deploy.Event)

	mu     sync.Mutex
	events []deploy.Event
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Host: fake.New(), t: t}
	s.deploy = &deploy.Host{
		Engine: s.Engine, Images: s.Engine, Proxy: s.Proxy, Prober: s.Prober, Django: s.Django, Hash: fake.Hash, Commands: s.Commands, Who: "anna@laptop",
		Store: &deploy.Store{Directory: t.TempDir(), Environment: "production"},
		Emit:  s.emit,
	}
	return s
}

func (s *site) emit(event deploy.Event) {
	s.mu.Lock()
	s.events = append(s.events, event)
	s.mu.Unlock()
	if s.onEvent != nil {
		s.onEvent(event)
	}
}

// texts gives the events of a kind, as far as they tell something in words.
func (s *site) texts(kind deploy.EventKind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, event := range s.events {
		if event.Kind == kind {
			texts = append(texts, event.Text)
		}
	}
	return texts
}

// make makes a release as the targets do.
func (s *site) make(compose, version string) (*deploy.Release, error) {
	s.t.Helper()
	path := filepath.Join(s.deploy.Store.Directory, "source.production.yml")
	model, err := deploy.ParseModel(s.t.Context(), path, []byte(compose))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.deploy.NewRelease(s.t.Context(), model, deploy.MakeOptions{Version: version, By: "anna@laptop", Resolve: s.Resolve})
}

// serve rolls a release out that must go well.
func (s *site) serve(compose, version string) *deploy.Release {
	s.t.Helper()
	made := release(s.t, compose, version)
	if _, err := s.deploy.Rollout(s.t.Context(), made, deploy.Options{}); err != nil {
		s.t.Fatalf("roll out %s: %v", version, err)
	}
	s.atRest(made)
	return made
}

// atRest asserts that a release serves, that nothing is left to do or left
// behind, and that no promise was broken on the way.
func (s *site) atRest(want *deploy.Release) {
	s.t.Helper()
	s.settled(want)
	s.kept()
}

// settled is atRest without the promises.
func (s *site) settled(want *deploy.Release) {
	s.t.Helper()
	state, err := s.deploy.Observe(s.t.Context(), want)
	if err != nil {
		s.t.Fatal(err)
	}
	if state.Serving.String() != want.String() {
		s.t.Errorf("%s serves, not %s", state.Serving, want)
	}
	if !state.InPlace {
		s.t.Error("the Compose file in place is not the rendered one of the release that serves")
	}
	plan, err := deploy.NewPlan(state, want, deploy.PlanOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	if !plan.Empty() {
		s.t.Errorf("something is left to do:\n%s", plan)
	}
	if err := s.Settled(); err != nil {
		s.t.Error(err)
	}
}

// kept asserts that no promise was broken and no request lost.
func (s *site) kept() {
	s.t.Helper()
	if broken := s.Violations(); len(broken) > 0 {
		s.t.Errorf("broken promises:\n  %s", strings.Join(broken, "\n  "))
	}
	if traffic := s.Traffic(); traffic.Lost > 0 {
		s.t.Errorf("%d requests were lost: %+v", traffic.Lost, traffic)
	}
}

// load sends requests to the services until the returned function is called.
func (s *site) load(services ...string) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var group sync.WaitGroup
	for _, service := range services {
		group.Go(func() { s.Load(ctx, service, 50*time.Millisecond) })
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// in runs a test in a bubble of its own, with a clock that jumps.
func in(t *testing.T, name string, test func(t *testing.T, s *site)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, newSite(t)) })
	})
}
