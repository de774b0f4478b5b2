package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// checklistOf is a checklist of an environment with that x-deploy section, and a
// project with these files.
func checklistOf(t *testing.T, section string, files map[string]string) *checklist {
	t.Helper()
	model, err := deploy.ParseModel(t.Context(), filepath.Join(t.TempDir(), "compose.yml"), []byte("name: shop\nx-deploy:\n"+section+"services:\n  web: {image: \"web:${VERSION}\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := &checklist{Fleet: &Fleet{Name: "production", Model: model}, version: "v1.1.0", tree: &source.Tree{Root: t.TempDir()}}
	if c.Settings, err = model.Settings(nil); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(c.tree.Root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestChecklistOfATeamThatIsTold(t *testing.T) {
	t.Parallel()
	const notified = "  notify: {slack: \"${TEAM_SLACK:-}\"}\n"
	for _, test := range []struct {
		name, section string
		variables     []string
		state         deploy.FindingState
		says          string
	}{
		{name: "not set up", section: "  retain: 3\n"},
		{name: "not set up, and wanted", section: "  checklist: {items: [notified]}\n", state: deploy.FindingFailed, says: "nobody is told"},
		{name: "without an address", section: notified, state: deploy.FindingFailed, says: "the host has no TEAM_SLACK"},
		{name: "not of the start", section: "  notify: {slack: \"${TEAM_SLACK:-}\", on: [failure]}\n", variables: []string{"TEAM_SLACK"}, state: deploy.FindingFailed, says: "when the deploy starts"},
		{name: "told", section: notified, variables: []string{"OTHER", "TEAM_SLACK"}, state: deploy.FindingFine, says: "TEAM_SLACK"},
	} {
		c := checklistOf(t, test.section, nil)
		c.variables = test.variables
		found := c.notified(t.Context())
		switch {
		case test.state == "" && found != nil:
			t.Errorf("%s: %+v", test.name, found)
		case test.state != "" && (found == nil || found.State != test.state || !strings.Contains(found.Text, test.says)):
			t.Errorf("%s: %+v", test.name, found)
		}
	}
}

func TestChecklistOfAChangelog(t *testing.T) {
	t.Parallel()
	if found := checklistOf(t, "  retain: 3\n", nil).changelog(t.Context()); found != nil {
		t.Errorf("a project without one: %+v", found)
	}
	wanted := checklistOf(t, "  checklist: {items: [changelog]}\n", nil).changelog(t.Context())
	if wanted == nil || wanted.State != deploy.FindingFailed || !strings.Contains(wanted.Text, "has no CHANGELOG.md") {
		t.Errorf("%+v", wanted)
	}
	found := checklistOf(t, "  retain: 3\n", map[string]string{"CHANGELOG.md": "## v1.1.0\nBreaking: the cart's address\n"}).changelog(t.Context())
	if found == nil || found.State != deploy.FindingFine || !strings.Contains(found.Text, "the cart's address") {
		t.Errorf("%+v", found)
	}
}

func TestChecklistNamesNewMigrations(t *testing.T) {
	t.Parallel()
	record := func(names ...string) *session.Record {
		release := &deploy.Release{}
		for _, name := range names {
			release.Migrations = append(release.Migrations, deploy.MigrationID{App: "products", Name: name})
		}
		return &session.Record{Release: release}
	}
	c := &checklist{now: record("0001_initial"), before: record("0001_initial", "0002_stock")}
	if said := c.migrations(); !strings.Contains(said, "products.0002_stock") || strings.Contains(said, "0001") {
		t.Error(said)
	}
	c.before = record("0001_initial")
	if said := c.migrations(); said != "no new migrations" {
		t.Error(said)
	}
	c.before = nil
	if said := c.migrations(); !strings.Contains(said, "plan") {
		t.Error(said)
	}
}
