package session

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Migrating is a release, what knows its migrations, and what they say.
type Migrating struct {
	Release  *deploy.Release
	Migrator deploy.Migrator
	Settings *deploy.Migrations
}

// Migrating opens the migrations of the release that serves.
func (s *Session) Migrating(ctx context.Context) (*Migrating, error) {
	serving, err := s.deployed(ctx)
	if err != nil {
		return nil, err
	}
	return s.migrating(serving)
}

func (s *Session) migrating(release *deploy.Release) (*Migrating, error) {
	settings := release.Environment.Migrations
	if settings == nil {
		return nil, usage("no service of %s %s says x-deploy.migrations: it says which image has them, and whose they are: migrations: django", s.Name, release)
	}
	return &Migrating{Release: release, Migrator: s.Host.Migrator(release), Settings: settings}, nil
}

// Knowing opens the migrations of the release that can take the schema back:
// the one that serves, or, where the database has what that does not know, the
// newest recorded one that does.
func (s *Session) Knowing(ctx context.Context) (*Migrating, error) {
	m, err := s.Migrating(ctx)
	if err != nil || m.Settings.Framework == "" {
		return m, err
	}
	schema, err := m.Migrator.Inspect(ctx, m.Release)
	if err != nil || len(schema.Foreign) == 0 {
		return m, err
	}
	ids, err := s.Host.Store.Releases()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		release, err := s.Host.Store.Load(id)
		if err != nil || !release.Contains(schema.Foreign) || s.Host.Decode(ctx, release) != nil || release.Environment.Migrations == nil {
			continue // a damaged record, or one that today's .env does not fit, is none to ask
		}
		return s.migrating(release)
	}
	return nil, &deploy.Failure{
		Err:  fmt.Errorf("the database has %s, which no recorded release knows", schema.Foreign[0]),
		Hint: "Deploy the release that has brought it, and go back from there; or record the state: mage migrate:fake APP NAME",
	}
}

// Needs refuses to undo what the release that serves fails without.
func (s *Session) Needs(ctx context.Context, undone []deploy.Migration, consent bool) error {
	serving, err := s.deployed(ctx)
	if err != nil || consent {
		return err
	}
	for _, one := range undone {
		if one.Needed() && serving.Contains([]deploy.MigrationID{one.MigrationID}) {
			return &deploy.Failure{
				Status: deploy.ExitConsent,
				Err:    fmt.Errorf("%s serves and fails without %s: nothing was touched", serving, one),
				Hint:   "Go back with the code first: mage rollback previous, and then this. Run it again with -accept-downtime when the gap is fine.",
			}
		}
	}
	return nil
}

// Incoming opens the migrations of a version that need not have served yet;
// its image is pulled where it is missing.
func (s *Session) Incoming(ctx context.Context, version string) (*Migrating, error) {
	release, err := s.Recorded(ctx, version)
	if err != nil {
		return nil, err
	}
	m, err := s.migrating(release)
	if err != nil {
		return nil, err
	}
	return m, s.Engine.Pull(ctx, release.Images[m.Settings.Service], func(int64, int64) {})
}

// Reversal says what an app's way back to a migration undoes.
func (m *Migrating) Reversal(ctx context.Context, target deploy.MigrationID) ([]deploy.Migration, error) {
	undone, err := m.Migrator.Backwards(ctx, m.Release, []deploy.MigrationID{target})
	if unknown, ok := errors.AsType[*deploy.UnknownMigration](err); ok {
		return nil, unknown
	}
	return undone, err
}

// Lossy refuses to undo what cannot be had back whole. With consent what loses
// data is undone all the same; what has no way back is not.
func Lossy(undone []deploy.Migration, consent bool) error {
	for _, one := range undone {
		reversal := one.Reversal()
		if reversal == deploy.Reversible || reversal == deploy.LosesData && consent || len(one.Operations) == 0 {
			continue
		}
		why := ""
		for _, operation := range one.Operations {
			if operation.Reversal == reversal {
				why = operation.Text
				if operation.Why != "" {
					why += ", and " + operation.Why
				}
				break
			}
		}
		hint := "Return to a backup from before it: mage backup:list, mage backup:restore NAME."
		if reversal == deploy.LosesData {
			hint += "\nTo undo it without what is lost: -accept-data-loss; a backup is taken first, where x-deploy.backups says where."
		}
		return &deploy.Failure{Err: fmt.Errorf("%s cannot be undone whole: %s: %s\nnothing was touched", one, reversal, why), Hint: hint}
	}
	return nil
}

// Revert takes an app back and shows the state afterwards.
func (m *Migrating) Revert(ctx context.Context, target deploy.MigrationID, out io.Writer) error {
	if err := m.Migrator.Revert(ctx, m.Release, []deploy.MigrationID{target}, out); err != nil {
		return &deploy.Failure{
			Err:  fmt.Errorf("revert %s to %s: %w", target.App, target.Name, err),
			Hint: "How far it came: mage migrate:status; mage migrate:apply applies all migrations again.",
		}
	}
	if m.Settings.Framework == "" && len(m.Settings.Pending) == 0 {
		return nil
	}
	return m.Migrator.Status(ctx, m.Release, out)
}
