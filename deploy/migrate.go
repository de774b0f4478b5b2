package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Migrator gives what knows a release's migrations; nil where it has none.
func (h *Host) Migrator(release *Release) Migrator {
	switch m := release.Environment.Migrations; {
	case m == nil:
		return nil
	case m.Framework == FrameworkDjango:
		return h.Django
	default:
		return commands{h.Engine}
	}
}

// migrate applies what the step says. What of it stays applied although the
// release that serves may not survive it is noted: from then on there is no
// way back to that.
func (r *runner) migrate(ctx context.Context, step Step) error {
	release := r.plan.To
	ids, breaking := step.ids(), map[MigrationID]bool{}
	for _, one := range step.Migrations {
		breaking[one.MigrationID] = one.Breaks
	}
	out := r.lines()
	err := r.Migrator(release).Apply(ctx, release, ids, out)
	out.flush()
	applied := ids
	if err != nil {
		applied = r.appliedOf(ctx, step, err)
	}
	r.mu.Lock()
	for _, one := range applied {
		if breaking[one] {
			r.report.Beyond = append(r.report.Beyond, one.String())
		}
	}
	if err == nil && step.Breaks && len(ids) == 0 {
		r.report.Beyond = append(r.report.Beyond, "the migrations of "+release.String())
	}
	r.mu.Unlock()
	if err != nil {
		return r.migrateError(release, step.Service, err, out.last)
	}
	if len(release.Migrations) > 0 || release.Environment.Migrations.Framework == "" {
		return nil
	}
	// On a first deploy there was no database to ask before.
	schema, err := r.Migrator(release).Inspect(ctx, release)
	if err != nil {
		return fmt.Errorf("look at the migrations of %s: %w", release, err)
	}
	release.Migrations = schema.Known
	return r.Store.Save(release)
}

// schemaTimeout bounds the look at the database behind a failure.
const schemaTimeout = time.Minute

// appliedOf says what of a step that failed is applied all the same. The
// database itself knows; where it does not answer the failure's word counts, and
// of one that says nothing it is taken to be all.
func (r *runner) appliedOf(ctx context.Context, step Step, err error) []MigrationID {
	ids := step.ids()
	if !step.Breaks || len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), schemaTimeout)
	defer cancel()
	failure, typed := errors.AsType[*MigrationFailure](err)
	half := func(applied []MigrationID) []MigrationID {
		if typed && failure.Half && !slices.Contains(applied, failure.Migration) {
			return append(slices.Clone(applied), failure.Migration)
		}
		return applied
	}
	schema, err := r.Migrator(r.plan.To).Inspect(ctx, r.plan.To)
	switch {
	case err == nil:
		return half(without(ids, schema.pending()))
	case typed:
		return half(failure.Applied)
	default:
		return ids
	}
}

func (r *runner) migrateError(release *Release, service string, err error, last []string) error {
	failure := &Failure{Err: fmt.Errorf("migrate in the image of %s %s: %w", service, release, err), Logs: last}
	if failed, ok := errors.AsType[*MigrationFailure](err); ok {
		switch {
		case failed.Waited:
			failure.Hint = "Somebody else holds a lock that it needs: look for long transactions (pg_stat_activity), and deploy again."
		case failed.Half:
			failure.Hint = fmt.Sprintf("%s is not transactional: a part of it may be done. What it was: mage migrate:status; then deploy again.", failed.Migration)
		default:
			failure.Hint = "The database is as it was before " + failed.Migration.String() + ". Mend that, and deploy again: what is applied already is passed over."
		}
	}
	return failure
}

func (s Step) ids() []MigrationID {
	var ids []MigrationID
	for _, one := range s.Migrations {
		ids = append(ids, one.MigrationID)
	}
	return ids
}

// revert undoes what a release has brought, in its own image, for an older one
// that does not run on it.
func (r *runner) revert(ctx context.Context, step Step) error {
	newer := r.plan.From
	out := r.lines()
	err := r.Migrator(newer).Revert(ctx, newer, r.plan.revertTo, out)
	out.flush()
	undone := step.ids()
	if err != nil {
		undone = nil
		if failure, ok := errors.AsType[*MigrationFailure](err); ok {
			undone = failure.Applied
		}
	}
	r.mu.Lock()
	for _, one := range undone {
		r.report.Beyond = append(r.report.Beyond, "the way back from "+one.String())
	}
	r.mu.Unlock()
	if err != nil {
		return r.migrateError(newer, step.Service, err, out.last)
	}
	return nil
}

// commands is the migrations of a framework that is not understood: three
// commands, of which only apply is needed.
type commands struct{ engine Engine }

// Inspect lists what is pending, one a line, where there is a command for it.
func (c commands) Inspect(ctx context.Context, release *Release) (Schema, error) {
	settings := release.Environment.Migrations
	if len(settings.Pending) == 0 {
		return Schema{}, nil
	}
	var schema Schema
	out := &lineWriter{emit: func(line string) {
		if line = strings.TrimSpace(line); line != "" {
			schema.Pending = append(schema.Pending, Migration{MigrationID: MigrationID{Name: line}})
		}
	}}
	err := c.engine.Run(ctx, release, OneOff{Service: settings.Service, Command: settings.Pending}, out)
	out.flush()
	return schema, err
}

// Backwards knows nothing.
func (c commands) Backwards(context.Context, *Release, []MigrationID) ([]Migration, error) {
	return nil, nil
}

// Apply applies all that is pending.
func (c commands) Apply(ctx context.Context, release *Release, _ []MigrationID, out io.Writer) error {
	return c.engine.Run(ctx, release, OneOff{Service: release.Environment.Migrations.Service, Command: release.Environment.Migrations.Apply}, out)
}

// Revert takes one app after the other back.
func (c commands) Revert(ctx context.Context, release *Release, targets []MigrationID, out io.Writer) error {
	settings := release.Environment.Migrations
	if len(settings.Revert) == 0 {
		return &Failure{Status: ExitUsage, Err: errors.New("how a migration is undone is not known"),
			Hint: "Say the command under services." + settings.Service + ".x-deploy.migrations.revert, with {app} and {migration} in it."}
	}
	for _, target := range targets {
		command := slices.Clone(settings.Revert)
		for at, word := range command {
			command[at] = strings.NewReplacer("{app}", target.App, "{migration}", target.Name).Replace(word)
		}
		if err := c.engine.Run(ctx, release, OneOff{Service: settings.Service, Command: command}, out); err != nil {
			return err
		}
	}
	return nil
}

// Fake, Status and SQL are Django's.
func (c commands) Fake(context.Context, *Release, MigrationID, io.Writer) error { return errOnlyDjango }

// Status lists what is pending.
func (c commands) Status(ctx context.Context, release *Release, out io.Writer) error {
	settings := release.Environment.Migrations
	if len(settings.Pending) == 0 {
		return &Failure{Status: ExitUsage, Err: errors.New("what is pending is not known"),
			Hint: "Say the command that prints it under services." + settings.Service + ".x-deploy.migrations.pending."}
	}
	return c.engine.Run(ctx, release, OneOff{Service: settings.Service, Command: settings.Pending}, out)
}

// SQL is Django's.
func (c commands) SQL(context.Context, *Release, MigrationID, bool) (string, error) {
	return "", errOnlyDjango
}

var errOnlyDjango = &Failure{Status: ExitUsage, Err: errors.New("this is known of Django's migrations only"), Hint: "Say migrations: django where they are Django's."}
