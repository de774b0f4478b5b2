package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// made saves a release whose record says what a laptop said of it.
func (p *past) made(version, since string, commits ...string) *Release {
	p.t.Helper()
	release := &Release{
		ID: "20261127T1854" + fmt.Sprintf("%02d", len(version)) + "Z-" + version, Version: version, Created: time.Now(), By: "anna@laptop",
		Background: &Background{Commit: commits[0], Since: since},
		Images:     map[string]Image{"web": {Reference: "r/web:" + version, Digest: "sha256:web-" + version}, "db": {Reference: "postgres:17", Digest: "sha256:db"}},
		Variables:  map[string]string{"SAME": "1", "SECRET": "of " + version},
		Migrations: []MigrationID{{App: "shop", Name: "0001_initial"}},
		Rendered:   fmt.Appendf(nil, "# Release %s, written by the deploy.\nservices:\n  web:\n    image: r/web@sha256:web-%[1]s\n    environment:\n      SECRET: ${SECRET}\n", version),
	}
	for _, hash := range commits {
		release.Background.Commits = append(release.Background.Commits, SourceCommit{Hash: hash, Author: "Ada", Subject: "make " + hash})
	}
	if err := p.store.Save(release); err != nil {
		p.t.Fatal(err)
	}
	return release
}

func (p *past) compare(from, to *Release) *Difference {
	p.t.Helper()
	difference, err := p.store.Compare(from, to)
	if err != nil {
		p.t.Fatal(err)
	}
	return difference
}

func TestDifferenceOfReleases(t *testing.T) {
	p := newPast(t)
	v1, v22 := p.made("v1", "", "c1"), p.made("v22", "c1", "c3", "c2")
	v22.Images["worker"] = Image{Reference: "r/worker:v22", Digest: "sha256:worker"}
	v22.Variables["NEW"] = "x"
	v1.Variables["OLD"] = "x"
	v22.Migrations = append(v22.Migrations, MigrationID{App: "shop", Name: "0002_more"})
	v22.Rendered = []byte(strings.Replace(string(v22.Rendered), "      SECRET:", "      MODE: ${MODE:-fast}\n      SECRET:", 1))
	d := p.compare(v1, v22)
	if d.From.Version != "v1" || d.To.Release != v22.ID || d.To.Commit != "c3" || d.From.By != "anna@laptop" {
		t.Errorf("sides %+v and %+v", d.From, d.To)
	}
	if !d.Commits.Known || subjects(d.Commits.Added) != "c3 c2" || len(d.Commits.Removed) != 0 {
		t.Errorf("commits %+v", d.Commits)
	}
	if !d.Images.Known || d.Images.Same != 1 || len(d.Images.Services) != 2 || d.Images.Services[0].Service != "web" ||
		d.Images.Services[0].To.Digest != "sha256:web-v22" || d.Images.Services[1].From != (Image{}) {
		t.Errorf("images %+v", d.Images)
	}
	if v := d.Variables; !v.Known || !slices.Equal(v.Added, []string{"NEW"}) || !slices.Equal(v.Removed, []string{"OLD"}) || !slices.Equal(v.Changed, []string{"SECRET"}) {
		t.Errorf("variables %+v", v)
	}
	if m := d.Migrations; !m.Known || len(m.Added) != 1 || m.Added[0].Name != "0002_more" || len(m.Removed) != 0 {
		t.Errorf("migrations %+v", m)
	}
	want := "services.web.environment: ' services:| '   web:| '     environment:| '+      MODE: ${MODE:-fast}| '       SECRET: ${SECRET}"
	if len(d.Compose.Hunks) != 1 || strings.ReplaceAll(d.Compose.Hunks[0].Path+": '"+strings.Join(d.Compose.Hunks[0].Lines, "| '"), "\t", " ") != want {
		t.Errorf("compose %+v", d.Compose)
	}
	back := p.compare(v22, v1)
	if !back.Commits.Known || subjects(back.Commits.Removed) != "c3 c2" || len(back.Commits.Added) != 0 || len(back.Migrations.Removed) != 1 {
		t.Errorf("the other way %+v", back)
	}
	if same := p.compare(v1, v1); !same.Commits.Known || len(same.Images.Services)+len(same.Compose.Hunks)+len(same.Variables.Changed) != 0 {
		t.Errorf("of one release %+v", same)
	}
}

func subjects(commits []SourceCommit) string {
	var all []string
	for _, one := range commits {
		all = append(all, one.Hash)
	}
	return strings.Join(all, " ")
}

func TestCommitsAreFollowedThroughTheRecords(t *testing.T) {
	p := newPast(t)
	v1, v22, v333 := p.made("v1", "", "c1"), p.made("v22", "c1", "c3", "c2"), p.made("v333", "c3", "c5", "c4")
	if d := p.compare(v1, v333); !d.Commits.Known || subjects(d.Commits.Added) != "c5 c4 c3 c2" {
		t.Errorf("over a release between %+v", d.Commits)
	}
	// A release that never served is between two others, too.
	failed := p.made("v4444", "c1", "c4", "c3", "c2")
	if d := p.compare(failed, p.made("v55555", "c1", "c5", "c4", "c3", "c2")); !d.Commits.Known || subjects(d.Commits.Added) != "c5" {
		t.Errorf("from one that never served %+v", d.Commits)
	}
	v333.Background.Since = "unknown"
	if d := p.compare(v1, v333); d.Commits.Known || d.Commits.From != "c1" || d.Commits.To != "c5" {
		t.Errorf("with a gap %+v", d.Commits)
	}
	v22.Background = nil
	if d := p.compare(v1, v22); d.Commits.Known {
		t.Errorf("of nothing %+v", d.Commits)
	}
	// Damaged records may name each other.
	one, other := p.made("v666666", "b", "a"), p.made("v7777777", "a", "b")
	if d := p.compare(v1, one); d.Commits.Known {
		t.Errorf("in a circle %+v (%s)", d.Commits, other)
	}
}

func TestWhatIsNotKnownIsNoDifference(t *testing.T) {
	p := newPast(t)
	v1 := p.made("v1", "", "c1")
	pruned := &Release{Version: "v0", Background: &Background{Commit: "c0"}}
	if d := p.compare(pruned, v1); d.Commits.Known || d.Images.Known || d.Compose.Known || d.Variables.Known || d.Migrations.Known {
		t.Errorf("%+v", d)
	}
	broken := *v1
	broken.Rendered = []byte("services: [")
	if _, err := p.store.Compare(v1, &broken); err == nil || !strings.Contains(err.Error(), "v1") {
		t.Errorf("a damaged Compose file: %v", err)
	}
}
