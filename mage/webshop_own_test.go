//go:build integration

package mage_test

import (
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// TestTheWebshopsOwnTests runs what the sample webshop has of its own: Django's
// system checks, its unit tests, in which the migrations are held against the
// models, and a look at the frontend's syntax.
func TestTheWebshopsOwnTests(t *testing.T) {
	alongside(t, webshops)
	w := newWebshop(t, deploytest.WebshopVersion{Name: "v1.0.0"})
	w.inBackend("python3", "manage.py", "check", "--fail-level", "WARNING")
	w.inBackend("python3", "manage.py", "test", "--noinput")
	w.Exec(w.Name+"-frontend-1", "sh", "-c", "node --check server.mjs && node --check build.mjs")
}
