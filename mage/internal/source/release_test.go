package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func (c *clone) release(version string, options ReleaseOptions) error {
	return Release(c.t.Context(), c.root, version, options)
}

func TestRelease(t *testing.T) {
	c := newClone(t)
	if err := c.release("v1.15.0", ReleaseOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{c.root, c.origin} {
		if kind := c.git(folder, "cat-file", "-t", "v1.15.0"); kind != "tag" {
			t.Errorf("%s: a %s", folder, kind)
		}
	}
	if commit, err := Tagged(t.Context(), c.root, "v1.15.0"); err != nil || commit != c.run("rev-parse", "HEAD") {
		t.Errorf("%s, %v", commit, err)
	}
	c.run("tag", "-a", "-m", "a private one", "private")
	if err := c.release("v1.16.0-rc.1", ReleaseOptions{Message: "Try this"}); err != nil {
		t.Fatal(err)
	}
	if message := c.run("tag", "--list", "--format=%(contents:subject)", "v1.16.0-rc.1"); message != "Try this" {
		t.Errorf("message %q", message)
	}
	if tags := c.git(c.origin, "tag"); tags != "v1.15.0\nv1.16.0-rc.1" {
		t.Errorf("at origin: %q", tags)
	}
}

func TestReleaseRefuses(t *testing.T) {
	c := newClone(t)
	c.run("tag", "v1.16.0")
	c.run("push", "--quiet", "origin", "v1.16.0")
	c.run("tag", "v1.17.0")
	for version, words := range map[string][]string{
		"1.18.0":     {"not a version", "v1.16.0-rc.1"},
		"v1.18":      {"not a version"},
		"v1.18.0+x":  {"not a version"},
		"latest":     {"not a version"},
		"v1.16.0":    {"exists at origin already"},
		"v1.17.0":    {"exists here already", "git push origin refs/tags/v1.17.0", "git tag -d v1.17.0"},
		"v1.15.1":    {"older than the newest tag, v1.17.0", "-older"},
		"v1.17.0-rc": {"older than the newest tag, v1.17.0"},
	} {
		refused(t, c.release(version, ReleaseOptions{}), append(words, "Nothing was tagged")...)
	}
	if err := c.release("v1.15.1", ReleaseOptions{Older: true}); err != nil {
		t.Error(err)
	}
}

func TestReleaseSaysEverythingAtOnce(t *testing.T) {
	c := newClone(t)
	c.run("tag", "v2.0.0")
	c.run("switch", "--quiet", "-c", "feature")
	c.write("x.txt", "x")
	for name, value := range map[string]string{"GIT_COMMITTER_NAME": "", "GIT_COMMITTER_EMAIL": ""} {
		t.Setenv(name, value)
	}
	refused(t, c.release("v1.0.0", ReleaseOptions{}),
		"older than the newest tag", "x.txt", "branch feature is checked out", "releases are made of main", "git config user.name")
	if tags := c.run("tag"); tags != "v2.0.0" {
		t.Errorf("tags %q", tags)
	}
}

func TestReleaseIsOfWhatIsPushed(t *testing.T) {
	c := newClone(t)
	other := c.elsewhere()
	c.commit("ahead")
	refused(t, c.release("v1.0.0", ReleaseOptions{}), "1 ahead of origin/main", "git push")
	other.commit("theirs")
	other.commit("theirs too")
	other.run("push", "--quiet")
	refused(t, c.release("v1.0.0", ReleaseOptions{}), "1 ahead of origin/main and 2 behind", "git pull --rebase")
	c.run("reset", "--quiet", "--hard", "HEAD~1")
	refused(t, c.release("v1.0.0", ReleaseOptions{}), "2 behind origin/main", "git pull")

	c.run("switch", "--quiet", "-c", "hotfix")
	refused(t, c.release("v1.0.0", ReleaseOptions{Branch: "hotfix"}), "hotfix is not at origin", "git push -u origin hotfix")
	c.run("push", "--quiet", "-u", "origin", "hotfix")
	if err := c.release("v1.0.0", ReleaseOptions{Branch: "hotfix"}); err != nil {
		t.Error(err)
	}
	c.run("checkout", "--quiet", "--detach", "origin/main")
	refused(t, c.release("v1.1.0", ReleaseOptions{}), "no branch is checked out", "git switch main")

	c.git(c.origin, "symbolic-ref", "HEAD", "refs/heads/gone")
	refused(t, c.release("v1.1.0", ReleaseOptions{}), "does not say what its default branch is", "-branch=")
}

func TestFailedPushTakesTheTagBack(t *testing.T) {
	c := newClone(t)
	hook := filepath.Join(c.origin, "hooks", "pre-receive")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho tags are protected >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := c.release("v1.0.0", ReleaseOptions{})
	failure, ok := errors.AsType[*deploy.Failure](err)
	if !ok || failure.ExitStatus() != deploy.ExitFailed || !strings.Contains(err.Error(), "tags are protected") {
		t.Fatalf("got %v", err)
	}
	if tags := c.run("tag"); tags != "" {
		t.Errorf("tags %q", tags)
	}
	os.Remove(hook)
	if err := c.release("v1.0.0", ReleaseOptions{}); err != nil {
		t.Error(err)
	}
}
