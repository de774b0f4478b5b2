package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// observeSchema asks the images what they know of the database. It costs the
// start of a container, so that a release whose migrations are those of the one
// that serves is not asked. A first deploy has no database to look at, and
// neither has one whose database does not run.
func (h *Host) observeSchema(ctx context.Context, state *State, want *Release, back bool) error {
	m, serving := want.Environment.Migrations, state.Serving
	if m == nil || serving == nil || serving.ID == want.ID && back || !state.databaseRuns(want, m) {
		return nil
	}
	if back {
		return h.observeAhead(ctx, state, want)
	}
	if !state.changed(want, m.Service) {
		want.Migrations = serving.Migrations
		return nil
	}
	if m.Framework == "" && len(m.Pending) == 0 {
		return nil // there is nobody to ask
	}
	return h.observePending(ctx, state, want)
}

// observePending asks the wanted release's image what it would apply, and what
// there is that it does not know.
func (h *Host) observePending(ctx context.Context, state *State, want *Release) error {
	if err := h.pullFor(ctx, state, want, want.Environment.Migrations.Service); err != nil {
		return err
	}
	schema, err := h.Migrator(want).Inspect(ctx, want)
	if err != nil {
		return schemaError(want, err)
	}
	state.Schema, want.Migrations = &schema, schema.Known
	if len(schema.Foreign) > 0 {
		return h.classifyAhead(ctx, state, want, schema.Foreign)
	}
	return nil
}

func schemaError(release *Release, err error) error {
	failure := &Failure{Hint: "Nothing was touched. Is the database up? mage status; mage migrate:status"}
	if inner, ok := errors.AsType[*Failure](err); ok {
		err, failure.Logs, failure.Hint = inner.Err, inner.Logs, cmp.Or(inner.Hint, failure.Hint)
	}
	failure.Err = fmt.Errorf("look at the migrations of %s: %w", release, err)
	return failure
}

// pullFor brings the one image that has to be asked before there is a plan.
func (h *Host) pullFor(ctx context.Context, state *State, want *Release, service string) error {
	image := want.Images[service]
	if state.Present[image.Pinned()] {
		return nil
	}
	h.emit(Event{Kind: EventNote, Release: want.Version, Text: "pulling " + image.Reference + " to look at its migrations"})
	if err := h.Images.Pull(ctx, image, func(int64, int64) {}); err != nil {
		return err
	}
	state.Present[image.Pinned()] = true
	return nil
}

// databaseRuns says whether what the migrations' service depends on runs.
func (s *State) databaseRuns(want *Release, m *Migrations) bool {
	service, ok := want.Service(m.Service)
	return ok && !slices.ContainsFunc(service.DependsOn, func(name string) bool {
		return !slices.ContainsFunc(s.Of(name), Container.Running)
	})
}

// changed says whether a service is another than in the release that serves.
func (s *State) changed(want *Release, name string) bool {
	p := &planner{state: *s, want: want}
	p.compare()
	return p.changed(name)
}

// observeAhead looks, before a way back, what the database has that the older
// release does not know. Where both records name their migrations and those are
// the same, nobody is asked.
func (h *Host) observeAhead(ctx context.Context, state *State, want *Release) error {
	serving := state.Serving
	if len(want.Migrations) == 0 && len(serving.Migrations) > 0 && want.Environment.Migrations.Framework != "" {
		return h.observePending(ctx, state, want) // made from the registry: its image knows
	}
	newer, known := serving.Newer(want)
	if !known || len(newer) == 0 || serving.Environment.Migrations == nil {
		return nil
	}
	schema, err := h.Migrator(serving).Inspect(ctx, serving)
	if err != nil {
		return schemaError(serving, err)
	}
	if newer = without(newer, schema.pending()); len(newer) == 0 {
		return nil
	}
	return h.classifyAhead(ctx, state, want, newer)
}

// classifyAhead asks the image that serves what the newer migrations mean.
func (h *Host) classifyAhead(ctx context.Context, state *State, want *Release, newer []MigrationID) error {
	serving := state.Serving
	if serving.Environment.Migrations == nil || len(without(newer, serving.Migrations)) > 0 {
		h.emit(Event{Kind: EventNote, Release: want.Version, Text: fmt.Sprintf("the database has migrations that neither %s nor %s knows, such as %s", want, serving, newer[0])})
		return nil
	}
	state.AheadOf = targets(want.Migrations, newer)
	var err error
	if state.Ahead, err = h.Migrator(serving).Backwards(ctx, serving, state.AheadOf); err != nil {
		return schemaError(serving, err)
	}
	if len(state.Ahead) > 0 && !slices.ContainsFunc(state.Ahead, func(m Migration) bool { return !m.Survived() }) {
		h.emit(Event{Kind: EventNote, Release: want.Version, Text: fmt.Sprintf("the database stays as it is: %s runs with %s, which it does not know", want, state.Ahead[len(state.Ahead)-1])})
	}
	return nil
}

// targets says how far each app goes back that has newer migrations: to the
// last one that is known, or to nothing.
func targets(known, newer []MigrationID) []MigrationID {
	var found []MigrationID
	for _, one := range newer {
		if slices.ContainsFunc(found, func(t MigrationID) bool { return t.App == one.App }) {
			continue
		}
		target := MigrationID{App: one.App, Name: "zero"}
		for _, before := range known {
			if before.App == one.App {
				target.Name = before.Name
			}
		}
		found = append(found, target)
	}
	return found
}

// pending names the pending migrations.
func (s Schema) pending() []MigrationID {
	var ids []MigrationID
	for _, one := range s.Pending {
		ids = append(ids, one.MigrationID)
	}
	return ids
}

// Newer gives the migrations that this release contains and an older one does
// not; ok is false where that is not known of both.
func (r *Release) Newer(older *Release) (newer []MigrationID, ok bool) {
	if r == nil || len(r.Migrations) == 0 || len(older.Migrations) == 0 {
		return nil, false
	}
	return without(r.Migrations, older.Migrations), true
}

// Contains says whether the release is known to contain all of these.
func (r *Release) Contains(migrations []MigrationID) bool {
	return len(without(migrations, r.Migrations)) == 0
}

// without gives those of all that are not among the others.
func without(all, others []MigrationID) []MigrationID {
	return slices.DeleteFunc(slices.Clone(all), func(m MigrationID) bool { return slices.Contains(others, m) })
}
