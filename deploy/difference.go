package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// Difference is what one release has other than another one.
type Difference struct {
	From DifferenceSide `json:"from"`
	To   DifferenceSide `json:"to"`
	// Commits, Images, Compose, Variables and Migrations each say whether they
	// are known: a release that is pruned has left none of them but its commit.
	Commits    CommitChanges    `json:"commits"`
	Images     ImageChanges     `json:"images"`
	Compose    ComposeChanges   `json:"compose"`
	Variables  VariableChanges  `json:"variables"`
	Migrations MigrationChanges `json:"migrations"`
}

// DifferenceSide is one of the two releases.
type DifferenceSide struct {
	Version string `json:"version"`
	// Release is the identifier of its record; empty where that is pruned.
	Release string    `json:"release"`
	Commit  string    `json:"commit"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	// Pruned says that only what its run's transcript says is left of it.
	Pruned bool `json:"pruned"`
	// Run is that transcript; empty where the record is there.
	Run string `json:"run"`
}

// CommitChanges are the commits that the second release has and the first has
// not, and the other way round, the newest first.
type CommitChanges struct {
	Known       bool           `json:"known"`
	From        string         `json:"from"`
	To          string         `json:"to"`
	Added       []SourceCommit `json:"added"`
	MoreAdded   int            `json:"more_added"`
	Removed     []SourceCommit `json:"removed"`
	MoreRemoved int            `json:"more_removed"`
}

// ImageChanges are the services whose images differ.
type ImageChanges struct {
	Known    bool          `json:"known"`
	Services []ImageChange `json:"services"`
	// Same counts the services whose images are the same.
	Same int `json:"same"`
}

// ImageChange is a service's image before and after; empty where the release
// has no such service.
type ImageChange struct {
	Service string `json:"service"`
	From    Image  `json:"from"`
	To      Image  `json:"to"`
}

// ComposeChanges are the differences of the rendered Compose files without
// their images. Variables are not expanded in them.
type ComposeChanges struct {
	Known bool   `json:"known"`
	Hunks []Hunk `json:"hunks"`
}

// VariableChanges name the keys of the host's .env that differed when the
// releases were made, never a value.
type VariableChanges struct {
	Known   bool     `json:"known"`
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []string `json:"changed"`
}

// MigrationChanges are the migrations that only one of the images contains.
type MigrationChanges struct {
	Known   bool          `json:"known"`
	Added   []MigrationID `json:"added"`
	Removed []MigrationID `json:"removed"`
}

// Compare says what the second release has other than the first. Commits are
// known as far as the records of the releases between the two name them.
func (s *Store) Compare(from, to *Release) (*Difference, error) {
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	d := &Difference{
		From: sideOf(from), To: sideOf(to), Commits: compareCommits(records, from, to),
		Images: compareImages(from, to), Variables: compareVariables(from, to), Migrations: compareMigrations(from, to),
	}
	if len(from.Rendered) == 0 || len(to.Rendered) == 0 {
		return d, nil
	}
	before, err := compared(from)
	if err != nil {
		return nil, err
	}
	after, err := compared(to)
	if err != nil {
		return nil, err
	}
	d.Compose = ComposeChanges{Known: true, Hunks: Hunks(before, after)}
	return d, nil
}

func sideOf(release *Release) DifferenceSide {
	return DifferenceSide{Version: release.Version, Release: release.ID, Commit: release.Commit(), Made: release.Created, By: release.By}
}

// compareCommits follows the records from the second release back to the first
// or, where the first is newer, the other way.
func compareCommits(records []*Release, from, to *Release) CommitChanges {
	changes := CommitChanges{From: from.Commit(), To: to.Commit()}
	if changes.From == "" || changes.To == "" {
		return changes
	}
	if added, more, ok := commitsSince(records, to, changes.From); ok {
		changes.Known, changes.Added, changes.MoreAdded = true, added, more
	} else if removed, more, ok := commitsSince(records, from, changes.To); ok {
		changes.Known, changes.Removed, changes.MoreRemoved = true, removed, more
	}
	return changes
}

// commitsSince are the commits of a release since another one's, by its own
// record and those of the releases that served between the two.
func commitsSince(records []*Release, release *Release, since string) (commits []SourceCommit, more int, ok bool) {
	if release.Commit() == since {
		return nil, 0, true
	}
	for range len(records) + 1 { // a chain of records has no circle, but for damaged ones
		b := release.Background
		if b == nil {
			return nil, 0, false
		}
		if at := slices.IndexFunc(b.Commits, func(c SourceCommit) bool { return c.Hash == since }); at >= 0 {
			return append(commits, b.Commits[:at]...), more, true
		}
		if b.Since == "" {
			return nil, 0, false
		}
		commits, more = append(commits, b.Commits...), more+b.More
		if b.Since == since {
			return commits, more, true
		}
		at := slices.IndexFunc(records, func(r *Release) bool { return r.Commit() == b.Since })
		if at < 0 {
			return nil, 0, false
		}
		release = records[at]
	}
	return nil, 0, false
}

func compareImages(from, to *Release) ImageChanges {
	changes := ImageChanges{Known: len(from.Images) > 0 && len(to.Images) > 0}
	if !changes.Known {
		return changes
	}
	all := maps.Clone(from.Images)
	maps.Copy(all, to.Images)
	for _, service := range slices.Sorted(maps.Keys(all)) {
		if before, after := from.Images[service], to.Images[service]; before.Digest != after.Digest || before == (Image{}) || after == (Image{}) {
			changes.Services = append(changes.Services, ImageChange{Service: service, From: before, To: after})
		} else {
			changes.Same++
		}
	}
	return changes
}

func compareVariables(from, to *Release) VariableChanges {
	changes := VariableChanges{Known: len(from.Variables) > 0 && len(to.Variables) > 0}
	if !changes.Known {
		return changes
	}
	for _, name := range ChangedVariables(from.Variables, to.Variables) {
		_, before := from.Variables[name]
		_, after := to.Variables[name]
		switch {
		case !before:
			changes.Added = append(changes.Added, name)
		case !after:
			changes.Removed = append(changes.Removed, name)
		default:
			changes.Changed = append(changes.Changed, name)
		}
	}
	return changes
}

func compareMigrations(from, to *Release) MigrationChanges {
	added, known := to.Newer(from)
	removed, _ := from.Newer(to)
	return MigrationChanges{Known: known, Added: added, Removed: removed}
}

// compared is a release's rendered file in one form, without what differs
// anyway: the images, and the line that names the release.
func compared(release *Release) ([]string, error) {
	var content map[string]any
	if err := yaml.Unmarshal(release.Rendered, &content); err != nil {
		return nil, fmt.Errorf("read the Compose file of %s: %w", release, err)
	}
	services, _ := content["services"].(map[string]any)
	for _, entry := range services {
		if service, ok := entry.(map[string]any); ok {
			delete(service, "image")
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("read the Compose file of %s: %w", release, err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("read the Compose file of %s: %w", release, err)
	}
	return splitLines(out.Bytes()), nil
}
