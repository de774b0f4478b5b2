package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// Candidate is a release that a rollback can go to.
type Candidate struct {
	Release *deploy.Release
	// Serves says that it is the one that serves.
	Serves bool
	// Outcome is that of the last command that rolled it out; empty where it
	// was cut short.
	Outcome deploy.Outcome
	// Warm says that its containers still run, Local that all its images are
	// on the host.
	Warm, Local bool
	// Commit is the source's, as its images on the host say; empty for unknown.
	Commit string
	// Expect is about how long the way to it takes, by how long its containers
	// took to start and its images to come; 0 for unknown.
	Expect time.Duration
	// Migrated are the newer versions that may have migrated the database since;
	// none where the migrations of both releases are known.
	Migrated []string
	// Newer are the migrations that the release that serves has and this one does
	// not know.
	Newer []deploy.MigrationID
}

// Releases gives the recorded releases, the newest first.
func (s *Session) Releases(ctx context.Context) ([]Candidate, error) {
	ids, err := s.Host.Store.Releases()
	if err != nil {
		return nil, err
	}
	serving, err := s.Host.Store.Serving()
	if err != nil {
		return nil, err
	}
	current, err := s.Host.Serving(ctx)
	if err != nil {
		return nil, err
	}
	var candidates []Candidate
	var migrated []string                      // by releases that are newer than the one in hand
	running := map[string][]deploy.Container{} // by project, looked at once
	for _, id := range ids {
		release, err := s.Host.Store.Load(id)
		if err != nil || s.Host.Decode(ctx, release) != nil {
			continue // a damaged record, or one that today's .env does not fit, is nothing to go to
		}
		candidate := Candidate{Release: release, Serves: id == serving}
		var known bool
		if candidate.Newer, known = current.Newer(release); !known {
			candidate.Migrated = slices.Clone(migrated)
		}
		report, err := s.Host.Store.Report(id)
		if err == nil {
			candidate.Outcome = report.Outcome
			if report.Spent(deploy.ActionMigrate) > 0 {
				migrated = append(migrated, release.Version)
			}
		}
		lost, err := s.lost(ctx, release)
		if err != nil {
			return nil, err
		}
		project := release.Environment.Project.Name
		if _, looked := running[project]; !looked {
			if running[project], _, err = s.Engine.Observe(ctx, project); err != nil {
				return nil, err
			}
		}
		candidate.Local, candidate.Warm = len(lost) == 0, warm(release, running[project])
		candidate.Expect = candidate.expect(report)
		if candidate.Commit, err = s.commitOf(ctx, release); err != nil {
			return nil, err
		}
		candidates = append(candidates, candidate)
	}
	return candidates, nil
}

// expect estimates the way to a release from what its own rollout took.
func (c Candidate) expect(report *deploy.Report) time.Duration {
	switch {
	case c.Serves || report == nil:
		return 0
	case c.Warm:
		return time.Second
	}
	took := report.Spent(deploy.ActionStart, deploy.ActionAwait, deploy.ActionSwitch)
	if !c.Local {
		took += report.Spent(deploy.ActionPull)
	}
	return took
}

// commitOf reads the commit from the labels of a release's images.
func (s *Session) commitOf(ctx context.Context, release *deploy.Release) (string, error) {
	for _, service := range slices.Sorted(maps.Keys(release.Images)) {
		labels, err := s.Engine.Labels(ctx, release.Images[service])
		if err != nil || labels[image.LabelRevision] != "" {
			return labels[image.LabelRevision], err
		}
	}
	return "", nil
}

// obtainable refuses the way to a release of which an image is neither on this
// host nor in its registry, before anything is touched.
func (s *Session) obtainable(ctx context.Context, release *deploy.Release) error {
	lost, err := s.lost(ctx, release)
	if err != nil {
		return err
	}
	for _, pinned := range lost {
		if _, err := s.resolve(ctx, pinned); err != nil {
			return &deploy.Failure{
				Status: deploy.ExitUsage,
				Err:    fmt.Errorf("%s cannot be had any more: %s is not on this host, and: %w\nnothing was touched", release, pinned, err),
				Hint:   "What there is to go back to: mage releases -env=" + s.Name,
			}
		}
	}
	return nil
}

// warm says whether containers of every service of a release run.
func warm(release *deploy.Release, containers []deploy.Container) bool {
	for _, service := range release.Environment.Services {
		if !slices.ContainsFunc(containers, func(c deploy.Container) bool {
			return c.Service == service.Name && c.ConfigHash == service.Hash && c.Running()
		}) {
			return false
		}
	}
	return true
}
