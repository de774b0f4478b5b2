package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// FuzzJournal writes anything into the journal: whatever of it is an event is
// read, and what is appended behind it always is.
func FuzzJournal(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "{", `{"kind":"plan","release":"v1","at":"2026-09-21T08:15:02Z"}`,
		`{"kind":"start","stage":1,"step":{"action":"switch","cause":""}}` + "\n" + `{"kind":"done","step":{"acti`,
		"\x00\xff\xfe", strings.Repeat("x", 70<<10) + "\n" + `{"kind":"note","text":"after a long line"}`,
		`{"kind":"done","elapsed":"soon"}`, `{"kind":"outcome","text":"deployed"}{"kind":"plan"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		store := newStore(t)
		path := filepath.Join(store.Directory, ".deploy", "journal.jsonl")
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := store.Events()
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		journal, err := store.OpenJournal()
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		appended := deploy.Event{At: monday, Kind: deploy.EventNote, Text: "appended"}
		if err := journal.Write(appended); err != nil {
			t.Fatal(err)
		}
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := store.Events()
		if err != nil || len(after) != len(before)+1 || after[len(before)].Text != appended.Text {
			t.Errorf("%d events before, %d after one was appended (%v)", len(before), len(after), err)
		}
		deploy.Interrupted(after)
	})
}

// FuzzRecord loads anything as a release's record: an error or a release that
// can be saved and loaded again.
func FuzzRecord(f *testing.F) {
	good, err := json.Marshal(recorded(monday, "v1"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("name: shop\n"))
	f.Add(good[:len(good)/2], []byte(""))
	f.Add([]byte("null"), []byte("\x00"))
	f.Add([]byte(`{"images":{"web":{"reference":"@","digest":""}}}`), []byte("services: [\n"))
	f.Fuzz(func(t *testing.T, record, compose []byte) {
		store := newStore(t)
		folder := filepath.Join(store.Directory, ".deploy", "releases", "20260921T081502Z-v1")
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"record.json": record, "compose.yml": compose, "report.json": record} {
			if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		loaded, err := store.Load("20260921T081502Z-v1")
		_, reportErr := store.Report("20260921T081502Z-v1")
		_, _ = store.Retention(1, &deploy.Release{ID: "another"})
		_ = reportErr
		if err != nil {
			return
		}
		if loaded.ID != "20260921T081502Z-v1" {
			t.Fatalf("the record of a release named itself %q", loaded.ID)
		}
		for _, image := range loaded.Images {
			_ = image.Pinned()
		}
		host := &deploy.Host{Store: store}
		_ = host.Decode(t.Context(), loaded) // an error, or a Compose file after all
	})
}

// FuzzVersion asks for anything as a version: what is taken is an image tag,
// and comes back out of a reference and an identifier.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"v1.16.0", "sha-4f0c2d1", "", "-v1", ".", "v1/2", "latest", strings.Repeat("v", 129), "ü", "v1@sha256:aa", "v1\n", "../../etc"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		if deploy.CheckVersion(version) != nil {
			return
		}
		reference := "registry.example:5000/shop/backend:" + version
		if deploy.Tag(reference) != version || deploy.Repository(reference) != "registry.example:5000/shop/backend" {
			t.Errorf("%q became %q of %q", version, deploy.Tag(reference), deploy.Repository(reference))
		}
		id := deploy.NewReleaseID(time.Unix(0, 0), version)
		if filepath.Base(id) != id || strings.ContainsAny(id, " \n/\\") {
			t.Errorf("%q makes the identifier %q", version, id)
		}
		deploy.Nearest(version, []string{"v1.15.0", "v1.16.0"}, 3)
	})
}
