package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// TestRetention compares what stays of histories of releases. Each is written
// as versions in the order of their making: "v2!" failed, "v3*" serves.
func TestRetention(t *testing.T) {
	for _, test := range []struct {
		history  string
		retain   int
		outdated string
		// gone are the versions whose images go.
		gone string
	}{
		{"v1 v2 v3*", 3, "", ""},
		{"v1 v2 v3 v4*", 3, "v1", "v1"},
		{"v1 v2 v3 v4 v5*", 1, "v4, v3, v2, v1", "v4 v3 v2 v1"},
		{"v1* v2 v3 v4 v5", 3, "v2", "v2"},
		{"v1 v2! v3 v4*", 3, "", "v2"},
		{"v1! v2 v3 v4 v5*", 3, "v2, v1", "v2 v1"},
		{"v1 v2* v3!", 3, "", ""},
		{"v1 v2* v3!", 1, "v1", "v1"},
		{"v1 v2 v3 (v4)", 3, "v1", "v1"},
		{"v1 v2 v1 v2 v3*", 3, "v2, v1", ""},
		{"v1 v2 v3 v2 (v3)", 3, "v3, v2", ""},
		{"v1 v2 v3* v2", 2, "v2, v1", "v1"},
	} {
		t.Run(fmt.Sprintf("%s, %d", test.history, test.retain), func(t *testing.T) {
			store := newStore(t)
			var serving *deploy.Release
			for at, word := range strings.Fields(test.history) {
				one := recorded(monday.Add(time.Duration(at)*time.Hour), strings.Trim(word, "!*()"))
				one.Images["web"] = fake.Image("web:" + one.Version)
				if strings.HasSuffix(word, ")") {
					serving = one // it is about to be recorded
					continue
				}
				save(t, store, one)
				if !strings.HasSuffix(word, "!") {
					if err := store.Commit(one); err != nil {
						t.Fatal(err)
					}
				}
				if strings.HasSuffix(word, "*") || serving == nil {
					serving = one
				}
			}
			got, err := store.Retention(test.retain, serving)
			if err != nil {
				t.Fatal(err)
			}
			var gone []string
			for _, image := range got.Images {
				gone = append(gone, deploy.Tag(image.Reference))
			}
			if got.Versions() != test.outdated || strings.Join(gone, " ") != test.gone {
				t.Errorf("outdated %q, images of %q; wanted %q and %q", got.Versions(), gone, test.outdated, test.gone)
			}
		})
	}
}

func TestADeployPrunes(t *testing.T) {
	in(t, "what it keeps can be returned to without a registry", func(t *testing.T, s *site) {
		var made []*deploy.Release
		for number := range 6 {
			v, err := s.make(shop, fmt.Sprintf("v%d", number+1))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.deploy.Rollout(t.Context(), v, deploy.Options{}); err != nil {
				t.Fatal(err)
			}
			made = append(made, v)
		}
		ids, err := s.deploy.Store.Releases()
		if err != nil || !slices.Equal(ids, []string{made[5].ID, made[4].ID, made[3].ID}) {
			t.Errorf("recorded are %v (%v)", ids, err)
		}
		for at, one := range made {
			if here := s.Images[one.Images["backend"].Pinned()]; here != (at >= 3) {
				t.Errorf("the images of %s are here: %t", one, here)
			}
		}
		s.Inject(fake.Fault{Call: "Pull", Err: fmt.Errorf("no registry")})
		if _, err := s.deploy.Rollout(t.Context(), made[3], deploy.Options{Rollback: true}); err != nil {
			t.Error(err)
		}
		s.atRest(made[3])
	})
	in(t, "what served before stays, however old it is", func(t *testing.T, s *site) {
		var made []*deploy.Release
		roll := func(release *deploy.Release, options deploy.Options) {
			if _, err := s.deploy.Rollout(t.Context(), release, options); err != nil {
				t.Fatal(err)
			}
		}
		for number := range 4 {
			v, err := s.make(shop, fmt.Sprintf("v%d", number+1))
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, v)
			if number < 3 {
				roll(v, deploy.Options{})
			}
		}
		roll(made[0], deploy.Options{Rollback: true})
		roll(made[3], deploy.Options{})
		previous, err := s.deploy.Store.FindPrevious()
		if err != nil || previous.ID != made[0].ID {
			t.Errorf("before v4 served %s (%v)", previous, err)
		}
		s.Inject(fake.Fault{Call: "Pull", Err: fmt.Errorf("no registry")})
		roll(made[0], deploy.Options{Rollback: true})
		s.atRest(made[0])
	})
	in(t, "and serves where it cannot", func(t *testing.T, s *site) {
		for number := range 3 {
			s.serve(shop, fmt.Sprintf("v%d", number+1))
		}
		s.Inject(fake.Fault{Call: "Forget"})
		s.serve(shop, "v4")
		if said := strings.Join(s.texts(deploy.EventNote), "\n"); !strings.Contains(said, "old releases were not pruned") {
			t.Errorf("it said %s", said)
		}
	})
}

// TestIdentifiersSortAlsoWhenTheClockIsSetBack has a release from the future.
func TestIdentifiersSortAlsoWhenTheClockIsSetBack(t *testing.T) {
	in(t, "the newest is the newest", func(t *testing.T, s *site) {
		ahead := recorded(time.Now().Add(24*time.Hour), "v0")
		save(t, s.deploy.Store, ahead)
		made, err := s.make(shop, "v1")
		if err != nil {
			t.Fatal(err)
		}
		if made.ID <= ahead.ID {
			t.Errorf("%s sorts before %s", made.ID, ahead.ID)
		}
	})
}
