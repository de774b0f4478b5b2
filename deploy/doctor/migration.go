package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Why a migration does not get through.
const (
	CauseMigrationConflict       = Cause(deploy.SymptomMigrationConflict)
	CauseMigrationParent         = Cause(deploy.SymptomMigrationParent)
	CauseMigrationLock           = Cause(deploy.SymptomMigrationLock)
	CauseMigrationSQL            = Cause(deploy.SymptomSQL)
	CauseSchemaBehind            = Cause(deploy.SymptomSchemaBehind)
	CauseMigrationFailed   Cause = "migration-failed"
)

// migrationRules are about the step of a deploy that changes the database. That
// it does not reach it at all is the database's.
var migrationRules = []rule{
	{CauseMigrationConflict, "migration fails: conflicting migrations", program, saying(deploy.SymptomMigrationConflict, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: "two migrations follow the same one, or were applied in another order",
			Fix:   "python manage.py makemigrations --merge; commit what it makes, and deploy that",
		}
	})},
	{CauseMigrationParent, "migration fails: it depends on one that is not there", program, saying(deploy.SymptomMigrationParent, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: "a migration depends on one that the image does not have",
			Fix:   "Add the missing file (git status shows what is not committed), or mend dependencies in the one that names it; build and deploy again",
		}
	})},
	{CauseMigrationLock, "migration fails: lock timeout", program, migrationLock},
	{CauseSchemaBehind, "requests fail: relation or column does not exist", program, saying(deploy.SymptomSchemaBehind, func(e *Evidence, h heard) Finding {
		if e.migrating() && h.past {
			return Finding{Title: "a migration asks for what the database does not have", Fix: "See what is applied: mage migrate:status; mend the migration, and deploy again"}
		}
		return Finding{
			Title: h.who() + " asks for what the database does not have: a migration is not applied",
			Fix:   "See what is pending: mage migrate:plan; apply it: mage migrate:apply",
		}
	})},
	{CauseMigrationSQL, "migration fails: the database refuses a statement", program, saying(deploy.SymptomSQL, func(e *Evidence, h heard) Finding {
		if !e.migrating() || !h.past {
			return Finding{}
		}
		return Finding{
			Title: "the database refuses a statement of " + orElse(e.migration(), "the migration"),
			Fix:   "See the statement: mage migrate:plan -sql -version=" + e.Command.Version + "; mend the migration, and deploy again",
		}
	})},
	{CauseMigrationFailed, "migration fails for another reason", program, migrationFailed},
}

// migrating says whether the last command failed at the database's schema.
func (e *Evidence) migrating() bool {
	if e.Command == nil {
		return false
	}
	switch e.Command.Action {
	case deploy.ActionMigrate, deploy.ActionRevert:
		return true
	case "":
		return strings.Contains(strings.Join(e.Command.Lines, "\n"), "migration")
	}
	return false
}

var migrationName = regexp.MustCompile(`migration ([a-z_][\w.]*\.\d{4}_\w+)`)

// migration is the one that failed; empty where that is not known.
func (e *Evidence) migration() string {
	return firstGroup(migrationName, strings.Join(e.Command.Lines, "\n"))
}

func migrationLock(e *Evidence) []Finding {
	findings := saying(deploy.SymptomMigrationLock, func(e *Evidence, h heard) Finding {
		return Finding{
			Title: "a migration waited for a lock in vain: somebody else holds the table",
			Fix:   "End what holds it, then deploy again. " + e.holders(),
		}
	})(e)
	if len(findings) > 0 || !e.migrating() || !strings.Contains(strings.Join(e.Command.Lines, "\n"), "Somebody else holds a lock") {
		return findings
	}
	return []Finding{{
		Title: "a migration waited for a lock in vain: somebody else holds the table", Past: true,
		Services: compact(e.Command.Service), Evidence: e.Command.Lines[:min(2, len(e.Command.Lines))],
		Fix: "End what holds it, then deploy again. " + e.holders(),
	}}
}

func compact(name string) []string {
	return slices.DeleteFunc([]string{name}, func(name string) bool { return name == "" })
}

// holders says who has transactions open now, and how they are ended.
func (e *Evidence) holders() string {
	for _, database := range e.Databases {
		for _, query := range slices.Concat(database.Idle, database.Longest) {
			return fmt.Sprintf("Open for %s is PID %d (%s): %s", age(query.Age()), query.PID, query.State, e.terminate(query.PID))
		}
	}
	return "Who that is: " + e.psql("-c 'SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL'")
}

// terminate is what ends a connection of the database.
func (e *Evidence) terminate(pids ...int) string {
	var calls []string
	for _, pid := range pids {
		calls = append(calls, fmt.Sprintf("pg_terminate_backend(%d)", pid))
	}
	return e.psql("-c 'SELECT " + strings.Join(calls, ", ") + "'")
}

func migrationFailed(e *Evidence) []Finding {
	if !e.migrating() || e.Command.Action == "" {
		return nil
	}
	return []Finding{{
		Title: orElse(e.migration(), "a migration") + " failed", Past: true, Services: compact(e.Command.Service),
		Evidence: last(e.Command.Lines, 3),
		Fix:      "See what is applied: mage migrate:status; mend the migration, and deploy again",
	}}
}
