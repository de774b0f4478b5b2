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
