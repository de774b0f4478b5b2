//go:build integration

package mage_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// inBackend puts a key into the backend's service of the Compose file.
func inBackend(line string) string {
	const at = "  backend:\n    extends: {file: webshop.yml, service: backend}\n"
	return strings.Replace(webshopCompose, at, at+"    "+line+"\n", 1)
}

// badConfigurations are Compose files and variables with which the webshop's
// backend does not start, or is not healthy: what Python, Django and Docker
// themselves say of them.
var badConfigurations = []struct {
	name    string
	compose string
	env     []string
	cause   doctor.Cause
	says    string
}{
	{"a syntax error", inBackend(`command: [python3, -c, "def shop(:"]`), nil, doctor.CauseSyntax, "SyntaxError"},
	{"a missing module", inBackend(`command: [python3, -c, "import stripe"]`), nil, doctor.CauseDependency, "stripe"},
	{"an error of its own", inBackend(`command: [python3, -c, "raise RuntimeError('the shop is closed')"]`), nil, doctor.CauseTraceback, "the shop is closed"},
	{"no right to a file", inBackend(`command: [python3, -c, "open('/etc/shadow')"]`), nil, doctor.CausePermission, "PermissionError"},
	{"ALLOWED_HOSTS", webshopCompose, []string{"BUDGET=20s", "ALLOWED_HOSTS=shop.example"}, doctor.CauseAllowedHosts, "ALLOWED_HOSTS"},
	{"another password", webshopCompose, []string{"BUDGET=20s", "OTHER_PASSWORD=not-the-one"}, doctor.CauseDatabasePassword, "password authentication failed"},
	{"another database", strings.Replace(webshopCompose, "5432/webshop?", "5432/shop?", 1), []string{"BUDGET=20s"}, doctor.CauseDatabaseMissing, "does not exist"},
	{"another host", strings.Replace(webshopCompose, "@postgres:5432", "@db:5432", 1), []string{"BUDGET=20s"}, doctor.CauseDatabaseName, "could not translate host name"},
	{"another port", strings.Replace(webshopCompose, "@postgres:5432", "@postgres:5431", 1), []string{"BUDGET=20s"}, doctor.CauseDatabaseUnreachable, "refused"},
	{"Redis by another name", strings.Replace(webshopCompose, "connect_timeout=20\"\n", "connect_timeout=20\"\n      REDIS_URL: redis://cache:6379/0\n", 1), []string{"BUDGET=20s"}, doctor.CauseRedisName, "cache"},
}

// badSchemas are releases whose migrations do not get through.
var badSchemas = []struct {
	extra string
	cause doctor.Cause
	says  string
}{
	{"conflict", doctor.CauseMigrationConflict, "--merge"},
	{"orphan", doctor.CauseMigrationParent, "0017_product_barcode"},
	{"duplicate", doctor.CauseMigrationSQL, "already exists"},
	{"failing", doctor.CauseMigrationFailed, "this migration fails on purpose"},
}

// TestTheDoctorKnowsWhatIsWrongWithAWebshop breaks what the webshop stands on;
// with -faults its configuration and its migrations too, each by a deploy.
func TestTheDoctorKnowsWhatIsWrongWithAWebshop(t *testing.T) {
	alongside(t, webshops)
	versions := []deploytest.WebshopVersion{{Name: "v1.0.0"}}
	if *everything {
		versions = append(versions, deploytest.WebshopVersion{Name: "additive", Arguments: map[string]string{"EXTRA_MIGRATION": "additive"}})
		for _, bad := range badSchemas {
			versions = append(versions, deploytest.WebshopVersion{Name: "with-" + bad.extra, Arguments: map[string]string{"EXTRA_MIGRATION": bad.extra}})
		}
	}
	w := newWebshop(t, versions...)
	well(t, w.Project)
	t.Run("stores", func(t *testing.T) { w.in(t).breaksStores() })
	if *everything {
		w.breaksReleases(t)
	}
}

func (w *webshop) breaksReleases(t *testing.T) {
	// A worker that lost its broker may have ended meanwhile; started by hand, its
	// restarts are counted anew.
	if err := w.Docker.ContainerRestart(t.Context(), w.id("worker"), container.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	w.Await("the end of the errors of what was broken before", func() bool {
		found, _ := askDoctor(t, w.Project)
		return len(found.Findings) == 0
	})
	t.Run("slow", func(t *testing.T) { w.in(t).slows() })
	for _, bad := range badSchemas {
		t.Run(bad.extra, func(t *testing.T) {
			w := w.in(t)
			w.configure("ORDER=before")
			result := w.Mage("deploy:here", "with-"+bad.extra, "-env=test")
			w.log(result)
			ended(t, result, deploy.ExitFailed, "cause: ", "("+string(bad.cause)+")")
			named(t, w.Project, bad.cause, bad.says)
		})
	}
	t.Run("a lock", func(t *testing.T) { w.in(t).waitsForLock() })
	for _, bad := range badConfigurations {
		t.Run(bad.name, func(t *testing.T) {
			w := w.in(t)
			w.WriteCompose(strings.Replace(bad.compose, "webshop:${POSTGRES_PASSWORD}@", "webshop:${OTHER_PASSWORD:-only-for-tests}@", 1))
			w.configure(bad.env...)
			result := w.Mage("deploy:here", "v1.0.0", "-env=test")
			w.log(result)
			ended(t, result, deploy.ExitFailed, "cause: ", "("+string(bad.cause)+")")
			named(t, w.Project, bad.cause, bad.says)
		})
	}
}

// id is the identifier of a service's container.
func (w *webshop) id(service string) string {
	w.T.Helper()
	for _, one := range w.Containers(true) {
		if one.Labels["com.docker.compose.service"] == service {
			return one.ID
		}
	}
	w.T.Fatalf("%s has no container", service)
	return ""
}

// healthy waits until the backend is.
func (w *webshop) healthy() {
	w.T.Helper()
	w.Await("the backend's health", func() bool {
		output, err := exec.CommandContext(w.T.Context(), "docker", "exec", w.id("backend"), "web-health").CombinedOutput()
		return err == nil && strings.Contains(string(output), "ok")
	})
}

// inBackground runs a command in a container until the returned function ends
// it.
func (w *webshop) inBackground(service string, command ...string) (end func()) {
	w.T.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.T.Context()))
	running := exec.CommandContext(ctx, "docker", append([]string{"exec", w.id(service)}, command...)...)
	if err := running.Start(); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(cancel)
	return func() {
		cancel()
		_ = running.Wait() // it was ended on purpose
	}
}

// sessions ends the connections of the database that match.
func (w *webshop) endSessions(where string) {
	w.T.Helper()
	w.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " + where)
}

func (w *webshop) breaksStores() {
	t := w.T
	for _, store := range []struct {
		service string
		down    doctor.Cause
	}{{"postgres", doctor.CauseDatabaseDown}, {"redis", doctor.CauseRedisDown}} {
		id := w.id(store.service)
		if err := w.Docker.ContainerStop(t.Context(), id, container.StopOptions{}); err != nil {
			t.Fatal(err)
		}
		named(t, w.Project, store.down, "docker start")
		if err := w.Docker.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
			t.Fatal(err)
		}
		w.healthy()
	}
	// What is stopped in the middle takes connections, and says nothing.
	inspected, err := w.Docker.ContainerInspect(t.Context(), w.id("redis"))
	if err != nil {
		t.Fatal(err)
	}
	freeze := func(signal syscall.Signal) {
		if err := syscall.Kill(inspected.State.Pid, signal); err != nil {
			t.Fatal(err)
		}
	}
	freeze(syscall.SIGSTOP)
	named(t, w.Project, doctor.CauseRedisHangs, "SLOWLOG")
	freeze(syscall.SIGCONT)
	w.healthy()

	w.Exec(w.id("redis"), "redis-cli", "CONFIG", "SET", "maxmemory", "500kb")
	named(t, w.Project, doctor.CauseRedisMemory, "maxmemory")
	w.Exec(w.id("redis"), "redis-cli", "CONFIG", "SET", "maxmemory", "0")

	w.query("ALTER USER webshop PASSWORD 'another-for-tests'")
	named(t, w.Project, doctor.CauseDatabasePassword, "password authentication failed")
	w.query("ALTER USER webshop PASSWORD 'only-for-tests'")

	end := w.inBackground("backend", "python3", "-c", `
import os, psycopg2, time
kept = []
for number in range(300):
    try:
        kept.append(psycopg2.connect(os.environ["DATABASE_URL"], application_name="hoarder"))
    except psycopg2.OperationalError:
        break
while not os.path.exists("/tmp/enough"):
    time.sleep(0.1)
`)
	w.Await("all connections to be taken", func() bool {
		output, err := exec.CommandContext(t.Context(), "docker", "exec", w.id("postgres"), "psql", "-U", "webshop", "-qAtc",
			"SELECT count(*) > 180 FROM pg_stat_activity WHERE application_name = 'hoarder'").CombinedOutput()
		return err != nil && strings.Contains(string(output), "too many clients") || strings.TrimSpace(string(output)) == "t"
	})
	named(t, w.Project, doctor.CauseDatabaseConnections, "max_connections")
	w.Exec(w.id("backend"), "touch", "/tmp/enough")
	end()
	w.healthy()
	w.Await("the connections to be given back", func() bool {
		output, err := exec.CommandContext(t.Context(), "docker", "exec", w.id("postgres"), "psql", "-U", "webshop", "-qAtc",
			"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'hoarder'").CombinedOutput()
		return err == nil && strings.TrimSpace(string(output)) == "t"
	})
}

// slows makes the stores slow in the ways that their statistics show.
func (w *webshop) slows() {
	t := w.T
	hold := w.inBackground("postgres", "psql", "-U", "webshop", "-c", "BEGIN; LOCK TABLE products_category; SELECT pg_sleep(120)")
	waiting := w.inBackground("postgres", "psql", "-U", "webshop", "-c", "SELECT count(*) FROM products_category")
	w.Await("a query that waits", func() bool {
		return w.query("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query_start < now() - interval '2.5 seconds'") == "t"
	})
	named(t, w.Project, doctor.CauseBlocked, "pg_terminate_backend")
	hold()
	waiting()
	w.endSessions("query LIKE '%products_category%'")

	w.query("CREATE TABLE reviews AS SELECT n AS id, n % 97 AS product FROM generate_series(1, 20000) AS n; ANALYZE reviews")
	w.query(strings.Repeat("SELECT count(*) FROM reviews WHERE product = 3;", 60))
	w.Await("the statistics of the scans", func() bool {
		return w.query("SELECT seq_scan >= 50 FROM pg_stat_user_tables WHERE relname = 'reviews'") == "t"
	})
	named(t, w.Project, doctor.CauseIndex, "reviews")
	w.query("DROP TABLE reviews")

	// A cache that a release no longer finds anything in.
	w.Exec(w.id("redis"), "redis-cli", "SET", "cache:1", "x", "EX", "600")
	w.Exec(w.id("redis"), "redis-cli", "EVAL", "for n = 1, 5000 do redis.call('GET', 'cache:new:' .. n) end", "0")
	named(t, w.Project, doctor.CauseRedisMisses, "lookups hit")
	w.Exec(w.id("redis"), "redis-cli", "DEL", "cache:1")
	w.Exec(w.id("redis"), "redis-cli", "CONFIG", "RESETSTAT")
	well(t, w.Project)
}

// waitsForLock deploys a migration under which somebody holds the table.
func (w *webshop) waitsForLock() {
	t := w.T
	w.configure("LOCK_TIMEOUT=300ms", "ATTEMPTS=1")
	hold := w.inBackground("postgres", "psql", "-U", "webshop", "-c", "BEGIN; LOCK TABLE products_product IN ACCESS SHARE MODE; SELECT pg_sleep(120)")
	w.Await("the lock", func() bool {
		return w.query("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'products_product'::regclass AND mode = 'AccessShareLock' AND pid <> pg_backend_pid()") == "t"
	})
	result := w.Mage("deploy:here", "additive", "-env=test")
	w.log(result)
	ended(t, result, deploy.ExitFailed, "cause: ", fmt.Sprintf("(%s)", doctor.CauseMigrationLock))
	named(t, w.Project, doctor.CauseMigrationLock, "pg_terminate_backend")
	hold()
	w.endSessions("query LIKE '%products_product IN ACCESS%'")
	w.configure()
}
