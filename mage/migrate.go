package mage

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Migrate looks at the database's schema and changes it by hand.
type Migrate mg.Namespace

// Plan says which migrations a version brings and what each of them means.
func (Migrate) Plan(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	version *string, // the version; the one that serves by default
	sql *bool, // print their SQL, too
) error {
	typed := flags([]string{"migrate:plan"}, "version", value(version), "sql", value(sql))
	return onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		m, err := migrations(ctx, s, value(version))
		if err != nil {
			return err
		}
		schema, err := m.Migrator.Inspect(ctx, m.Release)
		if err != nil {
			return err
		}
		if len(schema.Pending) == 0 {
			fmt.Printf("%s: the database has all migrations of %s.\n", s.Name, m.Release)
		} else {
			fmt.Printf("%s: %s brings\n", s.Name, m.Release)
		}
		show.Migrations(os.Stdout, schema.Pending)
		for _, one := range schema.Foreign {
			fmt.Printf("  %s is applied, and %s does not know it\n", one, m.Release)
		}
		if value(sql) {
			return printSQL(ctx, m, schema.Pending, false)
		}
		return nil
	})
}

// Status shows all migrations of the release that serves, and which are applied.
func (Migrate) Status(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"migrate:status"}, func(ctx context.Context, s *session.Session) error {
		m, err := s.Migrating(ctx)
		if err != nil {
			return err
		}
		return m.Migrator.Status(ctx, m.Release, os.Stdout)
	})
}

// Apply applies what is pending of the release that serves.
func (Migrate) Apply(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"migrate:apply"}, func(ctx context.Context, s *session.Session) error {
		m, err := migrations(ctx, s, "")
		if err != nil {
			return err
		}
		if err := s.Lock(ctx, "migrate:apply"); err != nil {
			return err
		}
		return m.Migrator.Apply(ctx, m.Release, nil, s.Noted(os.Stdout))
	})
}

// Revert takes an app back to a migration, or to zero.
func (Migrate) Revert(ctx context.Context, app, migration string,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // say what would be undone and stop
	sql *bool, // print the SQL, too
	acceptDataLoss *bool, // undo what loses data, behind a backup
	acceptDowntime *bool, // undo what the release that serves needs
) error {
	typed := flags([]string{"migrate:revert", app, migration}, "plan", value(plan), "sql", value(sql),
		"accept-data-loss", value(acceptDataLoss), "accept-downtime", value(acceptDowntime))
	target := deploy.MigrationID{App: app, Name: migration}
	return onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		m, err := s.Knowing(ctx)
		if err != nil {
			return err
		}
		undone, err := m.Reversal(ctx, target)
		if err != nil {
			return err
		}
		if len(undone) == 0 && m.Settings.Framework != "" {
			fmt.Printf("%s: nothing to undo: nothing is applied behind %s\n", s.Name, target)
			return nil
		}
		if len(undone) > 0 {
			fmt.Printf("%s: in the image of %s %s, in this order, are undone\n", s.Name, m.Settings.Service, m.Release)
		}
		show.Migrations(os.Stdout, undone)
		if value(sql) {
			if err := printSQL(ctx, m, undone, true); err != nil {
				return err
			}
		}
		if err := session.Lossy(undone, value(acceptDataLoss)); err != nil || value(plan) {
			return err
		}
		if err := s.Needs(ctx, undone, value(acceptDowntime)); err != nil {
			return err
		}
		if err := s.Lock(ctx, "migrate:revert "+app+" "+migration); err != nil {
			return err
		}
		if slices.ContainsFunc(undone, func(m deploy.Migration) bool { return m.Reversal() == deploy.LosesData }) {
			if err := takeBackup(ctx, s); err != nil {
				return err
			}
		}
		return m.Revert(ctx, target, s.Noted(os.Stdout))
	})
}

// Fake records that an app is at a migration, and runs none.
func (Migrate) Fake(ctx context.Context, app, migration string,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"migrate:fake", app, migration}, func(ctx context.Context, s *session.Session) error {
		m, err := s.Migrating(ctx)
		if err != nil {
			return err
		}
		if err := s.Lock(ctx, "migrate:fake "+app+" "+migration); err != nil {
			return err
		}
		return m.Migrator.Fake(ctx, m.Release, deploy.MigrationID{App: app, Name: migration}, os.Stdout)
	})
}

// migrations opens those of a version, or of the release that serves.
func migrations(ctx context.Context, s *session.Session, version string) (*session.Migrating, error) {
	if version == "" {
		return s.Migrating(ctx)
	}
	return s.Incoming(ctx, version)
}

func printSQL(ctx context.Context, m *session.Migrating, of []deploy.Migration, backwards bool) error {
	for _, one := range of {
		text, err := m.Migrator.SQL(ctx, m.Release, one.MigrationID, backwards)
		if err != nil {
			return err
		}
		fmt.Printf("-- %s\n%s\n", one, text)
	}
	return nil
}
