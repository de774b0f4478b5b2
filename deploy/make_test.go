package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestNewRelease(t *testing.T) {
	in(t, "is pinned, rendered and decoded", func(t *testing.T, s *site) {
		v1, err := s.make(shop, "v1")
		if err != nil {
			t.Fatal(err)
		}
		if v1.ID != "20000101T000000Z-v1" || v1.By != "anna@laptop" || v1.Images["backend"].Reference != "registry.example/shop/backend:v1" {
			t.Errorf("made %+v", v1)
		}
		if !strings.Contains(string(v1.Rendered), "image: "+v1.Images["db"].Pinned()) || v1.Environment.Name != "production" {
			t.Errorf("rendered\n%s", v1.Rendered)
		}
	})
	in(t, "of the version that serves is the same one", func(t *testing.T, s *site) {
		v1, err := s.make(shop, "v1")
		if err := errors.Join(err, s.deploy.Store.Save(v1), s.deploy.Store.Commit(v1)); err != nil {
			t.Fatal(err)
		}
		again, err := s.make(shop, "v1")
		if err != nil || again.ID != v1.ID {
			t.Errorf("made %s behind %s (%v)", again.ID, v1.ID, err)
		}
	})
	in(t, "of the version that serves is made of the same source", func(t *testing.T, s *site) {
		v1, err := s.make(shop, "v1")
		v1.Background = &deploy.Background{Commit: "4f0c2d1"}
		if err := errors.Join(err, s.deploy.Store.Save(v1), s.deploy.Store.Commit(v1)); err != nil {
			t.Fatal(err)
		}
		again, err := s.make(edit(t, shop, "haproxy:3.0", "haproxy:3.1"), "v1")
		if err != nil || again.ID == v1.ID || again.Commit() != "4f0c2d1" {
			t.Errorf("made %+v (%v)", again, err)
		}
		if other, err := s.make(shop, "v2"); err != nil || other.Commit() != "" {
			t.Errorf("another version is said to be made of %q (%v)", other.Commit(), err)
		}
	})
	in(t, "keeps the digest of an image whose tag was moved", func(t *testing.T, s *site) {
		v1, err := s.make(shop, "v1")
		if err := errors.Join(err, s.deploy.Store.Save(v1), s.deploy.Store.Commit(v1)); err != nil {
			t.Fatal(err)
		}
		model, err := deploy.ParseModel(t.Context(), s.deploy.Store.ComposePath(), []byte(edit(t, shop, "haproxy:3.0", "haproxy:3.1")))
		if err != nil {
			t.Fatal(err)
		}
		v2, err := s.deploy.NewRelease(t.Context(), model, deploy.MakeOptions{Version: "v2", Resolve: func(_ context.Context, reference string) (deploy.Image, error) {
			return deploy.Image{Reference: reference, Digest: "sha256:moved"}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if v2.Images["db"] != v1.Images["db"] {
			t.Errorf("the database's image is %v, not %v as before", v2.Images["db"], v1.Images["db"])
		}
		if v2.Images["proxy"].Digest != "sha256:moved" || v2.Images["backend"].Digest != "sha256:moved" {
			t.Errorf("images are %v", v2.Images)
		}
	})
	in(t, "names what cannot be resolved", func(t *testing.T, s *site) {
		model, err := deploy.ParseModel(t.Context(), s.deploy.Store.ComposePath(), []byte(shop))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.deploy.NewRelease(t.Context(), model, deploy.MakeOptions{Version: "v2", Resolve: func(_ context.Context, reference string) (deploy.Image, error) {
			return deploy.Image{}, errors.New("no manifest of " + reference)
		}})
		for _, reference := range []string{"postgres:17", "registry.example/shop/backend:v2", "haproxy:3.0"} {
			if err == nil || !strings.Contains(err.Error(), "no manifest of "+reference) {
				t.Errorf("it does not name %s: %v", reference, err)
			}
		}
	})
	in(t, "refuses what cannot be a version", func(t *testing.T, s *site) {
		for _, version := range []string{"", "v1 beta", "-v1", ".v1", "v1/2", "ü", strings.Repeat("v", 129)} {
			if _, err := s.make(shop, version); exitStatus(err) != deploy.ExitUsage {
				t.Errorf("%q: %v", version, err)
			}
		}
	})
	in(t, "needs an image for everything", func(t *testing.T, s *site) {
		_, err := s.make(edit(t, shop, "    image: registry.example/shop/frontend:${VERSION}", "    build: ../frontend"), "v1")
		if err == nil || !strings.Contains(err.Error(), "services.frontend.image: is missing: a release names every image") {
			t.Errorf("it says %v", err)
		}
	})
}
