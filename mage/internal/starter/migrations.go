package starter

import (
	"regexp"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// framework is one whose migrations are known from its command lines.
type framework struct {
	name string
	// process is what its command lines have, marker a file of its source.
	process *regexp.Regexp
	marker  string
	keys    []string
	// atStart is what a command line has that migrates before it serves.
	atStart                *regexp.Regexp
	pending, apply, revert []string
	// none says what it has no command for.
	none string
}

func shell(line string) []string { return []string{"sh", "-c", line} }

// frameworks are looked for in this order: the surest first.
var frameworks = []framework{
	{
		name: deploy.FrameworkDjango, process: regexp.MustCompile(`manage\.py|\.wsgi\b|\.asgi\b`), marker: "manage.py",
		keys: []string{"DJANGO_SETTINGS_MODULE", "DJANGO_SECRET_KEY", "DJANGO_DEBUG", "DJANGO_ALLOWED_HOSTS"}, atStart: regexp.MustCompile(`manage\.py\s+migrate`),
	},
	{
		name: "Rails", process: regexp.MustCompile(`\brails\b|\brake\b`), marker: "bin/rails", keys: []string{"RAILS_ENV", "RAILS_MASTER_KEY"},
		atStart: regexp.MustCompile(`db:(?:migrate|prepare|setup)`),
		pending: shell(`bin/rails db:migrate:status | awk '$$1 == "down" {print $$2}'`),
		apply:   []string{"bin/rails", "db:migrate"}, revert: []string{"bin/rails", "db:migrate", "VERSION={migration}"},
	},
	{
		name: "Laravel", process: regexp.MustCompile(`\bartisan\b`), marker: "artisan", atStart: regexp.MustCompile(`artisan\s+migrate`),
		pending: shell(`php artisan migrate:status | awk '/ Pending *$$/ {print $$1}'`),
		apply:   []string{"php", "artisan", "migrate", "--force"}, none: "Laravel has no command that goes back to a named migration",
	},
	{
		name: "Prisma", process: regexp.MustCompile(`\bprisma\b`), marker: "prisma/schema.prisma", atStart: regexp.MustCompile(`prisma\s+(?:migrate|db\s+push)`),
		apply: []string{"npx", "prisma", "migrate", "deploy"}, none: "Prisma has no command that goes back, and none that lists what is pending one a line",
	},
	{
		name: "Alembic", process: regexp.MustCompile(`\balembic\b`), marker: "alembic.ini", atStart: regexp.MustCompile(`alembic\s+upgrade`),
		pending: shell(`alembic history -r current:head --indicate-current | awk '/->/ && !/\(current\)/ {sub(/,$$/, "", $$3); line[++n] = $$3} END {while (n) print line[n--]}'`),
		apply:   []string{"alembic", "upgrade", "head"}, revert: []string{"alembic", "downgrade", "{migration}"},
	},
	{
		name: "Flask-Migrate", process: regexp.MustCompile(`\bflask\s+db\b`), atStart: regexp.MustCompile(`flask\s+db\s+upgrade`),
		apply: []string{"flask", "db", "upgrade"}, revert: []string{"flask", "db", "downgrade", "{migration}"},
	},
	{
		name: "Doctrine", process: regexp.MustCompile(`doctrine:migrations`), atStart: regexp.MustCompile(`doctrine:migrations:migrate`),
		apply:  []string{"php", "bin/console", "doctrine:migrations:migrate", "--no-interaction"},
		revert: []string{"php", "bin/console", "doctrine:migrations:migrate", "--no-interaction", "{migration}"},
	},
	{
		name: "Knex", process: regexp.MustCompile(`knex\s+migrate`), atStart: regexp.MustCompile(`knex\s+migrate:latest`),
		apply: []string{"npx", "knex", "migrate:latest"}, none: "Knex has no command that goes back to a named migration",
	},
	{
		name: "Sequelize", process: regexp.MustCompile(`sequelize(?:-cli)?\s+db:migrate`), atStart: regexp.MustCompile(`sequelize(?:-cli)?\s+db:migrate`),
		apply: []string{"npx", "sequelize-cli", "db:migrate"}, revert: []string{"npx", "sequelize-cli", "db:migrate:undo:all", "--to", "{migration}"},
	},
	{
		name: "Ecto", process: regexp.MustCompile(`bin/migrate|ecto\.migrate`), marker: "mix.exs", atStart: regexp.MustCompile(`bin/migrate|ecto\.migrate|release\.migrate`),
		apply: []string{"bin/migrate"}, none: "a release of Phoenix has no command that goes back, unless Release.rollback is called with the repository",
	},
}

// speaks says whether a service is of the framework.
func (w framework) speaks(f *facts) bool {
	if w.process.MatchString(f.process) || slices.Contains(f.markers, w.marker) {
		return true
	}
	for _, key := range w.keys {
		if _, ok := f.environment[key]; ok {
			return true
		}
	}
	return false
}

// migrations decides which service's image has the migrations, and how they
// are applied.
func (d *drafter) migrations(guesses []*guess) {
	for _, found := range frameworks {
		for _, one := range guesses {
			if !found.speaks(one.facts) {
				continue
			}
			if target := d.carrier(one, guesses); target != nil {
				d.migrate(target, found)
				d.startMigrations(guesses, found)
				return
			}
		}
	}
	d.otherMigrations(guesses)
}

// carrier is the service that serves requests from the same image.
func (d *drafter) carrier(of *guess, guesses []*guess) *guess {
	serves := func(one *guess) bool {
		return !d.leaves[one.facts.name] && (one.kind == KindWeb || one.kind == KindUpstream || one.kind == KindAlone)
	}
	if serves(of) {
		return of
	}
	for _, one := range guesses {
		if serves(one) && sameImage(one.facts, of.facts) {
			return one
		}
	}
	return nil
}

// sameImage says whether two services run one image.
func sameImage(a, b *facts) bool {
	if a.built && b.built {
		return flow(a.raw["build"]) == flow(b.raw["build"])
	}
	return a.image != "" && a.image == b.image
}

func (d *drafter) migrate(target *guess, found framework) {
	name := target.facts.name
	if found.name == deploy.FrameworkDjango {
		d.migrating, d.migration = name, deploy.FrameworkDjango
		d.because = "Django's migrations, seen by its command, its variables or manage.py."
		return
	}
	said := pairs{}
	for _, one := range []struct {
		key     string
		command []string
	}{{"pending", found.pending}, {"apply", found.apply}, {"revert", found.revert}} {
		if one.command != nil {
			said = append(said, pair{key: one.key, value: one.command})
		}
	}
	d.migrating, d.migration = name, said
	d.because = found.name + "'s migrations. Try each command once in the container: they are what is usual, not what was seen."
	if found.none != "" {
		d.find(Judge, "services."+name, found.name+"'s migrations cannot be undone by a command", found.none+": `mage rollback` will leave the schema as it is, so write migrations that the release before survives.")
	}
}

const (
	atStart   = "migrates whenever a container starts, before the deploy has looked at what is pending"
	onlyServe = "Leave only what serves in the command; the deploy runs the migrations of x-deploy.migrations once, at the right moment."
)

// startMigrations finds what migrates by itself whenever a container starts.
func (d *drafter) startMigrations(guesses []*guess, found framework) {
	for _, one := range guesses {
		if one.kind != KindTask && found.atStart.MatchString(one.facts.process) {
			d.find(Judge, "services."+one.facts.name+".command", atStart, onlyServe)
		}
	}
}

// otherMigrations says what is known of migrations that no framework of these
// runs.
func (d *drafter) otherMigrations(guesses []*guess) {
	for _, one := range guesses {
		f := one.facts
		if one.software != nil && one.software.migrates {
			d.find(Judge, "services."+f.name, one.software.what+" migrates its database when it starts",
				"Read what a new version changes before deploying it: a rollback does not undo that.")
		}
		if one.kind != KindTask && strings.Contains(f.process, "migrate") {
			d.find(Judge, "services."+f.name+".command", atStart, onlyServe)
		}
		if !strings.Contains(f.name+" "+f.process+" "+f.software, "migrat") && f.software != "flyway" && f.software != "liquibase" || one.kind != KindTask {
			continue
		}
		target := d.carrier(one, guesses)
		command := arguments(f.raw["command"])
		if target == nil || target == one || len(command) == 0 || holds(words(f.raw["command"])) || f.raw["entrypoint"] != nil || d.migrating != "" {
			d.find(Blocks, "services."+f.name, "its migrations run in an image of their own, and a release runs them in the image of a service that serves",
				"Put the migrations and their program into that image, and say x-deploy: {migrations: {apply: […], pending: […], revert: […]}} there.")
			continue
		}
		d.migrating, d.migration = target.facts.name, pairs{{key: "apply", value: command}}
		d.because = "What the service " + f.name + " ran before. With pending and revert beside it, plans and rollbacks know more."
	}
	for _, one := range guesses {
		for _, key := range sortedKeys(one.facts.environment) {
			if one.facts.value(key) != "false" && (strings.HasPrefix(key, "SPRING_FLYWAY_") || strings.HasPrefix(key, "SPRING_LIQUIBASE_")) {
				d.find(Judge, "services."+one.facts.name+".environment."+key, "Spring Boot migrates the database when it starts, while the release before still serves",
					"Write migrations that the release before survives: columns are added first, and removed one release later.")
				return
			}
		}
	}
}
