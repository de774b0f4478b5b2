package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Migrator is a database and the migrations that images contain.
type Migrator struct {
	// Contained are an image's migrations, by its release's version, in an order
	// in which they can be applied. The names of one app begin alike with a
	// number.
	Contained map[string][]deploy.Migration
	// Service is the one whose requests need the database.
	Service string
	// Takes is the time that one migration takes.
	Takes time.Duration

	host    *Host
	applied []deploy.MigrationID
}

var _ deploy.Migrator = (*Migrator)(nil)

// Applied gives what the database has, in the order in which it came.
func (m *Migrator) Applied() []deploy.MigrationID {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	return slices.Clone(m.applied)
}

// of gives the migrations of those names, from whichever image has them.
func (m *Migrator) of(ids []deploy.MigrationID) []deploy.Migration {
	var found []deploy.Migration
	for _, id := range ids {
		for _, contained := range m.Contained {
			if at := slices.IndexFunc(contained, func(one deploy.Migration) bool { return one.MigrationID == id }); at >= 0 {
				found = append(found, contained[at])
				break
			}
		}
	}
	return found
}

// Inspect compares.
func (m *Migrator) Inspect(ctx context.Context, release *deploy.Release) (deploy.Schema, error) {
	err := m.host.look(ctx)
	defer m.host.mu.Unlock()
	var schema deploy.Schema
	if err == nil {
		err = m.image(release)
	}
	if err != nil {
		return schema, err
	}
	for _, one := range m.Contained[release.Version] {
		schema.Known = append(schema.Known, one.MigrationID)
		if !slices.Contains(m.applied, one.MigrationID) {
			schema.Pending = append(schema.Pending, one)
		}
	}
	for _, one := range m.applied {
		if !slices.Contains(schema.Known, one) {
			schema.Foreign = append(schema.Foreign, one)
		}
	}
	return schema, nil
}

// image refuses to look into an image that is not on the host.
func (m *Migrator) image(release *deploy.Release) error {
	image := release.Images[release.Environment.Migrations.Service]
	if !m.host.Images[image.Pinned()] {
		return fmt.Errorf("no such image: %s", image.Pinned())
	}
	return nil
}

// Backwards gives what stands behind the targets, the newest first.
func (m *Migrator) Backwards(ctx context.Context, release *deploy.Release, targets []deploy.MigrationID) ([]deploy.Migration, error) {
	err := m.host.look(ctx)
	defer m.host.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var undone []deploy.Migration
	for _, target := range targets {
		found, err := m.behind(release, target)
		if err != nil {
			return nil, err
		}
		undone = append(undone, found...)
	}
	return undone, nil
}

func (m *Migrator) behind(release *deploy.Release, target deploy.MigrationID) ([]deploy.Migration, error) {
	var undone []deploy.Migration
	unknown, passed := &deploy.UnknownMigration{Asked: target}, target.Name == "zero"
	for _, one := range m.Contained[release.Version] {
		if !slices.Contains(unknown.Apps, one.App) {
			unknown.Apps = append(unknown.Apps, one.App)
		}
		if one.App != target.App {
			continue
		}
		unknown.Names = append(unknown.Names, one.Name)
		if passed && slices.Contains(m.applied, one.MigrationID) {
			undone = append(undone, one)
		}
		passed = passed || strings.HasPrefix(one.Name, target.Name)
	}
	if !passed || len(unknown.Names) == 0 {
		return nil, unknown
	}
	slices.Reverse(undone)
	return undone, nil
}

// Apply applies, each as a call of its own. What a call does by half is applied
// without having been seen to be.
func (m *Migrator) Apply(ctx context.Context, release *deploy.Release, migrations []deploy.MigrationID, out io.Writer) error {
	if len(migrations) == 0 {
		for _, one := range m.Contained[release.Version] {
			migrations = append(migrations, one.MigrationID)
		}
	}
	var done []deploy.MigrationID
	for _, one := range migrations {
		if slices.Contains(m.Applied(), one) {
			continue
		}
		half, err := m.host.begin(ctx, "Apply %s", one)
		if err == nil {
			err = wait(ctx, m.Takes)
		}
		if err == nil || half {
			m.host.mu.Lock()
			m.applied = append(m.applied, one)
			m.host.judgeSchema("applying " + one.String())
			m.host.mu.Unlock()
		}
		if err != nil {
			return &deploy.MigrationFailure{Migration: one, Applied: done, Err: err}
		}
		done = append(done, one)
		fmt.Fprintf(out, "applied %s\n", one)
	}
	return nil
}

// Revert undoes, each as a call of its own.
func (m *Migrator) Revert(ctx context.Context, release *deploy.Release, targets []deploy.MigrationID, out io.Writer) error {
	undone, err := m.Backwards(ctx, release, targets)
	if err != nil {
		return err
	}
	var done []deploy.MigrationID
	for _, one := range undone {
		half, err := m.host.begin(ctx, "Revert %s", one)
		if err == nil || half {
			m.host.mu.Lock()
			m.applied = slices.DeleteFunc(m.applied, func(id deploy.MigrationID) bool { return id == one.MigrationID })
			m.host.judgeSchema("undoing " + one.String())
			m.host.mu.Unlock()
		}
		if err != nil {
			return &deploy.MigrationFailure{Migration: one.MigrationID, Applied: done, Err: err}
		}
		done = append(done, one.MigrationID)
		fmt.Fprintf(out, "reverted %s\n", one)
	}
	return nil
}

// Fake records what it is told.
func (m *Migrator) Fake(ctx context.Context, release *deploy.Release, target deploy.MigrationID, _ io.Writer) error {
	if _, err := m.host.begin(ctx, "Fake %s", target); err != nil {
		return err
	}
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	undone, err := m.behind(release, target)
	if err != nil {
		return err
	}
	for _, one := range undone {
		m.applied = slices.DeleteFunc(m.applied, func(id deploy.MigrationID) bool { return id == one.MigrationID })
	}
	for _, one := range m.Contained[release.Version] {
		if one.App == target.App && !slices.Contains(m.applied, one.MigrationID) && target.Name != "zero" {
			m.applied = append(m.applied, one.MigrationID)
			if strings.HasPrefix(one.Name, target.Name) {
				break
			}
		}
	}
	return nil
}

// Status shows which are applied.
func (m *Migrator) Status(_ context.Context, release *deploy.Release, out io.Writer) error {
	applied := m.Applied()
	for _, one := range m.Contained[release.Version] {
		mark := " "
		if slices.Contains(applied, one.MigrationID) {
			mark = "X"
		}
		fmt.Fprintf(out, " [%s] %s\n", mark, one)
	}
	return nil
}

// SQL has none.
func (m *Migrator) SQL(context.Context, *deploy.Release, deploy.MigrationID, bool) (string, error) {
	return "", errors.New("there is no SQL in a fake")
}
