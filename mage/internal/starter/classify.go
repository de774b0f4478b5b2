package starter

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// guess is what a service is taken for.
type guess struct {
	facts  *facts
	kind   Kind
	reason string
	// software is nil for what is judged by its command and ports.
	software *software
	// port is where a web service is asked, entry the port that published it.
	port  int
	entry *port
	// why is what keeps an application from running twice, instead what would
	// let it.
	why, instead string
}

// classify guesses what each service is, each guess with its reason.
func classify(project *Project) []*guess {
	var guesses []*guess
	for _, name := range project.services() {
		one := &guess{facts: newFacts(project, name)}
		one.guess()
		guesses = append(guesses, one)
	}
	onceOnly(guesses)
	edges(guesses)
	return guesses
}

// processes are what a command line says, the surest first.
var processes = []struct {
	kind  Kind
	words []string
	port  int
}{
	{KindScheduler, []string{"celery beat", "beat", "schedule:work", "schedule:run", "supercronic", "ofelia", "crond", "cron", "clockwork", "rqscheduler", "rq-scheduler", "scheduler"}, 0},
	{KindWeb, []string{"flower"}, 5555},
	{KindWorker, []string{"celery", "sidekiq", "queue:work", "queue:listen", "horizon", "rq", "rqworker", "dramatiq", "huey", "arq", "resque", "delayed_job", "jobs:work", "good_job", "bin/jobs", "solid_queue", "messenger:consume", "faktory", "bullmq", "qcluster", "worker"}, 0},
	{KindUpstream, []string{"php-fpm"}, 0},
	{KindWeb, []string{"gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve", "runserver", "fastapi"}, 8000},
	{KindWeb, []string{"flask"}, 5000},
	{KindWeb, []string{"artisan serve", "octane:start", "octane:frankenphp"}, 8000},
	{KindWeb, []string{"puma", "rails server", "rails s", "thrust", "unicorn", "passenger"}, 3000},
	{KindWeb, []string{"next start", "next dev", "server.js", "next"}, 3000},
	{KindWeb, []string{"phx.server", "bin/server"}, 4000},
	{KindWeb, []string{"npm start", "npm run start", "yarn start", "pnpm start", "npm run dev", "yarn dev", "pnpm dev"}, 3000},
	{KindWeb, []string{"apache2-foreground", "nginx", "httpd", "caddy", "frankenphp"}, 80},
	{KindWeb, []string{"dotnet"}, 8080},
}

var tasks = regexp.MustCompile(`^(?:sh -c |bash -c )?['"]?(?:python3? manage\.py|bundle exec|bin/rails|rails|rake|php artisan|npx|alembic|mix|flask db|yarn|npm run|\S*/?bin/migrate|flyway)\b[^&]*\b(?:migrate|upgrade|db:prepare|db:setup|seed|collectstatic|createbuckets)\b[^&]*$`)

// names are what people call services of which the file says nothing else.
var names = []struct {
	kind  Kind
	parts []string
}{
	{KindTask, []string{"migrate", "migrations", "migrator", "init", "setup", "seed"}},
	{KindScheduler, []string{"beat", "scheduler", "cron", "clock", "crontab"}},
	{KindWorker, []string{"worker", "workers", "queue", "jobs", "consumer", "sidekiq", "celery", "horizon"}},
}

func (g *guess) guess() {
	f := g.facts
	if found, ok := recognize(f); ok {
		g.recognized(&found)
		return
	}
	if strings.HasSuffix(deploy.Tag(f.image), "fpm") || strings.Contains(deploy.Tag(f.image), "fpm-") || strings.Contains(deploy.Tag(f.image), "-fpm") {
		if f.process == "" {
			g.set(KindUpstream, "its image is PHP-FPM")
			return
		}
	}
	if tasks.MatchString(f.process) {
		g.set(KindTask, "its command is a task that ends")
		return
	}
	byCommand := g.fromProcess()
	if byCommand != "" && byCommand != KindWeb {
		return
	}
	if slices.ContainsFunc(f.ports, func(p port) bool { return p.http() && debugging[p.target] == "" }) {
		if byCommand == "" {
			g.set(KindWeb, "it publishes a port, and its image is none of a database's")
		}
		g.choosePort(0)
		return
	}
	if byCommand != "" {
		return
	}
	if kind, part := named(f.name); kind != "" {
		g.set(kind, "it is called "+part)
		return
	}
	if len(f.expose) > 0 {
		g.set(KindWeb, "it exposes a port, and its image is none of a database's")
		g.choosePort(0)
		return
	}
	if checked := checkOf(f); checked.port != 0 {
		g.set(KindWeb, "its health check asks it by HTTP")
		g.choosePort(checked.port)
		return
	}
	g.set(KindOther, "neither its image nor its command nor a port says what it does")
}

func (g *guess) set(kind Kind, reason string) { g.kind, g.reason = kind, reason }

func (g *guess) recognized(found *software) {
	g.software = found
	g.set(found.kind, "its image is "+found.what)
	// The same image may run as something else: a worker of n8n, cron of Nextcloud.
	if found.kind == KindWeb || found.kind == KindAlone {
		was := g.reason
		if kind := g.fromProcess(); kind == KindWorker || kind == KindScheduler {
			return
		}
		g.set(found.kind, was)
		if strings.Contains(deploy.Tag(g.facts.image), "fpm") {
			g.set(KindUpstream, was+" as PHP-FPM")
			found.health = "" // nothing answers HTTP there
		}
		if g.why, g.instead = found.standsAlone(g.facts); g.why != "" {
			g.kind = KindAlone
		}
		g.choosePort(found.port)
	}
}

// embedded is how Celery's worker is told to be the scheduler, too.
var embedded = regexp.MustCompile(`\bworker\b.*\s(?:-b|--beat)\b`)

// fromProcess looks at the command line; empty where it says nothing.
func (g *guess) fromProcess() Kind {
	if _, celery := g.facts.runs("celery"); celery && embedded.MatchString(g.facts.process) {
		g.set(KindScheduler, "its command has a scheduler in Celery's worker")
		return KindScheduler
	}
	for _, one := range processes {
		if word, found := g.facts.runs(one.words...); found {
			g.set(one.kind, fmt.Sprintf("its command has %q", word))
			if one.kind == KindWeb {
				g.choosePort(one.port)
			}
			return one.kind
		}
	}
	return ""
}

// choosePort decides where a web service is asked: what it publishes, what it
// exposes, what its command or its health check says, or what is usual.
func (g *guess) choosePort(usual int) {
	f := g.facts
	var candidates []*port
	for at := range f.ports {
		if p := &f.ports[at]; p.http() && (debugging[p.target] == "" || p.target == usual) {
			candidates = append(candidates, p)
		}
	}
	for _, p := range candidates {
		if p.target == usual {
			g.entry, g.port = p, usual
			return
		}
	}
	if len(candidates) > 0 {
		g.entry, g.port = candidates[0], candidates[0].target
		return
	}
	g.port = usual
	if checked := checkOf(f).port; checked != 0 {
		g.port = checked
	}
	if said := boundPort(f.process); said != 0 {
		g.port = said
	}
	if said, err := strconv.Atoi(f.value("PORT")); err == nil {
		g.port = said
	}
	if len(f.expose) > 0 {
		g.port = f.expose[0]
	}
}

func named(name string) (Kind, string) {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	for _, one := range names {
		for _, part := range parts {
			if slices.Contains(one.parts, part) {
				return one.kind, part
			}
		}
	}
	return "", ""
}

// onceOnly finds the tasks by what others wait for, and the applications that
// must not run twice by what they keep or publish.
func onceOnly(guesses []*guess) {
	for _, one := range guesses {
		for name, condition := range one.facts.dependencies() {
			for _, other := range guesses {
				if other.facts.name == name && condition == "service_completed_successfully" {
					other.set(KindTask, one.facts.name+" waits for its end")
				}
			}
		}
	}
	for _, one := range guesses {
		if one.kind == KindWorker && sqliteIn(one.facts) != "" && one.facts.owns() {
			one.set(KindScheduler, one.reason+", and it writes an SQLite file")
		}
		if one.kind != KindWeb {
			continue
		}
		if why := sqliteIn(one.facts); why != "" && one.facts.owns() {
			one.set(KindAlone, one.reason)
			one.why, one.instead = sqlite, "move the data to a database server ("+why+" names the file)"
		}
		for _, p := range one.facts.ports {
			if !p.http() {
				one.set(KindAlone, one.reason)
				one.why = fmt.Sprintf("it publishes port %d, which an HTTP proxy does not carry", p.target)
				one.instead = "serve that port by a service of its own"
			}
		}
	}
}

var sqliteFile = regexp.MustCompile(`(?i)sqlite|^file:.*\.db\b|[/\w]\.(?:db|sqlite3?|db3)$`)

// sqliteIn gives the variable that names an SQLite file; empty for none.
func sqliteIn(f *facts) string {
	for _, key := range sortedKeys(f.environment) {
		if sqliteFile.MatchString(expand(text(f.environment[key]))) {
			return key
		}
	}
	return ""
}

// edges finds what ends TLS: a reverse proxy before other services, or an
// application by itself.
func edges(guesses []*guess) {
	var serving int
	for _, one := range guesses {
		if one.kind == KindWeb || one.kind == KindAlone {
			serving++
		}
	}
	for _, one := range guesses {
		if one.kind != KindWeb || !slices.ContainsFunc(one.facts.ports, port.tls) {
			continue
		}
		_, process := one.facts.runs("nginx", "caddy", "httpd")
		server := one.software != nil && one.software.what == "a web server" || process
		if server && serving > 1 {
			one.set(KindEdge, "it publishes 443 before the other services")
			continue
		}
		one.set(KindAlone, one.reason)
		one.why = "it ends TLS on port 443, and the proxy carries plain HTTP"
		one.instead = fmt.Sprintf("end TLS before it, on the host or at the provider, and have it answer plain HTTP on port %d alone", one.port)
	}
}

// served refuses a project in which nothing answers HTTP.
func served(project *Project, guesses []*guess) error {
	var what []string
	for _, one := range guesses {
		if one.kind == KindWeb || one.kind == KindAlone {
			return nil
		}
		what = append(what, fmt.Sprintf("%s (%s: %s)", one.facts.name, one.kind, one.reason))
	}
	return &deploy.Failure{
		Status: deploy.ExitUsage,
		Err:    fmt.Errorf("no service in %s answers HTTP, as far as the file says: %s", project.File, strings.Join(what, "; ")),
		Hint:   `Give the one that does expose: ["8000"], with its own port, and run this again.`,
	}
}
