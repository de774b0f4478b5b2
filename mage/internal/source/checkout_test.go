package source

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func (c *clone) checkout(commit string) *Copy {
	c.t.Helper()
	made, err := Checkout(c.t.Context(), c.root, commit)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := made.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return made
}

func content(t *testing.T, parts ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// spotless checks that nothing of a checkout is left.
func (c *clone) spotless(folder string) {
	c.t.Helper()
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		c.t.Errorf("%s is left: %v", folder, err)
	}
	if list := c.run("worktree", "list", "--porcelain"); strings.Contains(list, folderName) {
		c.t.Errorf("an entry is left:\n%s", list)
	}
	for _, name := range []string{"worktrees", "webshop-deploy"} {
		if _, err := os.Stat(filepath.Join(c.root, ".git", name)); !errors.Is(err, os.ErrNotExist) {
			c.t.Errorf(".git/%s is left: %v", name, err)
		}
	}
}

func TestCheckout(t *testing.T) {
	c := newClone(t)
	first := c.run("rev-parse", "HEAD")
	second := c.commit("second")
	c.write("backend/app.py", "print('dirty')\n")
	c.write("untracked.txt", "x")
	c.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch hooked\n")
	os.Chmod(filepath.Join(c.root, ".git/hooks/post-checkout"), 0o755)

	made := c.checkout(first)
	if made.Commit != first || made.Branch != "" || made.Root == c.root {
		t.Errorf("%+v", made.Tree)
	}
	if got := content(t, made.Root, "backend/app.py"); got != "print(1)\n" {
		t.Errorf("backend/app.py: %q", got)
	}
	for _, name := range []string{"untracked.txt", "hooked"} {
		if _, err := os.Stat(filepath.Join(made.Root, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	if version, err := made.Version(false); err != nil || version != "sha-"+first[:12] {
		t.Errorf("%s, %v", version, err)
	}
	if hash, err := made.Hash(t.Context(), "backend"); err != nil || hash != c.run("rev-parse", first+":backend") {
		t.Errorf("%s, %v", hash, err)
	}
	beside := c.checkout(second)
	if beside.Branch != "main" {
		t.Errorf("branch %q", beside.Branch)
	}
	for _, one := range []*Copy{made, beside, made} { // closing twice is fine
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.spotless(made.Root)
	c.spotless(beside.Root)
}

func TestCheckoutInASubfolder(t *testing.T) {
	c := newClone(t)
	inner := &clone{t: t, root: filepath.Join(c.root, "backend")}
	made := inner.checkout(c.run("rev-parse", "HEAD"))
	if content(t, made.Root, "app.py") == "" || filepath.Base(made.Root) != "backend" {
		t.Errorf("root %s", made.Root)
	}
}

func TestCheckoutRefuses(t *testing.T) {
	c := newClone(t)
	for _, commit := range []string{"main", "--force", "", "HEAD"} {
		_, err := Checkout(t.Context(), c.root, commit)
		refused(t, err, "not the whole hash")
	}
	_, err := Checkout(t.Context(), c.root, strings.Repeat("1", 40))
	refused(t, err, "is not in this clone", "git fetch origin 1111")

	c.write("media/.gitattributes", "*.jpg filter=lfs diff=lfs merge=lfs -text\n")
	commit := c.commit("large files")
	_, err = Checkout(t.Context(), c.root, commit)
	refused(t, err, "git-lfs", "git lfs install")
	c.spotless("none")
}

func TestCheckoutRunsFilters(t *testing.T) {
	c := newClone(t)
	c.run("config", "filter.lfs.clean", "tr a-z A-Z")
	c.run("config", "filter.lfs.smudge", "tr A-Z a-z")
	c.write(".gitattributes", "*.jpg filter=lfs\n")
	c.write("photo.jpg", "large\n")
	made := c.checkout(c.commit("large files"))
	if stored := c.run("show", "HEAD:photo.jpg"); stored != "LARGE" {
		t.Fatalf("stored %q", stored)
	}
	if got := content(t, made.Root, "photo.jpg"); got != "large\n" {
		t.Errorf("photo.jpg: %q", got)
	}
}

func TestCheckoutHasSubmodules(t *testing.T) {
	c, inner := newClone(t), newClone(t)
	c.run("submodule", "--quiet", "add", inner.origin, "theme")
	made := c.checkout(c.commit("theme"))
	if got := content(t, made.Root, "theme/frontend/page.js"); got != "1\n" {
		t.Errorf("theme/frontend/page.js: %q", got)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	c.spotless(made.Root)
}

func TestFailedCheckoutLeavesNothing(t *testing.T) {
	c := newClone(t)
	c.run("config", "filter.broken.clean", "cat")
	c.run("config", "filter.broken.smudge", "false")
	c.run("config", "filter.broken.required", "true")
	c.write(".gitattributes", "*.jpg filter=broken\n")
	c.write("photo.jpg", "x")
	commit := c.commit("broken")
	_, err := Checkout(t.Context(), c.root, commit)
	if err == nil || !strings.Contains(err.Error(), "photo.jpg") {
		t.Errorf("got %v", err)
	}
	c.spotless("none")
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), folderName+"*")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// TestKilledCheckoutIsRemoved runs itself in a process that is killed.
func TestKilledCheckoutIsRemoved(t *testing.T) {
	if root := os.Getenv("SOURCE_TEST_CHECKOUT"); root != "" {
		made, err := Checkout(t.Context(), root, os.Getenv("SOURCE_TEST_COMMIT"))
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(os.Getenv("SOURCE_TEST_MADE"), []byte(made.Root), 0o600)
		process, _ := os.FindProcess(os.Getpid())
		process.Kill()
		select {}
	}
	c := newClone(t)
	commit := c.run("rev-parse", "HEAD")
	theirs := filepath.Join(t.TempDir(), "theirs")
	c.run("worktree", "add", "--quiet", "--detach", theirs)
	os.RemoveAll(theirs) // stale, and not ours to prune
	living := c.checkout(commit)

	report := filepath.Join(t.TempDir(), "made")
	command := exec.Command(os.Args[0], "-test.run=^TestKilledCheckoutIsRemoved$")
	command.Env = append(os.Environ(), "SOURCE_TEST_CHECKOUT="+c.root, "SOURCE_TEST_COMMIT="+commit, "SOURCE_TEST_MADE="+report)
	if output, err := command.CombinedOutput(); err == nil {
		t.Fatalf("the process was not killed:\n%s", output)
	}
	killed := content(t, report)
	if content(t, killed, "backend/app.py") == "" {
		t.Fatal("the killed checkout is not there")
	}
	// One more that was killed while git was at it: locked, without a commit.
	half := filepath.Join(os.TempDir(), folderName+"half")
	c.run("worktree", "add", "--quiet", "--detach", "--lock", half)
	os.Remove(filepath.Join(half, ".git"))
	c.write(".git/webshop-deploy/"+filepath.Base(half), half)
	c.write(".git/webshop-deploy/"+folderName+"before", "")
	precious := t.TempDir()
	c.write(".git/webshop-deploy/"+folderName+"odd", precious)

	again := c.checkout(commit)
	for _, folder := range []string{killed, half} {
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", folder, err)
		}
	}
	list := c.run("worktree", "list", "--porcelain")
	for path, want := range map[string]bool{killed: false, half: false, theirs: true, living.Root: true, again.Root: true} {
		if strings.Contains(list, path+"\n") != want {
			t.Errorf("%s listed: %v\n%s", path, !want, list)
		}
	}
	content(t, living.Root, "backend/app.py")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(c.root, ".git/webshop-deploy")); len(left) != 2 {
		t.Errorf("records: %v", left)
	}
}
