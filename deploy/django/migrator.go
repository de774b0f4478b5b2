// Package django knows the migrations of a Django application.
//
// Whatever it wants to know it asks the application itself: a program in Python
// (folder program) runs as `manage.py shell -c` in a one-off container of the
// release's own image, uses Django's own objects and never parses text, and
// answers with lines of JSON between those that people read. It works with
// Django 3.2 to 5.2 and on every database; what is said of locks, of what
// blocks, and of attempts holds on PostgreSQL.
//
// What RunPython, RunSQL and the operations of other packages do is not known,
// so that the release before is taken not to survive them. Who writes such a
// migration and knows better says so in it:
//
//	class Migration(migrations.Migration):
//	    deploy_survived = True  # code that does not know it keeps working
//
// An atomic migration is one transaction on PostgreSQL, with the row that
// records it. Of one that is not, each operation that can be is a transaction,
// and who applies it again after an interruption passes over what is there
// already. What can be no transaction runs again from its beginning: RunPython
// and RunSQL in a migration with atomic = False must bear that, and an index
// that is INVALID since nobody finished it is dropped and built anew.
package django

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Runner runs a command in a new one-off container of a release's service and
// copies what it prints, both streams in one, to out.
type Runner interface {
	Run(ctx context.Context, release *deploy.Release, command deploy.OneOff, out io.Writer) error
}

// Migrator is a deploy.Migrator for Django.
type Migrator struct {
	engine Runner
	// wait is how long another deployer's migrations are waited for.
	wait time.Duration
	// pause is that before the second attempt; each further one is twice as
	// long.
	pause time.Duration
}

var _ deploy.Migrator = (*Migrator)(nil)

// New makes a migrator whose containers that engine runs.
func New(engine Runner) *Migrator {
	return &Migrator{engine: engine, wait: 10 * time.Minute, pause: time.Second}
}

// Inspect is deploy.Migrator's. Migrations that conflict, or that the database
// has without those they depend on, are a *deploy.Failure that says what to
// type.
func (m *Migrator) Inspect(ctx context.Context, release *deploy.Release) (deploy.Schema, error) {
	var schema deploy.Schema
	err := m.ask(ctx, release, request{Do: "inspect"}, &schema)
	if err != nil {
		return deploy.Schema{}, fmt.Errorf("inspect migrations of %s: %w", release, err)
	}
	return schema, nil
}

// Backwards is deploy.Migrator's. A target that is not applied is an error:
// what is not there cannot be taken back to.
func (m *Migrator) Backwards(ctx context.Context, release *deploy.Release, targets []deploy.MigrationID) ([]deploy.Migration, error) {
	var migrations []deploy.Migration
	if err := m.ask(ctx, release, request{Do: "backwards", Migrations: targets}, &migrations); err != nil {
		return nil, err
	}
	return migrations, nil
}

// Apply is deploy.Migrator's. It needs all that these depend on to be applied
// or among them, and applies nothing else. One deployer at a time: on
// PostgreSQL an advisory lock of the database sees to that, which its holder's
// end frees.
func (m *Migrator) Apply(ctx context.Context, release *deploy.Release, migrations []deploy.MigrationID, out io.Writer) error {
	return m.change(ctx, release, request{Do: "apply", Migrations: migrations}, out)
}

// Revert is deploy.Migrator's.
func (m *Migrator) Revert(ctx context.Context, release *deploy.Release, targets []deploy.MigrationID, out io.Writer) error {
	if len(targets) == 0 {
		return nil
	}
	return m.change(ctx, release, request{Do: "revert", Migrations: targets}, out)
}

// Fake is deploy.Migrator's; "zero" records that none is applied.
func (m *Migrator) Fake(ctx context.Context, release *deploy.Release, target deploy.MigrationID, out io.Writer) error {
	run := m.run(ctx, release, request{Do: "fake", Migrations: []deploy.MigrationID{target}}, out)
	if unknown, ok := errors.AsType[*deploy.UnknownMigration](run.err); ok {
		return unknown // whose exit status the outermost error must have
	}
	if run.err != nil {
		return fmt.Errorf("record %s: %w", target, run.err)
	}
	return nil
}

// Status is deploy.Migrator's: what `showmigrations` prints.
func (m *Migrator) Status(ctx context.Context, release *deploy.Release, out io.Writer) error {
	if run := m.run(ctx, release, request{Do: "status"}, out); run.err != nil {
		return fmt.Errorf("show migrations of %s: %w", release, run.err)
	}
	return nil
}

// SQL is deploy.Migrator's: what `sqlmigrate` prints.
func (m *Migrator) SQL(ctx context.Context, release *deploy.Release, migration deploy.MigrationID, backwards bool) (string, error) {
	var text string
	asked := request{Do: "sql", Migrations: []deploy.MigrationID{migration}, Backwards: backwards}
	if err := m.ask(ctx, release, asked, &text); err != nil {
		return "", err
	}
	return text, nil
}

// ask runs the program for its answer alone.
func (m *Migrator) ask(ctx context.Context, release *deploy.Release, asked request, answer any) error {
	run := m.run(ctx, release, asked, io.Discard)
	if run.err != nil {
		return run.err
	}
	if err := json.Unmarshal(run.report.answer, answer); err != nil {
		return fmt.Errorf("read the answer to %s: %w", asked.Do, err)
	}
	return nil
}

// change runs the program for what it does to the database.
func (m *Migrator) change(ctx context.Context, release *deploy.Release, asked request, out io.Writer) error {
	run := m.run(ctx, release, asked, out)
	if run.err == nil {
		return nil
	}
	return run.failure()
}
