package conformance

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// MigratorSetup is a database that is empty and two releases for it.
type MigratorSetup struct {
	Migrator deploy.Migrator
	// Newer contains all migrations of Older, and Last behind them, which is
	// survived, needed and reversible.
	Older, Newer *deploy.Release
	Last         deploy.MigrationID
	// Before is Last's predecessor in its app, by a prefix of its name.
	Before deploy.MigrationID
}

// Migrator runs the expectations of a deploy.Migrator, in an order: the
// database goes on from one to the next.
func Migrator(t *testing.T, bubble Bubble, setup func(t *testing.T) MigratorSetup) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		s := setup(t)
		s.applyAll(t)
		s.pending(t)
		s.applyAgain(t)
		s.foreign(t)
		s.unknown(t)
		s.revert(t)
		s.record(t)
	})
}

func (s MigratorSetup) inspect(t *testing.T, release *deploy.Release) deploy.Schema {
	t.Helper()
	schema, err := s.Migrator.Inspect(t.Context(), release)
	must(t, err)
	return schema
}

func (s MigratorSetup) applyAll(t *testing.T) {
	empty := s.inspect(t, s.Older)
	if len(empty.Known) == 0 || len(empty.Pending) != len(empty.Known) || len(empty.Foreign) > 0 {
		t.Errorf("of an empty database: %d known, %d pending, %d foreign", len(empty.Known), len(empty.Pending), len(empty.Foreign))
	}
	must(t, s.Migrator.Apply(t.Context(), s.Older, nil, io.Discard))
	if now := s.inspect(t, s.Older); len(now.Pending)+len(now.Foreign) > 0 || !slices.Equal(now.Known, empty.Known) {
		t.Errorf("with all applied: %d pending, %d foreign", len(now.Pending), len(now.Foreign))
	}
}

func (s MigratorSetup) pending(t *testing.T) {
	schema := s.inspect(t, s.Newer)
	if len(schema.Pending) != 1 || schema.Pending[0].MigrationID != s.Last || len(schema.Foreign) > 0 {
		t.Fatalf("pending are %v, foreign %v; want %s", schema.Pending, schema.Foreign, s.Last)
	}
	last := schema.Pending[0]
	if !last.Survived() || !last.Needed() || last.Reversal() != deploy.Reversible || last.Unknown() {
		t.Errorf("%s is %+v", last, last.Operations)
	}
}

func (s MigratorSetup) applyAgain(t *testing.T) {
	for range 2 {
		must(t, s.Migrator.Apply(t.Context(), s.Newer, []deploy.MigrationID{s.Last}, io.Discard))
	}
	if schema := s.inspect(t, s.Newer); len(schema.Pending) > 0 {
		t.Errorf("pending are %v", schema.Pending)
	}
}

func (s MigratorSetup) foreign(t *testing.T) {
	if schema := s.inspect(t, s.Older); !slices.Equal(schema.Foreign, []deploy.MigrationID{s.Last}) || len(schema.Pending) > 0 {
		t.Errorf("to the older release foreign are %v, pending %v", schema.Foreign, schema.Pending)
	}
}

func (s MigratorSetup) unknown(t *testing.T) {
	for _, target := range []deploy.MigrationID{{App: s.Last.App, Name: "9999"}, {App: s.Last.App + "x", Name: "zero"}} {
		_, err := s.Migrator.Backwards(t.Context(), s.Newer, []deploy.MigrationID{target})
		unknown, ok := errors.AsType[*deploy.UnknownMigration](err)
		switch {
		case !ok:
			t.Errorf("of %s it says %v", target, err)
		case target.App == s.Last.App && !slices.Contains(unknown.Names, s.Last.Name):
			t.Errorf("the names are %v", unknown.Names)
		case target.App != s.Last.App && !slices.Contains(unknown.Apps, s.Last.App):
			t.Errorf("the apps are %v", unknown.Apps)
		}
	}
}

func (s MigratorSetup) revert(t *testing.T) {
	targets := []deploy.MigrationID{s.Before}
	undone, err := s.Migrator.Backwards(t.Context(), s.Newer, targets)
	must(t, err)
	if len(undone) != 1 || undone[0].MigrationID != s.Last || undone[0].Reversal() != deploy.Reversible || !undone[0].Survived() {
		t.Errorf("undone would be %+v", undone)
	}
	must(t, s.Migrator.Revert(t.Context(), s.Newer, targets, io.Discard))
	if schema := s.inspect(t, s.Newer); len(schema.Pending) != 1 || schema.Pending[0].MigrationID != s.Last {
		t.Errorf("pending are %v", schema.Pending)
	}
}

func (s MigratorSetup) record(t *testing.T) {
	must(t, s.Migrator.Fake(t.Context(), s.Newer, s.Last, io.Discard))
	if schema := s.inspect(t, s.Newer); len(schema.Pending) > 0 {
		t.Errorf("pending are %v", schema.Pending)
	}
}
