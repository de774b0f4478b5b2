package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	c := newClone(t)
	c.run("remote", "set-url", "origin", "https://ada:secret@git.example/shop/web.git")
	tree := c.read()
	if tree.Commit != c.run("rev-parse", "HEAD") || tree.Short != tree.Commit[:12] {
		t.Errorf("commit %s, %s", tree.Commit, tree.Short)
	}
	if tree.Branch != "main" || tree.Remote != "https://git.example/shop/web" || tree.Root != c.root {
		t.Errorf("%+v", tree)
	}
	if since := time.Since(tree.Time); since < 0 || since > time.Hour {
		t.Errorf("made at %s", tree.Time)
	}
	if len(tree.Dirty) != 0 || tree.State != "" {
		t.Errorf("dirty: %q", tree.Dirty)
	}
	version, err := tree.Version(false)
	if err != nil || version != "sha-"+tree.Short {
		t.Errorf("version %q, %v", version, err)
	}
}

func TestReadRefuses(t *testing.T) {
	isolate(t)
	folder := t.TempDir()
	_, err := Read(t.Context(), folder)
	refused(t, err, "is not a git repository", "git init")

	c := &clone{t: t, root: folder}
	c.run("init", "--quiet")
	_, err = Read(t.Context(), folder)
	refused(t, err, "has no commit yet", "git commit")

	bare := filepath.Join(t.TempDir(), "bare.git")
	c.run("init", "--quiet", "--bare", bare)
	_, err = Read(t.Context(), bare)
	refused(t, err, "without a work tree")

	t.Setenv("PATH", t.TempDir())
	_, err = Read(t.Context(), folder)
	refused(t, err, "git is missing", "apt-get install git")
}

func TestReadIsInterrupted(t *testing.T) {
	c := newClone(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("ctrl-c")
	cancel(reason)
	if _, err := Read(ctx, c.root); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestBranch(t *testing.T) {
	c := newClone(t)
	c.run("switch", "--quiet", "-c", "feature/x")
	if branch := c.read().Branch; branch != "feature/x" {
		t.Errorf("branch %q", branch)
	}
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_REF_NAME", "staging")
	t.Setenv("GITHUB_REF_TYPE", "branch")
	if branch := c.read().Branch; branch != "feature/x" {
		t.Errorf("branch %q, though one is checked out", branch)
	}
	c.run("checkout", "--quiet", "--detach")
	if branch := c.read().Branch; branch != "staging" {
		t.Errorf("branch %q in a workflow", branch)
	}
	t.Setenv("GITHUB_REF_TYPE", "tag")
	if branch := c.read().Branch; branch != "" {
		t.Errorf("branch %q in a tag's workflow", branch)
	}
	t.Setenv("GITHUB_ACTIONS", "")
	if branch := c.read().Branch; branch != "" {
		t.Errorf("branch %q when detached", branch)
	}
}

func TestReadIgnoresTheHooksRepository(t *testing.T) {
	c := newClone(t)
	other := newClone(t)
	t.Setenv("GIT_DIR", filepath.Join(other.root, ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(other.root, ".git", "index"))
	if tree := c.read(); len(tree.Dirty) != 0 {
		t.Errorf("dirty: %q", tree.Dirty)
	}
}

func TestDirtyVersions(t *testing.T) {
	c := newClone(t)
	c.write("ignored.log", "x")
	c.write(mainfile, "package main\n")
	if tree := c.read(); len(tree.Dirty) != 0 {
		t.Fatalf("dirty: %q", tree.Dirty)
	}
	os.Remove(filepath.Join(c.root, mainfile))
	version := func() string {
		t.Helper()
		tree := c.read()
		_, err := tree.Version(false)
		refused(t, err, "not committed", "git stash -u", "-dirty")
		version, err := tree.Version(true)
		if err != nil || !commitTag.MatchString(version) || !strings.Contains(version, "-dirty-") {
			t.Fatalf("version %q, %v", version, err)
		}
		return version
	}
	c.write("backend/app.py", "print(2)\n")
	changed := version()
	c.run("add", "--all")
	if staged := version(); staged != changed {
		t.Errorf("staging changes %s to %s", changed, staged)
	}
	c.write("new file é.txt", "a")
	untracked := version()
	if untracked == changed {
		t.Error("an untracked file does not count")
	}
	c.write("new file é.txt", "b")
	if other := version(); other == untracked {
		t.Error("an untracked file's content does not count")
	}
	c.write("new file é.txt", "a")
	if again := version(); again != untracked {
		t.Errorf("the same content gave %s and %s", untracked, again)
	}
	if dirty := c.read().Dirty; !slices.Contains(dirty, "new file é.txt") {
		t.Errorf("dirty: %q", dirty)
	}
	os.Remove(filepath.Join(c.root, "new file é.txt"))
	c.run("reset", "--quiet", "--hard")
	c.run("mv", "backend/app.py", "backend/main.py")
	if dirty := c.read().Dirty; !slices.Equal(dirty, []string{"backend/main.py"}) {
		t.Errorf("renamed: %q", dirty)
	}
}

func TestManyChangesAreCounted(t *testing.T) {
	c := newClone(t)
	for at := range 7 {
		c.write(string(rune('a'+at))+".txt", "x")
	}
	_, err := c.read().Version(false)
	refused(t, err, "7 files are not committed: a.txt, b.txt, c.txt, d.txt, e.txt and 2 more")
}

func TestHash(t *testing.T) {
	c := newClone(t)
	hash := func(folder string) string {
		t.Helper()
		hash, err := c.read().Hash(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	backend, frontend := hash("backend"), hash("./frontend/")
	if backend != c.run("rev-parse", "HEAD:backend") || hash(".") != c.run("rev-parse", "HEAD^{tree}") {
		t.Error("not git's hash of the folder")
	}
	if absolute := hash(filepath.Join(c.root, "backend")); absolute != backend {
		t.Errorf("absolute: %s", absolute)
	}
	c.write(".hidden/x", "")
	c.commit("hidden")
	if hash(".hidden") != c.run("rev-parse", "HEAD:.hidden") {
		t.Error("not git's hash of a hidden folder")
	}
	objects := c.run("count-objects")
	c.write("backend/app.py", "print(2)\n")
	c.write("backend/new.py", "")
	if hash("backend") == backend {
		t.Error("a change is missed")
	}
	if hash("frontend") != frontend {
		t.Error("a change elsewhere counts")
	}
	if after := c.run("count-objects"); after != objects || c.run("diff", "--cached", "--name-only") != "" {
		t.Errorf("the repository was written to: %s, %s", objects, after)
	}
	dirty := hash("backend")
	c.commit("second")
	if committed := hash("backend"); committed != dirty {
		t.Errorf("the same content has hash %s, and %s when committed", dirty, committed)
	}
	for _, folder := range []string{"missing", "..", "/"} {
		_, err := c.read().Hash(t.Context(), folder)
		refused(t, err, "git has no")
	}
}

// TestChangeWithinATickIsSeen makes a change that no size and time gives away.
func TestChangeWithinATickIsSeen(t *testing.T) {
	c := newClone(t)
	c.run("config", "core.trustctime", "false")
	at := time.Now().Add(-time.Hour)
	stamp := func(name string) {
		t.Helper()
		if err := os.Chtimes(filepath.Join(c.root, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	stamp("backend/app.py")
	c.run("update-index", "--refresh")
	stamp(".git/index")
	clean := c.read()
	c.write("backend/app.py", "print(2)\n")
	stamp("backend/app.py")
	before, err := clean.Hash(t.Context(), "backend")
	if err != nil {
		t.Fatal(err)
	}
	after, err := c.read().Hash(t.Context(), "backend")
	if err != nil || after == before {
		t.Errorf("%s, %v", after, err)
	}
}

func TestHashInASubfolder(t *testing.T) {
	c := newClone(t)
	want := c.run("rev-parse", "HEAD:backend")
	c.root = filepath.Join(c.root, "backend")
	for range 2 {
		if hash, err := c.read().Hash(t.Context(), "."); err != nil || hash != want {
			t.Errorf("%s, %v", hash, err)
		}
		c.write("../elsewhere.txt", "dirty")
	}
}

func TestHashCoversSubmodules(t *testing.T) {
	c, inner := newClone(t), newClone(t)
	c.run("submodule", "--quiet", "add", inner.origin, "theme")
	c.commit("theme")
	versions := map[string]bool{}
	for _, content := range []string{"1", "2"} {
		c.write("theme/frontend/page.js", content+content)
		tree := c.read()
		version, err := tree.Version(true)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := tree.Hash(t.Context(), "theme")
		if err != nil {
			t.Fatal(err)
		}
		versions[version], versions[hash] = true, true
	}
	if len(versions) != 4 {
		t.Errorf("versions and hashes: %v", versions)
	}
}

func TestWebAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"git@github.com:shop/web.git":                  "https://github.com/shop/web",
		"github.com:shop/web":                          "https://github.com/shop/web",
		"ssh://git@git.example:2222/shop/web.git":      "https://git.example/shop/web",
		"https://ada:secret@git.example:8443/web.git/": "https://git.example:8443/web",
		"https://token@github.com/shop/web?x=token#y":  "https://github.com/shop/web",
		"http://git.example/web":                       "http://git.example/web",
		"git://git.example/web.git":                    "https://git.example/web",
		"file:///home/ada/web":                         "",
		"/home/ada/web.git":                            "",
		"../web":                                       "",
		`C:\web`:                                       "",
		"C:/web":                                       "",
		"":                                             "",
		"https://%zz:secret@git.example/x":             "",
	} {
		if got := webAddress(remote); got != want {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}

func TestErrorsShowNoCredentials(t *testing.T) {
	c := newClone(t)
	c.run("remote", "set-url", "origin", "http://ada:secret@127.0.0.1:1/shop.git")
	_, err := Tagged(t.Context(), c.root, "v1.0.0")
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "git ls-remote origin") {
		t.Errorf("got %v", err)
	}
}
