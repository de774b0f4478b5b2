package source

import (
	"fmt"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestBackground(t *testing.T) {
	c := newClone(t)
	first := c.run("rev-parse", "HEAD")
	c.commit("a | b \"quoted\"")
	last := c.commit("the newest")
	background := func(since string) *deploy.Background {
		t.Helper()
		background, err := c.read().Background(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		return background
	}
	since := background(first)
	if since.Commit != last || since.Branch != "main" || since.More != 0 || len(since.Commits) != 2 {
		t.Fatalf("%+v", since)
	}
	if newest := since.Commits[0]; newest.Hash != last || newest.Author != "Ada" || newest.Subject != "the newest" || newest.At.IsZero() {
		t.Errorf("the newest is %+v", newest)
	}
	if subject := since.Commits[1].Subject; subject != "a | b \"quoted\"" {
		t.Errorf("the first is %q", subject)
	}
	for name, unknown := range map[string]string{"nothing": "", "no hash": "main", "a stranger": "0123456789012345678901234567890123456789"} {
		if got := background(unknown); got.Commit != last || len(got.Commits) != 0 {
			t.Errorf("since %s: %+v", name, got)
		}
	}
	for number := range deploy.MostCommits + 3 {
		c.commit(fmt.Sprintf("commit %d", number))
	}
	if many := background(first); len(many.Commits) != deploy.MostCommits || many.More != 5 {
		t.Errorf("%d commits and %d more", len(many.Commits), many.More)
	}
}

func TestBetween(t *testing.T) {
	c := newClone(t)
	first := c.run("rev-parse", "HEAD")
	last := c.commit("the newest")
	onward, known := Between(t.Context(), c.root, first, last)
	if !known || !onward.Known || len(onward.Added) != 1 || onward.Added[0].Hash != last || len(onward.Removed) != 0 || onward.From != first {
		t.Errorf("onward %+v", onward)
	}
	back, known := Between(t.Context(), c.root, last, first)
	if !known || len(back.Removed) != 1 || back.Removed[0].Subject != "the newest" || len(back.Added) != 0 {
		t.Errorf("back %+v", back)
	}
	stranger := "0123456789012345678901234567890123456789"
	for name, of := range map[string][3]string{
		"a stranger": {c.root, first, stranger}, "no hash": {c.root, "main", last}, "nothing": {c.root, "", last},
		"no clone": {t.TempDir(), first, last}, "no folder": {c.root + "/none", first, last},
	} {
		if got, known := Between(t.Context(), of[0], of[1], of[2]); known || got.Known {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
