package starter

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is every file below a folder with its content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, root+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func equal(a, b map[string]string) bool {
	for name := range b {
		if _, ok := a[name]; !ok {
			return false
		}
	}
	for name, content := range a {
		if other, ok := b[name]; !ok || other != content {
			return false
		}
	}
	return true
}

// The plan comes first, and writes nothing.
func TestShowWritesNothing(t *testing.T) {
	root := project(t, "django-celery")
	before := tree(t, root)
	var out bytes.Buffer
	if err := propose(t, root).Show(&out, root); err != nil {
		t.Fatal(err)
	}
	if !equal(before, tree(t, root)) {
		t.Errorf("it wrote: %v", tree(t, root))
	}
	for _, text := range []string{
		"--- compose/django-celery.yml\n", "x-deploy: {proxy: true}", "+ magefile.go would be written", "Nothing was written. Next: mage init -write",
		"worker     its command has \"celery\"", "\n    → ",
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("it does not say %q:\n%s", text, out.String())
		}
	}
}

// Whatever is there is left, and said; the rest is written beside it.
func TestNothingIsOverwritten(t *testing.T) {
	for _, own := range []string{"compose/docker-compose.staging.yml", "compose/.env.example", "magefile.go", ".gitignore", "go.mod"} {
		t.Run(own, func(t *testing.T) {
			root := project(t, "go-redis")
			mine := "# mine\n"
			if strings.HasSuffix(own, "staging.yml") {
				mine = "# mine\nname: other\nservices: {worker: {image: busybox}}\n"
			}
			put(t, root, own, mine)
			before := tree(t, root)
			proposal := propose(t, root)
			var out bytes.Buffer
			if err := proposal.Carry(t.Context(), &out, root); err != nil {
				t.Fatal(err)
			}
			after := tree(t, root)
			for name, content := range before {
				if after[name] != content {
					t.Errorf("%s was changed", name)
				}
			}
			said := "- " + own + " is there, and is left as it is"
			for _, file := range proposal.Files {
				if file.Path == own && !strings.Contains(out.String(), said) {
					t.Errorf("it does not say %q:\n%s", said, out.String())
				}
				if file.Path != own && after[file.Path] != file.Content {
					t.Errorf("%s was not written", file.Path)
				}
			}
		})
	}
}

func TestTwiceChangesNothing(t *testing.T) {
	for _, name := range cases(t) {
		root := project(t, name)
		first, _ := carried(t, root)
		before := tree(t, root)
		var out bytes.Buffer
		second := propose(t, root)
		if err := second.Carry(t.Context(), &out, root); err != nil {
			t.Fatal(err)
		}
		if !equal(before, tree(t, root)) {
			t.Errorf("%s: the second time changed something", name)
		}
		if strings.Contains(out.String(), "  + ") {
			t.Errorf("%s: the second time says that it wrote:\n%s", name, out.String())
		}
		for at, file := range first.Files {
			if second.Files[at] != file {
				t.Errorf("%s: %s is proposed otherwise the second time", name, file.Path)
			}
			if !strings.Contains(out.String(), "= "+file.Path+" is as proposed") {
				t.Errorf("%s: it does not say that %s is as proposed", name, file.Path)
			}
		}
	}
}

// A file of the user's own that cannot be deployed is named, with what to do.
func TestCheckNamesWhatCannotBeDeployed(t *testing.T) {
	root := project(t, "go-redis")
	put(t, root, "compose/docker-compose.staging.yml", "name: x\nservices:\n  web:\n    image: web\n    x-deploy: {route: {port: 80}}\n")
	err := propose(t, root).Carry(t.Context(), &bytes.Buffer{}, root)
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range []string{"docker-compose.staging.yml has 2 mistakes", "no service is the proxy", "run `mage init -write` again"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("it does not say %q: %v", text, err)
		}
	}
}

// A folder in the place of a file is an error, not a file that is left.
func TestWriteFails(t *testing.T) {
	root := project(t, "go-redis")
	put(t, root, "compose", "a file")
	if err := propose(t, root).Carry(t.Context(), &bytes.Buffer{}, root); err == nil || !strings.Contains(err.Error(), "make the folder of compose/go-redis.yml") {
		t.Errorf("%v", err)
	}
}
