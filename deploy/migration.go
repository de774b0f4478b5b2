package deploy

import (
	"context"
	"io"
	"slices"
	"strings"
)

// Migrator knows the migrations that a release's image contains and what of
// them the database has. Every method asks the image itself, in a one-off
// container of the service that says x-deploy.migrations.
type Migrator interface {
	// Inspect compares the release's migrations with the database and
	// classifies what is pending. It changes nothing.
	Inspect(ctx context.Context, release *Release) (Schema, error)
	// Backwards classifies what would be undone, in that order, to take each of
	// these apps back to that migration; the name "zero" undoes them all. A
	// name may be a prefix that is unique in its app, such as "0015". It changes
	// nothing. An app or a name that the image does not have is an
	// *UnknownMigration.
	Backwards(ctx context.Context, release *Release, targets []MigrationID) ([]Migration, error)
	// Apply applies these migrations, one after the other, one deployer at a
	// time, and tells out of each; none given are all that are pending. What the
	// database has already is passed over. A failure is a *MigrationFailure.
	Apply(ctx context.Context, release *Release, migrations []MigrationID, out io.Writer) error
	// Revert takes the apps back as Backwards says. A failure is a
	// *MigrationFailure.
	Revert(ctx context.Context, release *Release, targets []MigrationID, out io.Writer) error
	// Fake records the app to be at that migration, and runs none.
	Fake(ctx context.Context, release *Release, target MigrationID, out io.Writer) error
	// Status shows all migrations and which are applied, in the framework's
	// own words.
	Status(ctx context.Context, release *Release, out io.Writer) error
	// SQL gives the statements of one migration, forwards or backwards.
	SQL(ctx context.Context, release *Release, migration MigrationID, backwards bool) (string, error)
}

// MigrationID names one migration of one app.
type MigrationID struct {
	App  string `json:"app"`
	Name string `json:"name"`
}

// String is "products.0016_product_weight"; other frameworks know no apps.
func (m MigrationID) String() string { return strings.TrimPrefix(m.App+"."+m.Name, ".") }

// Schema is a database as a release's image sees it.
type Schema struct {
	// Known are all migrations that the image contains, in an order in which
	// they can be applied.
	Known []MigrationID `json:"known,omitempty"`
	// Pending are those that the database has not, in the order in which they
	// would be applied.
	Pending []Migration `json:"pending,omitempty"`
	// Foreign are those that the database has and the image does not know: a
	// newer release has brought them.
	Foreign []MigrationID `json:"foreign,omitempty"`
}

// Migration is one change of the schema and what is known of it before it is
// made, or undone.
type Migration struct {
	MigrationID
	// Operations are its parts, in order. None means that nothing is known of
	// them.
	Operations []Operation `json:"operations,omitempty"`
	// Transactional says that all of it is done or nothing.
	Transactional bool `json:"transactional,omitempty"`
}

// Operation is one part of a migration.
type Operation struct {
	// Name is the framework's word for its kind: "AddField".
	Name string `json:"name"`
	// Text says it to people: "Add field weight to product".
	Text string `json:"text"`
	// Reversal says whether it can be undone.
	Reversal Reversal `json:"reversal"`
	// Survived says that the release before keeps working once it is applied.
	Survived bool `json:"survived,omitempty"`
	// Needed says that the release that brings it fails until it is applied.
	Needed bool `json:"needed,omitempty"`
	// Unknown says that nobody can know what it does, as of a program: it is
	// taken not to be survived, and may be.
	Unknown bool `json:"unknown,omitempty"`
	// Blocks says what keeps writes waiting for as long as a table is large:
	// "builds an index on products_product"; empty for nothing.
	Blocks string `json:"blocks,omitempty"`
	// Why explains what is not survived, needed, lossy or irreversible.
	Why string `json:"why,omitempty"`
}

// Reversal is whether and at what price something can be undone.
type Reversal string

const (
	// Reversible can be undone. That what was written into a column or a table
	// which it added goes with it is understood.
	Reversible Reversal = "reversible"
	// LosesData cannot be had back whole: data is lost when it is applied, or
	// when it is undone, that the older schema had.
	LosesData Reversal = "loses data"
	// Irreversible has no way back that is known.
	Irreversible Reversal = "irreversible"
)

// Survived says whether the release before keeps working once the migration is
// applied. Of what is not known it is not.
func (m Migration) Survived() bool {
	return len(m.Operations) > 0 && !slices.ContainsFunc(m.Operations, func(o Operation) bool { return !o.Survived })
}

// Unknown says whether it may be survived all the same: what is not in it is
// not known to be bad.
func (m Migration) Unknown() bool {
	return !m.Survived() && !slices.ContainsFunc(m.Operations, func(o Operation) bool { return !o.Survived && !o.Unknown })
}

// Needed says whether the release that brings the migration fails without it.
func (m Migration) Needed() bool {
	return slices.ContainsFunc(m.Operations, func(o Operation) bool { return o.Needed })
}

// Reversal is the worst of its operations'.
func (m Migration) Reversal() Reversal {
	worst := Reversible
	if len(m.Operations) == 0 {
		return Irreversible
	}
	for _, operation := range m.Operations {
		switch operation.Reversal {
		case Irreversible:
			return Irreversible
		case LosesData:
			worst = LosesData
		case Reversible:
		}
	}
	return worst
}

// Blocks says what in it keeps writes waiting; empty for nothing.
func (m Migration) Blocks() string {
	var blocks []string
	for _, operation := range m.Operations {
		if operation.Blocks != "" {
			blocks = append(blocks, operation.Blocks)
		}
	}
	return strings.Join(blocks, ", ")
}

// UnknownMigration says that an app or a migration is not in an image.
type UnknownMigration struct {
	Asked MigrationID
	// Apps are those that there are, where the app is unknown; Names are the
	// app's migrations, where that is known.
	Apps, Names []string
}

// Error names the nearest.
func (u *UnknownMigration) Error() string {
	if u.Names == nil {
		return "no app " + u.Asked.App + " has migrations" + suggestion(u.Asked.App, u.Apps)
	}
	return "app " + u.Asked.App + " has no migration " + u.Asked.Name + suggestion(u.Asked.Name, u.Names)
}

// ExitStatus is what mage exits with.
func (u *UnknownMigration) ExitStatus() int { return ExitUsage }

// suggestion is the rest of a sentence about a name that does not exist.
func suggestion(asked string, known []string) string {
	if near := Nearest(asked, known, 3); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "; there is " + strings.Join(known, ", ")
}

// MigrationFailure is a migration that could not be applied or undone.
type MigrationFailure struct {
	// Migration is the one that failed; zero where none had begun.
	Migration MigrationID
	// Applied are those of the command that are done, in their order.
	Applied []MigrationID
	// Half says that a part of the failed one may be done, as it is not
	// transactional.
	Half bool
	// Waited says that it never got the lock it needs.
	Waited bool
	Err    error
}

// Error gives the migration and the cause.
func (m *MigrationFailure) Error() string {
	if m.Migration == (MigrationID{}) {
		return m.Err.Error()
	}
	return "migration " + m.Migration.String() + ": " + m.Err.Error()
}

// Unwrap gives the cause.
func (m *MigrationFailure) Unwrap() error { return m.Err }
