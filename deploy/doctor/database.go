package doctor

import (
	"fmt"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What the database does to the services.
const (
	CauseDatabaseDown        Cause = "database-down"
	CauseDatabaseHangs       Cause = "database-hangs"
	CauseDatabaseConnections       = Cause(deploy.SymptomDatabaseConnections)
	CauseDatabasePassword          = Cause(deploy.SymptomDatabasePassword)
	CauseDatabaseMissing           = Cause(deploy.SymptomDatabaseMissing)
	CauseDatabaseStarting          = Cause(deploy.SymptomDatabaseStarting)
	CauseDatabaseName              = Cause(deploy.SymptomDatabaseName)
	CauseDatabaseUnreachable       = Cause(deploy.SymptomDatabaseUnreachable)
)

// databaseRules are about Postgres. Most show on health checks, at the start of
// a container, or in a migration alike.
var databaseRules = []rule{
	{CauseDatabaseDown, "health checks fail: the database's container does not run", supply, storeDown(RoleDatabase, "the database")},
	{CauseDatabaseHangs, "all is slow and health checks time out: the database takes connections and says nothing", supply, databaseHangs},
	{CauseDatabaseConnections, "health checks fail now and then: too many clients already", supply, databaseConnections},
	{CauseDatabasePassword, "health checks fail: password authentication failed", supply, saying(deploy.SymptomDatabasePassword, databasePassword)},
	{CauseDatabaseMissing, "health checks fail: database or role does not exist", supply, saying(deploy.SymptomDatabaseMissing, func(e *Evidence, h heard) Finding {
		return Finding{
			Title: "the database has no database or user of that name",
			Fix:   "See which there are: " + e.psql("-c '\\l' -c '\\du'") + "; then correct the name in .env: mage env:push " + e.Environment,
		}
	})},
	{CauseDatabaseStarting, "health checks fail for a while: the database system is starting up", supply, databaseStarting},
	{CauseDatabaseName, "health checks fail: the database's host name is not known", supply, saying(deploy.SymptomDatabaseName, databaseName)},
	{CauseDatabaseUnreachable, "health checks fail: connection to the database refused, or no answer", supply, saying(deploy.SymptomDatabaseUnreachable, func(e *Evidence, h heard) Finding {
		if e.down(RoleDatabase) {
			return Finding{} // which is said already
		}
		return Finding{
			Title: h.who() + " does not reach the database",
			Fix:   "Compare host and port in .env with the database's service; its own log: mage logs " + e.nameOf(RoleDatabase, "postgres"),
		}
	})},
}

// nameOf is the service of a role; otherwise where none is known.
func (e *Evidence) nameOf(role Role, otherwise string) string {
	if services := e.named(role); len(services) > 0 {
		return services[0].Name
	}
	return otherwise
}

// containerOf is a container of a role, for commands that are typed.
func (e *Evidence) containerOf(role Role, otherwise string) string {
	for _, service := range e.named(role) {
		for _, container := range e.of(service.Name) {
			return container.Name
		}
	}
	return otherwise
}

// psql is a command in the database's container.
func (e *Evidence) psql(arguments string) string {
	return "docker exec " + e.containerOf(RoleDatabase, "POSTGRES") + ` sh -c 'psql -U "$POSTGRES_USER" ` + strings.ReplaceAll(arguments, "'", `"`) + `'`
}

// down says whether a service of a role has no container that runs.
func (e *Evidence) down(role Role) bool {
	if !e.observed() {
		return false
	}
	for _, service := range e.named(role) {
		running := false
		for _, container := range e.of(service.Name) {
			running = running || container.Running()
		}
		if !running {
			return true
		}
	}
	return false
}

// storeDown finds the services of a role that do not run.
func storeDown(role Role, called string) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		var findings []Finding
		for _, service := range e.named(role) {
			containers := e.of(service.Name)
			if e.Engine != "" || e.Serving == "" || !e.observed() {
				continue
			}
			if len(containers) == 0 {
				fix := "mage deploy:here " + e.Serving + " makes it anew, on the volume that it had"
				if role == RoleDatabase {
					fix += "; where that is gone it comes up empty: mage backup:restore"
				}
				findings = append(findings, Finding{Title: service.Name + ", " + called + ", has no container", Fix: fix})
				continue
			}
			container := containers[0]
			if container.Running() || container.Status == deploy.StatusPaused {
				continue
			}
			findings = append(findings, Finding{
				Title:    fmt.Sprintf("%s, %s, does not run: %s", service.Name, called, container.ended()),
				Evidence: last(container.Lines, 2),
				Fix:      "docker start " + container.Name + "; if it ends again: mage logs " + service.Name,
			})
		}
		return findings
	}
}

// last are the last lines that say something.
func last(text []string, count int) []string {
	text = lines(strings.Join(text, "\n"))
	return text[max(0, len(text)-count):]
}

func databaseHangs(e *Evidence) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		if !strings.Contains(database.Problem, "no answer within") || e.down(RoleDatabase) {
			continue
		}
		findings = append(findings, Finding{
			Title: database.Service + ", the database, runs and does not answer", Evidence: lines(database.Problem),
			Fix: "Look what it does: docker top " + database.Container + ", mage logs " + database.Service + "; then: docker restart " + database.Container,
		})
	}
	return findings
}

// connectionsFull and connectionsMany are shares of max_connections.
const (
	connectionsFull = 0.97
	connectionsMany = 0.85
)

func databaseConnections(e *Evidence) []Finding {
	var findings []Finding
	finding := Finding{
		Title: "the database's connections are used up",
		Fix:   "See who has them: " + e.psql("-c 'SELECT application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2'") + "; end those that are forgotten, or raise max_connections",
	}
	for _, database := range e.Databases {
		if len(deploy.Signs(database.Problem)) > 0 && deploy.Signs(database.Problem)[0].Symptom == deploy.SymptomDatabaseConnections {
			finding.Evidence = lines(database.Problem)
			findings = append(findings, finding)
		}
		if database.MaxConnections > 0 && float64(database.Connections) >= connectionsFull*float64(database.MaxConnections) {
			finding.Evidence = []string{database.connections()}
			findings = append(findings, finding)
		}
	}
	return append(findings, saying(deploy.SymptomDatabaseConnections, func(*Evidence, heard) Finding {
		return Finding{Title: finding.Title, Fix: finding.Fix}
	})(e)...)
}

// connections says how many are there, and what they do.
func (d Database) connections() string {
	text := fmt.Sprintf("%d of %d connections", d.Connections, d.MaxConnections)
	for _, state := range sortedByCount(d.States) {
		text += fmt.Sprintf(", %d %s", d.States[state], state)
	}
	return text
}

func databasePassword(e *Evidence, h heard) Finding {
	return Finding{
		Title: "the database refuses the password of " + h.who(),
		Fix: "The database keeps the password it was made with. Put that into .env (mage env:push " + e.Environment +
			"), or give it the new one: docker exec -it " + e.containerOf(RoleDatabase, "POSTGRES") + ` sh -c 'psql -U "$POSTGRES_USER" -c "\password"'`,
	}
}

func databaseStarting(e *Evidence) []Finding {
	var findings []Finding
	name := e.nameOf(RoleDatabase, "postgres")
	finding := Finding{
		Title: "the database is starting, stopping or recovering",
		Fix:   "Wait, and look again; what it does: mage logs " + name + " -follow",
	}
	for _, database := range e.Databases {
		for _, sign := range deploy.Signs(database.Problem) {
			if sign.Symptom == deploy.SymptomDatabaseStarting {
				finding.Evidence = []string{sign.Line}
				findings = append(findings, finding)
			}
		}
	}
	return append(findings, saying(deploy.SymptomDatabaseStarting, func(*Evidence, heard) Finding {
		return Finding{Title: finding.Title, Fix: finding.Fix}
	})(e)...)
}

func databaseName(e *Evidence, h heard) Finding {
	if e.down(RoleDatabase) {
		return Finding{} // its name goes with its container
	}
	return Finding{
		Title: "the database's host name, as " + h.who() + " has it, is not known in the project's network",
		Fix:   "The name is the service's: " + e.nameOf(RoleDatabase, "postgres") + ". Correct the address in .env (mage env:push " + e.Environment + "), or give both services one network.",
	}
}
