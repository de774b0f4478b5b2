package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// Retention is what of the recorded releases is kept, and what is not: the
// release that serves stays, the one that served before it, and the newest
// versions that have served, each with its newest record. What failed keeps its record and logs as long as
// one of those is older, and its images only while nothing newer serves.
type Retention struct {
	// Outdated are the releases whose records, logs and images go.
	Outdated []*Release
	// Images are those of no release that can be returned to.
	Images []Image
	// Kept are the images that such a release has.
	Kept []Image
}

// Empty says whether nothing goes.
func (r *Retention) Empty() bool { return len(r.Outdated)+len(r.Images) == 0 }

// Versions names the outdated releases.
func (r *Retention) Versions() string {
	var versions []string
	for _, release := range r.Outdated {
		versions = append(versions, release.Version)
	}
	return strings.Join(versions, ", ")
}

// Retention looks what a host keeps when retain releases stay and that one
// serves, which may be yet to be recorded.
func (s *Store) Retention(retain int, serving *Release) (*Retention, error) {
	history, err := s.history()
	if err != nil {
		return nil, err // what images a damaged record has cannot be known
	}
	return s.retention(history, retain, serving), nil
}

// history loads all recorded releases that can be read, the newest first, and
// says what is wrong with the others. A folder of evidence only, or one that is
// being removed, is none of either.
func (s *Store) history() ([]*Release, error) {
	ids, err := s.Releases()
	if err != nil {
		return nil, err
	}
	var history []*Release
	var damaged []error
	for _, id := range ids {
		release, err := s.Load(id)
		switch {
		case err == nil:
			history = append(history, release)
		case !errors.Is(err, fs.ErrNotExist):
			damaged = append(damaged, err)
		}
	}
	return history, errors.Join(damaged...)
}

func (s *Store) retention(history []*Release, retain int, serving *Release) *Retention {
	retention := &Retention{}
	var gone []*Release
	count, passed, known := 0, false, map[string]bool{}
	if !slices.ContainsFunc(history, func(r *Release) bool { return r.ID == serving.ID }) {
		count, passed, known[serving.Version] = 1, true, true
		retention.Kept = slices.Collect(maps.Values(serving.Images))
	}
	last := s.before(serving)
	for _, release := range history {
		if release.ID == last && retain > 1 && !known[release.Version] {
			known[release.Version] = true // its place is taken before all others'
			count++
		}
	}
	for _, release := range history {
		if release.ID == last && retain > 1 {
			retention.Kept = slices.AppendSeq(retention.Kept, maps.Values(release.Images))
			continue
		}
		serves := release.ID == serving.ID
		passed = passed || serves
		served := serves || s.Served(release.ID)
		// A version that was deployed again is one to go back to, not two.
		again := known[release.Version] && !serves
		full := count >= retain || again
		if served && !again {
			known[release.Version] = true
			count++
		}
		switch {
		case serves, served && !full, !full && !passed:
			retention.Kept = slices.AppendSeq(retention.Kept, maps.Values(release.Images))
			continue
		case full:
			retention.Outdated = append(retention.Outdated, release)
		}
		gone = append(gone, release)
	}
	kept := map[Image]bool{}
	for _, image := range retention.Kept {
		kept[image] = true
	}
	for _, release := range gone {
		for _, image := range release.Images {
			if !kept[image] {
				kept[image] = true // named once
				retention.Images = append(retention.Images, image)
			}
		}
	}
	return retention
}

// before is the identifier of the release that a rollback from that one goes to
// first: the one that serves until it is committed, or served before it was.
func (s *Store) before(release *Release) string {
	if current, err := s.Serving(); err == nil && current != release.ID {
		return current
	}
	return s.previous()
}

// olderThan finds the containers of releases that were made before another one.
// What no record names is not known to be older.
func olderThan(want *Release, history []*Release, containers []Container) map[string]bool {
	newest := map[string]string{} // the newest release of each image
	for _, release := range history {
		for _, image := range release.Images {
			if newest[image.Pinned()] == "" {
				newest[image.Pinned()] = release.ID
			}
		}
	}
	older := map[string]bool{}
	for _, container := range containers {
		if id := newest[container.Image]; id != "" && id < want.ID {
			older[container.ID] = true
		}
	}
	return older
}

// recorded says whether there is a record of a release.
func (s *Store) recorded(id string) bool {
	_, err := os.Stat(s.release(id, "record.json"))
	return err == nil
}

// Served says whether a release has ever been committed.
func (s *Store) Served(id string) bool {
	if _, err := os.Stat(s.release(id, servedMark)); err == nil {
		return true
	}
	report, err := s.Report(id)
	return err == nil && report.Outcome == OutcomeDeployed
}

// unmarkServed makes all releases ones that have never served.
func (s *Store) unmarkServed() error {
	ids, err := s.Releases()
	for _, id := range ids {
		err = errors.Join(err, remove(s.release(id, servedMark)))
	}
	return err
}

// Pruned is what a prune took away.
type Pruned struct {
	// Versions are the releases whose records and logs are gone.
	Versions string
	// Images is how many names of images are gone, Freed the bytes that the
	// engine has again.
	Images int
	Freed  int64
	// Held are the images that something else on the host uses.
	Held []string
}

// String says it in a line.
func (p Pruned) String() string {
	if p.Versions == "" && p.Images == 0 {
		return "nothing to prune"
	}
	text := fmt.Sprintf("%s and %s freed", Plural(p.Images, "image"), megabytes(uint64(p.Freed)))
	if p.Versions != "" {
		text = "pruned " + p.Versions + ": " + text
	}
	if len(p.Held) > 0 {
		text += fmt.Sprintf("; %s stay: something else uses them", strings.Join(p.Held, ", "))
	}
	return text
}

// Prune removes what the retention does not keep: first the images, then the
// records that name them, so that one that was interrupted is done again.
func (h *Host) Prune(ctx context.Context, retention *Retention) (Pruned, error) {
	var pruned Pruned
	var err error
	if len(retention.Images) > 0 {
		if pruned, err = h.Images.Forget(ctx, retention.Images, retention.Kept); err != nil {
			return pruned, fmt.Errorf("prune images: %w", err)
		}
	}
	for _, release := range retention.Outdated {
		if err := h.Store.remove(release.ID); err != nil {
			return pruned, fmt.Errorf("prune release %s: %w", release, err)
		}
	}
	pruned.Versions = retention.Versions()
	return pruned, nil
}

// remove takes a release's record away first: without it the rest is nobody's
// and is removed by the next prune.
func (s *Store) remove(id string) error {
	if err := remove(s.release(id, "record.json")); err != nil {
		return err
	}
	return os.RemoveAll(s.release(id))
}

// prune is what a deploy does at its end. That it cannot is said, and takes
// nothing from the release that serves.
func (r *runner) prune(ctx context.Context) {
	retention, err := r.Store.Retention(r.plan.To.Environment.Settings.Retain, r.plan.To)
	var pruned Pruned
	if err == nil {
		pruned, err = r.Prune(ctx, retention)
	}
	if err != nil {
		r.note("old releases were not pruned: %v", err)
		return
	}
	r.note("%s", pruned)
}
