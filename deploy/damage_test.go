package deploy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var seed = flag.Uint64("seed", 1, "where the damage to hosts begins")

// damages are what may have become of a host between two commands. Each gives
// a word on what it did.
var damages = []func(s *site, random *rand.Rand, v1, v2 *deploy.Release) string{
	func(s *site, random *rand.Rand, _, _ *deploy.Release) string {
		names := s.Names()
		name := names[random.IntN(len(names))]
		s.Kill(name)
		return "killed " + name
	},
	func(s *site, random *rand.Rand, v1, v2 *deploy.Release) string {
		release := []*deploy.Release{v1, v2}[random.IntN(2)]
		service := []string{"backend", "frontend", "worker"}[random.IntN(3)]
		made, err := s.Engine.Create(s.t.Context(), release, service, 1+random.IntN(2))
		if err == nil && random.IntN(2) == 0 {
			s.Kill(made[0].Name)
		}
		return fmt.Sprintf("made %d of %s %s (%v)", len(made), service, release, err)
	},
	func(s *site, random *rand.Rand, v1, v2 *deploy.Release) string {
		s.KillAt = len(s.Calls()) + 1 + random.IntN(24)
		s.KillHalf = random.IntN(2) == 0
		at := s.KillAt
		_, err := s.deploy.Rollout(s.t.Context(), []*deploy.Release{v1, v2}[random.IntN(2)], deploy.Options{})
		s.Revive()
		return fmt.Sprintf("died at call %d (%v)", at, err != nil)
	},
	func(s *site, random *rand.Rand, v1, _ *deploy.Release) string {
		routes := v1.Environment.Routes()
		state, err := s.Proxy.Observe(s.t.Context(), routes)
		if backends := state.Routed("backend"); err == nil && len(backends) > 1 {
			_, err = s.Proxy.Switch(s.t.Context(), routes, deploy.Routing{
				"backend": backends[:1], "frontend": state.Routed("frontend"),
			})
		}
		return fmt.Sprintf("switched by hand (%v)", err)
	},
	func(s *site, _ *rand.Rand, _, _ *deploy.Release) string {
		path := s.deploy.Store.ComposePath()
		return fmt.Sprint("edited the Compose file ", os.WriteFile(path, []byte("services: {}\n"), 0o600))
	},
	func(_ *site, random *rand.Rand, _, _ *deploy.Release) string {
		pause := time.Duration(random.IntN(90)) * time.Second
		<-time.After(pause)
		return "waited " + pause.String()
	},
}

// TestAnyHostIsRepaired damages a host at random and rolls a release out: it
// must serve, a plan to it must be empty, and no promise may be broken by the
// deployer.
func TestAnyHostIsRepaired(t *testing.T) {
	rounds := uint64(10)
	if *everything {
		rounds = 500
	}
	w := ways(t)[0]
	for number := *seed; number < *seed+rounds; number++ {
		t.Run(fmt.Sprintf("seed %d", number), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { repaired(t, w, number) })
		})
	}
}

func repaired(t *testing.T, w way, number uint64) {
	s, random := newSite(t), rand.New(rand.NewPCG(number, 0)) //nolint:gosec // damage, not secrets
	w.start(s)
	for _, image := range w.want.Images {
		s.Images[image.Pinned()] = true
	}
	var done []string
	for range 1 + random.IntN(5) {
		done = append(done, damages[random.IntN(len(damages))](s, random, w.serving, w.want))
	}
	before := len(s.Violations())
	want := []*deploy.Release{w.serving, w.want}[random.IntN(2)]
	options := deploy.Options{
		Rollback: want == w.serving && random.IntN(2) == 0,
		Overlap:  []deploy.Overlap{"", deploy.OverlapWarm, deploy.OverlapBrief, deploy.OverlapSingle}[random.IntN(4)],
	}
	_, err := s.deploy.Rollout(t.Context(), want, options)
	if err != nil {
		t.Errorf("%s with %+v: %v", want, options, err)
	} else {
		s.settled(want)
	}
	if broken := s.Violations()[before:]; len(broken) > 0 {
		t.Errorf("broken promises:\n  %s", strings.Join(broken, "\n  "))
	}
	if t.Failed() {
		t.Logf("the damage:\n  %s\nthe calls:\n  %s", strings.Join(done, "\n  "), strings.Join(s.Calls(), "\n  "))
	}
}
