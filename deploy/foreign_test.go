package deploy_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// TestAdoptionIsRefused looks at what must be found before anything is
// touched.
func TestAdoptionIsRefused(t *testing.T) {
	const hex = "00000000000000000000000000000000000000000000000000000000" // the fake's names begin so
	for _, test := range []struct {
		name string
		// stack and want are edits of the stack and of the release.
		stack, want []string
		says        []string
	}{
		{name: "another project's name", stack: []string{"name: shop", "name: webshop"}, says: []string{
			"nothing to adopt: no container of the Compose project shop runs", "project webshop: webshop-backend-1, webshop-beat-1", "`name: webshop`",
		}},
		{name: "a database in a volume without a name", stack: []string{"data:/var/lib/postgresql/data", "/var/lib/postgresql/data"}, says: []string{
			"shop-db-1 keeps /var/lib/postgresql/data in a volume without a name, " + hex, "mounts the volume shop_data there", "its data would seem lost",
			"external: true, name: " + hex, "-a /from/. /to/",
		}},
		{name: "a database in another volume", stack: []string{"data:", "pgdata:"}, says: []string{
			"in the volume shop_pgdata, and the Compose file mounts the volume shop_data there", "external: true, name: shop_pgdata",
		}},
		{name: "a database in a folder", stack: []string{"data:/var", "/srv/data:/var"}, says: []string{"in the folder /srv/data, and", "Mount the same at /var/lib/postgresql/data of db"}},
		{name: "a database in its container", stack: []string{"    volumes: [\"data:/var/lib/postgresql/data\"]\n", ""}, says: []string{"in the container itself", "docker cp shop-db-1:/var/lib/postgresql/data"}},
		{name: "a volume that the release does not mount", stack: []string{"    ports: [\"8000:8000\"]\n", "    ports: [\"8000:8000\"]\n    volumes: [\"data:/media\"]\n"}, says: []string{
			"shop-backend-1 keeps /media in the volume shop_data, and the Compose file mounts nothing there",
		}},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			s.deploy.Parking = s.Engine
			s.Up(release(t, edit(t, stack, test.stack...), "old"))
			before, calls := s.Standing(), len(s.Calls())
			_, err := s.deploy.Adopt(t.Context(), fresh(t, edit(t, shop, test.want...), "v1"), deploy.Options{AcceptDowntime: true})
			if err == nil {
				t.Fatal("it was not refused")
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %q:\n%v", text, err)
				}
			}
			if now := s.Standing(); strings.Join(now, "\n") != strings.Join(before, "\n") || len(s.Calls()) > calls {
				t.Errorf("it did %v", s.Calls()[calls:])
			}
		})
	}
	in(t, "a port that another project has", func(t *testing.T, s *site) {
		a := newTakeover(s)
		s.Up(release(t, "name: blog\nservices: {nginx: {image: nginx, ports: [\"443:443\"]}}\n", "blog"))
		_, err := s.deploy.Adopt(t.Context(), fresh(t, edit(t, shop, `["80:8080"]`, `["80:8080", "443:8443"]`), "v1"), deploy.Options{AcceptDowntime: true})
		if err == nil || !strings.Contains(err.Error(), "port 443 is published by blog-nginx-1, which is of the project blog") {
			t.Errorf("it says %v", err)
		}
		a.before = s.Standing()
		a.asBefore()
	})
	in(t, "a way back without its volumes", func(t *testing.T, s *site) {
		a := newTakeover(s)
		if _, err := a.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Forget()
		_, err := s.deploy.Unadopt(t.Context(), deploy.Options{AcceptDowntime: true})
		if err == nil || !strings.Contains(err.Error(), "shop-cache-1 needs the volume") {
			t.Errorf("it says %v", err)
		}
		a.adopted()
	})
}
