package source

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// clone is a real repository with a bare origin beside it.
type clone struct {
	t      *testing.T
	root   string
	origin string
}

// newClone makes one with a pushed commit, in a folder with a space.
func newClone(t *testing.T) *clone {
	t.Helper()
	isolate(t)
	folder := t.TempDir()
	c := &clone{t: t, root: filepath.Join(folder, "web shop"), origin: filepath.Join(folder, "the origin.git")}
	c.git("", "init", "--quiet", "--bare", "--initial-branch=main", c.origin)
	c.git("", "init", "--quiet", "--initial-branch=main", c.root)
	c.git(c.root, "remote", "add", "origin", c.origin)
	c.write("backend/app.py", "print(1)\n")
	c.write("frontend/page.js", "1\n")
	c.write(".gitignore", "*.log\n")
	c.commit("first")
	c.run("push", "--quiet", "-u", "origin", "main")
	return c
}

// isolate keeps the settings of whoever runs the tests out of them.
func isolate(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@shop.example",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@shop.example",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow", "GIT_CONFIG_VALUE_0": "always",
		"GITHUB_ACTIONS": "", "GITHUB_REF_NAME": "", "GITHUB_REF_TYPE": "",
	} {
		t.Setenv(name, value)
	}
	t.Setenv("TMPDIR", t.TempDir())
}

func (c *clone) git(folder string, args ...string) string {
	c.t.Helper()
	command := exec.Command("git", args...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

func (c *clone) run(args ...string) string { c.t.Helper(); return c.git(c.root, args...) }

func (c *clone) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// commit commits everything and gives the commit.
func (c *clone) commit(message string) string {
	c.t.Helper()
	c.run("add", "--all")
	c.run("commit", "--quiet", "--allow-empty", "-m", message)
	return c.run("rev-parse", "HEAD")
}

func (c *clone) read() *Tree {
	c.t.Helper()
	tree, err := Read(c.t.Context(), c.root)
	if err != nil {
		c.t.Fatal(err)
	}
	return tree
}

// elsewhere clones origin into another folder.
func (c *clone) elsewhere(args ...string) *clone {
	c.t.Helper()
	other := &clone{t: c.t, root: filepath.Join(c.t.TempDir(), "other clone"), origin: c.origin}
	c.git("", append(append([]string{"clone", "--quiet"}, args...), "file://"+c.origin, other.root)...)
	return other
}

// refused checks that an error is the user's to mend and says all of this.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	failure, ok := errors.AsType[*deploy.Failure](err)
	if !ok || failure.ExitStatus() != deploy.ExitUsage {
		t.Fatalf("not a refusal: %v", err)
	}
	if failure.Hint == "" {
		t.Errorf("no word on what to do: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not said in:\n%v", word, err)
		}
	}
}
