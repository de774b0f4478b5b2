package source

import "testing"

func TestTagged(t *testing.T) {
	for _, annotated := range []bool{true, false} {
		c := newClone(t)
		if annotated {
			c.run("tag", "-a", "-m", "one", "v1.0.0")
		} else {
			c.run("tag", "v1.0.0")
		}
		_, err := Tagged(t.Context(), c.root, "v1.0.0")
		refused(t, err, "exists only here", "git push origin refs/tags/v1.0.0")

		c.run("push", "--quiet", "origin", "v1.0.0")
		commit, err := Tagged(t.Context(), c.root, "v1.0.0")
		if err != nil || commit != c.run("rev-parse", "HEAD") {
			t.Errorf("%s, %v", commit, err)
		}

		first := commit
		second := c.commit("second")
		c.run("tag", "-f", "-m", "moved", "-a", "v1.0.0")
		_, err = Tagged(t.Context(), c.root, "v1.0.0")
		refused(t, err, "was moved", short(second)+" here", short(first)+" at origin", "git fetch --force origin")
	}
}

func TestUnknownTagNamesTheNearest(t *testing.T) {
	c := newClone(t)
	_, err := Tagged(t.Context(), c.root, "v1.15.1")
	refused(t, err, "neither here nor at origin", "git tag -a v1.15.1")
	for _, tag := range []string{"v1.15.0", "v1.16.0", "v2.0.0"} {
		c.run("tag", tag)
		c.run("push", "--quiet", "origin", tag)
		c.run("tag", "-d", tag)
	}
	_, err = Tagged(t.Context(), c.root, "v1.15.1")
	refused(t, err, "Did you mean v1.15.0 or v1.16.0", "Otherwise make it with")
	_, err = Tagged(t.Context(), c.root, "summer-edition-of-the-shop")
	refused(t, err, "Did you mean v2.0.0 or v1.16.0 or v1.15.0?")
	for _, tag := range []string{"", "-x y", "a..b", "--upload-pack=touch"} {
		if _, err = Tagged(t.Context(), c.root, tag); err == nil {
			t.Errorf("%q was taken", tag)
		}
	}
}

func TestTaggedWithoutOrigin(t *testing.T) {
	c := newClone(t)
	c.run("remote", "remove", "origin")
	_, err := Tagged(t.Context(), c.root, "v1.0.0")
	refused(t, err, "no remote named origin", "git remote add origin")
}

func TestTagOfAFileIsRefused(t *testing.T) {
	c := newClone(t)
	c.run("tag", "v1.0.0", "HEAD:backend/app.py")
	c.run("push", "--quiet", "origin", "v1.0.0")
	_, err := Tagged(t.Context(), c.root, "v1.0.0")
	refused(t, err, "does not name a commit")
}

func TestMissingTagIsFetched(t *testing.T) {
	c := newClone(t)
	c.commit("second")
	c.run("tag", "-a", "-m", "one", "v1.0.0")
	c.run("push", "--quiet", "origin", "main", "v1.0.0")
	tagged := c.run("rev-parse", "HEAD")

	full := c.elsewhere("--no-tags")
	if commit, err := Tagged(t.Context(), full.root, "v1.0.0"); err != nil || commit != tagged {
		t.Errorf("%s, %v", commit, err)
	}
	if full.run("rev-parse", "--is-shallow-repository") != "false" {
		t.Error("the full clone was cut off")
	}

	c.commit("third")
	c.run("push", "--quiet", "origin", "main")
	for _, shallow := range []*clone{
		c.elsewhere("--depth=1"),                               // without the tag's commit
		c.elsewhere("--depth=1", "--branch=main", "--no-tags"), // the same, as CI does it
	} {
		if commit, err := Tagged(t.Context(), shallow.root, "v1.0.0"); err != nil || commit != tagged {
			t.Errorf("%s, %v", commit, err)
		}
		if tags := shallow.run("tag", "--list"); tags != "v1.0.0" {
			t.Errorf("tags %q", tags)
		}
	}
	c.run("tag", "v1.1.0")
	c.run("push", "--quiet", "origin", "v1.1.0")
	at := c.elsewhere("--depth=1", "--no-tags")
	if commit, err := Tagged(t.Context(), at.root, "v1.1.0"); err != nil || commit != at.run("rev-parse", "HEAD") {
		t.Errorf("%s, %v", commit, err)
	}
}
