package deploy_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func newStore(t *testing.T) *deploy.Store {
	t.Helper()
	return &deploy.Store{Directory: t.TempDir(), Environment: "production"}
}

// recorded makes a release for the store's own tests.
func recorded(at time.Time, version string) *deploy.Release {
	return &deploy.Release{
		ID: deploy.NewReleaseID(at, version), Version: version, Created: at, By: "anna@laptop",
		Images:   map[string]deploy.Image{"web": {Reference: "web:" + version, Digest: "sha256:aa"}},
		Rendered: []byte("# Release " + version + "\nname: shop\n"),
	}
}

var monday = time.Date(2026, 9, 21, 8, 15, 2, 0, time.UTC)

func save(t *testing.T, store *deploy.Store, releases ...*deploy.Release) {
	t.Helper()
	for _, release := range releases {
		if err := store.Save(release); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreGivesBackWhatItWasGiven(t *testing.T) {
	store, v1 := newStore(t), recorded(monday, "v1.15.0")
	if v1.ID != "20260921T081502Z-v1.15.0" {
		t.Errorf("the identifier is %s", v1.ID)
	}
	save(t, store, v1)
	loaded, err := store.Load(v1.ID)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Version != v1.Version || !loaded.Created.Equal(monday) || loaded.By != v1.By ||
		loaded.Images["web"] != v1.Images["web"] || string(loaded.Rendered) != string(v1.Rendered) {
		t.Errorf("loaded %+v, saved %+v", loaded, v1)
	}
}

func TestCommitIsOneRename(t *testing.T) {
	store, v1, v2 := newStore(t), recorded(monday, "v1"), recorded(monday.Add(time.Hour), "v2")
	if id, err := store.Serving(); id != "" || err != nil {
		t.Errorf("%q serves on an empty host (%v)", id, err)
	}
	save(t, store, v1, v2)
	if err := store.Commit(v1); err != nil {
		t.Fatal(err)
	}
	if id, err := store.Serving(); id != v1.ID || err != nil || !store.InPlace(v1) || store.InPlace(v2) {
		t.Errorf("%q serves (%v)", id, err)
	}

	// A crash between the two files leaves the old release, seen not in place.
	if err := os.WriteFile(store.ComposePath(), v2.Rendered, 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := store.Serving(); id != v1.ID || err != nil || store.InPlace(v1) {
		t.Errorf("%q serves, in place: %t (%v)", id, store.InPlace(v1), err)
	}
	if err := store.Commit(v2); err != nil {
		t.Fatal(err)
	}
	if id, err := store.Serving(); id != v2.ID || err != nil || !store.InPlace(v2) {
		t.Errorf("%q serves (%v)", id, err)
	}
	var left []string
	err := filepath.WalkDir(store.Directory, func(path string, entry os.DirEntry, err error) error {
		if !entry.IsDir() {
			left = append(left, strings.TrimPrefix(path, store.Directory+"/"))
		}
		return err
	})
	want := []string{
		".deploy/current", ".deploy/previous",
		".deploy/releases/20260921T081502Z-v1/compose.yml", ".deploy/releases/20260921T081502Z-v1/record.json", ".deploy/releases/20260921T081502Z-v1/served",
		".deploy/releases/20260921T091502Z-v2/compose.yml", ".deploy/releases/20260921T091502Z-v2/record.json", ".deploy/releases/20260921T091502Z-v2/served",
		"docker-compose.production.yml",
	}
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("the files are %v, not %v (%v)", left, want, err)
	}
}

func TestCrashLeftoversDoNotMatter(t *testing.T) {
	store, v1 := newStore(t), recorded(monday, "v1")
	save(t, store, v1)
	if err := store.Commit(v1); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		".deploy/.current.123":                                  "half a na",
		".docker-compose.production.yml.456":                    "name: sh",
		".deploy/releases/20260921T081502Z-v1/.record.json.789": "{",
		".deploy/releases/20260922T000000Z-v2/compose.yml":      "name: shop\n", // before its record
		".deploy/releases/20260923T000000Z-v3/record.json":      "{\"id\": \"2026",
		".deploy/releases/.record.json.1":                       "",
	} {
		path = filepath.Join(store.Directory, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if id, err := store.Serving(); id != v1.ID || err != nil || !store.InPlace(v1) {
		t.Errorf("%q serves (%v)", id, err)
	}
	if found, err := store.Find("v1"); err != nil || found.ID != v1.ID {
		t.Errorf("found %v (%v)", found, err)
	}
	if _, err := store.Find("v3"); err == nil {
		t.Error("a damaged record was found")
	}
}

func TestFindSuggests(t *testing.T) {
	store := newStore(t)
	_, err := store.Find("v1")
	if err == nil || err.Error() != "no release v1 is recorded on this host: nothing was deployed here yet" {
		t.Errorf("on an empty host: %v", err)
	}
	save(t, store, recorded(monday, "v1.15.0"), recorded(monday.Add(time.Hour), "v1.16.0"), recorded(monday.Add(2*time.Hour), "v1.16.0"), recorded(monday.Add(3*time.Hour), "sha-4f0c2d1"))
	if found, err := store.Find("v1.16.0"); err != nil || found.ID != "20260921T101502Z-v1.16.0" {
		t.Errorf("found %v, not the newest (%v)", found, err)
	}
	for version, want := range map[string]string{
		"1.16.0":  "no release 1.16.0 is recorded on this host; did you mean v1.16.0 or v1.15.0?",
		"v1.15":   "no release v1.15 is recorded on this host; did you mean v1.15.0?",
		"nothing": "no release nothing is recorded on this host; did you mean sha-4f0c2d1 or v1.16.0 or v1.15.0?",
	} {
		_, err := store.Find(version)
		if err == nil || err.Error() != want || exitStatus(err) != deploy.ExitUsage {
			t.Errorf("got %v (%d), want %s", err, exitStatus(err), want)
		}
	}
}

func TestEvidenceAndReportAreKeptWithTheirRelease(t *testing.T) {
	store, v1 := newStore(t), recorded(monday, "v1")
	if err := store.KeepEvidence(v1, "shop-web-1", deploy.Evidence{Logs: []byte("bye\n"), Inspect: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := store.SaveReport(v1, &deploy.Report{Outcome: deploy.OutcomeRolledBack, To: "v1"}); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(store.Directory, ".deploy/releases", v1.ID)
	for name, want := range map[string]string{"containers/shop-web-1.log": "bye\n", "containers/shop-web-1.json": "{}"} {
		if content, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(content) != want {
			t.Errorf("%s is %q (%v)", name, content, err)
		}
	}
	var report deploy.Report
	content, err := os.ReadFile(filepath.Join(folder, "report.json"))
	if err := errors.Join(err, json.Unmarshal(content, &report)); err != nil || report.Outcome != deploy.OutcomeRolledBack {
		t.Errorf("the report is %+v (%v)", report, err)
	}
}

func TestStoppingIsRemembered(t *testing.T) {
	store, c := newStore(t), deploy.Container{ID: "c1", Name: "shop-web-1"}
	if store.Stopping(c) {
		t.Error("a container that nobody stopped is stopping")
	}
	if err := store.MarkStopping(c); err != nil || !store.Stopping(c) {
		t.Errorf("not stopping (%v)", err)
	}
	if c.ID = "c2"; store.Stopping(c) {
		t.Error("the next container of that name is stopping")
	}
}
