package starter

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checked is what a health check asks by HTTP.
type checked struct {
	port int
	path string
}

var checkAddress = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(/[^\s'"|;)\]]*)?`)

// checkOf takes the address out of a service's own health check.
func checkOf(f *facts) checked {
	found := checkAddress.FindStringSubmatch(expand(f.checkURL))
	if found == nil {
		return checked{}
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		number = 80
	}
	return checked{port: number, path: found[2]}
}

// healthPath is what the deployer asks a new container, and why that.
func healthPath(g *guess) (path, why string, sure bool) {
	if found := checkOf(g.facts); found.path != "" && found.port == g.port {
		return found.path, "its own health check asks this", true
	}
	if g.software != nil && g.software.health != "" && g.software.health != "/" {
		return g.software.health, "what " + g.software.what + " has for it", true
	}
	process := g.facts.process
	switch {
	case strings.Contains(process, "rails") || strings.Contains(process, "puma") || slices.Contains(g.facts.markers, "bin/rails"):
		return "/up", "what Rails has for it since 7.1", true
	case strings.Contains(process, "artisan") || slices.Contains(g.facts.markers, "artisan"):
		return "/up", "what Laravel has for it since 11", true
	case strings.Contains(process, "spring") || g.facts.environment["SPRING_DATASOURCE_URL"] != nil || g.facts.environment["SPRING_PROFILES_ACTIVE"] != nil:
		return "/actuator/health", "what Spring Boot Actuator has for it", true
	}
	return "/", "nothing says a better one", false
}

// commandCheck is the health check that a service without one gets, from its
// kind; nil where none works for every image.
func commandCheck(g *guess) []any {
	if g.kind == KindWorker || g.kind == KindScheduler {
		return workerCheck(g)
	}
	if g.software == nil {
		return nil
	}
	shell := func(line string) []any { return []any{"CMD-SHELL", line} }
	switch g.software.what {
	case "Postgres":
		return shell(`pg_isready -q -h 127.0.0.1 -U "$${POSTGRES_USER:-postgres}"`)
	case "MySQL":
		return shell("mysqladmin ping -h 127.0.0.1 --silent")
	case "MariaDB":
		return []any{"CMD", "healthcheck.sh", "--connect", "--innodb_initialized"}
	case "MongoDB":
		return []any{"CMD", "mongosh", "--quiet", "--eval", "db.adminCommand('ping').ok"}
	case "Redis":
		return []any{"CMD", "redis-cli", "ping"}
	case "Valkey":
		if g.facts.software == "valkey" {
			return []any{"CMD", "valkey-cli", "ping"}
		}
	case "RabbitMQ":
		return []any{"CMD", "rabbitmq-diagnostics", "-q", "ping"}
	case "ClickHouse":
		return shell("wget -q -O- http://127.0.0.1:8123/ping")
	case "MinIO":
		return []any{"CMD", "mc", "ready", "local"}
	}
	return nil
}

var celeryApp = regexp.MustCompile(`celery\s+(?:-a|--app)[ =]([\w.:]+)`)

// workerCheck asks a Celery worker itself; others have no command for it.
func workerCheck(g *guess) []any {
	found := celeryApp.FindStringSubmatch(g.facts.process)
	if found == nil || g.kind != KindWorker {
		return nil
	}
	// The name as it is written: the process is kept in small letters.
	written := words(g.facts.raw["command"])
	if at := strings.Index(strings.ToLower(written), found[1]); at >= 0 {
		return []any{"CMD-SHELL", `celery -A ` + written[at:at+len(found[1])] + ` inspect ping -d "celery@$$HOSTNAME"`}
	}
	return nil
}
