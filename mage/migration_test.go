//go:build integration

package mage_test

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// backupsBelow is the line of webshopCompose under which backups can be said.
const backupsBelow = "  watch: {slowdown: 100} # what else this machine does is not the release's fault\n"

// TestMigrationsLoseNothing deploys a release with each class of migration
// under load, and goes back from it: nothing is lost, or it is refused before
// anything is touched. In the end what a lossy one took comes back from the
// backup that the deploy took before it.
func TestMigrationsLoseNothing(t *testing.T) {
	alongside(t, webshops)
	versions := []deploytest.WebshopVersion{{Name: "v1.0.0"}}
	for _, kind := range []string{"additive", "guarded", "irreversible", "rename", "failing-halfway", "destructive"} {
		versions = append(versions, deploytest.WebshopVersion{Name: kind, Arguments: map[string]string{"EXTRA_MIGRATION": kind}})
	}
	w := newWebshop(t, versions...)
	traffic := w.lightTraffic()
	schema := w.schema()
	at := func(name string, test func(w *webshop)) {
		t.Run(name, func(t *testing.T) { test(w.in(t)) })
	}
	at("behind a lock", func(w *webshop) {
		// Somebody reads in a transaction that does not end.
		holder := w.holdsLock()
		w.configure("LOCK_TIMEOUT=200ms", "ATTEMPTS=2")
		refused := w.refuses(deploy.ExitFailed, "deploy:here", "additive")
		w.says(refused, "migration products.0017_product_barcode", "Somebody else holds a lock", "v1.0.0 serves, untouched")
		holder()
		w.configure()
	})
	at("failing half-way", func(w *webshop) {
		w.configure("ORDER=before")
		failed := w.Mage("deploy:here", "failing-halfway", "-env=test")
		w.says(failed, "migration products.0017_fails_halfway", "is not transactional: a part of it may be done", "v1.0.0 serves, untouched")
		if failed.Status != deploy.ExitFailed {
			w.T.Errorf("status %d", failed.Status)
		}
		w.query("ALTER TABLE products_product DROP COLUMN IF EXISTS barcode")
		w.same(schema)
		w.configure()
	})
	at("additive", func(w *webshop) {
		w.deploys("additive")
		w.says(w.refuses(deploy.ExitConsent, "migrate:revert", "products", "0016"), "additive serves and fails without products.0017_product_barcode", "mage rollback")
		w.says(w.MustMage("rollback", "v1.0.0", "-env=test"), "v1.0.0 runs with products.0017_product_barcode, which it does not know")
		w.serves("v1.0.0")
		// It runs in the image that contains it, whichever release serves.
		w.says(w.MustMage("migrate:revert", "products", "0016", "-plan", "-sql", "-env=test"),
			"in the image of backend additive", "products.0017_product_barcode", "DROP COLUMN \"barcode\"")
		w.says(w.MustMage("migrate:revert", "products", "0016", "-env=test"), "reverted products.0017_product_barcode", "[X] 0016_product_weight")
		w.same(schema)
	})
	at("not survived", func(w *webshop) {
		deployed := w.deploys("guarded")
		w.says(deployed, "behind the switch: v1.0.0 may not survive them", "blocks writes")
		w.refuses(deploy.ExitConsent, "rollback", "v1.0.0")
		w.MustMage("migrate:revert", "products", "0016", "-env=test")
		w.same(schema)
		w.MustMage("rollback", "v1.0.0", "-env=test")
	})
	at("needed and not survived", func(w *webshop) {
		refused := w.refuses(deploy.ExitConsent, "deploy:here", "rename")
		w.says(refused, "v1.0.0 fails once products.0017_", "it takes two releases")
		w.serves("v1.0.0")
		w.same(schema)
	})
	at("irreversible", func(w *webshop) {
		w.deploys("irreversible")
		w.says(w.refuses(deploy.ExitFailed, "migrate:revert", "products", "0016"), "cannot be undone whole: irreversible", "mage backup:restore")
		w.says(w.refuses(deploy.ExitFailed, "migrate:revert", "products", "0016", "-accept-data-loss"), "irreversible")
		w.says(w.refuses(deploy.ExitConsent, "rollback", "v1.0.0"), "it is not known whether v1.0.0 runs on a database with products.0017_")
		w.MustMage("rollback", "v1.0.0", "-accept-downtime", "-env=test")
		w.serves("v1.0.0")
		// Recorded, so that the next release's 0017 finds the schema that it needs.
		w.says(w.refuses(deploy.ExitUsage, "migrate:fake", "product", "0016"), "no app product has migrations; did you mean products?")
	})
	traffic.settle()
	at("lossy", func(w *webshop) { w.losesAndRestores() })
}

// losesAndRestores deploys a release that drops a column, with backups, and
// brings back what it took.
func (w *webshop) losesAndRestores() {
	w.T.Helper()
	// 0017 of the release before is applied: this one's has another name.
	w.query("DELETE FROM django_migrations WHERE app = 'products' AND name LIKE '0017%'")
	s3 := deploytest.NewS3(w.T, "backups")
	w.WriteCompose(strings.Replace(webshopCompose, backupsBelow,
		backupsBelow+"  backups: {service: postgres, bucket: backups, prefix: shop, endpoint: \""+s3.Endpoint+"\"}\n", 1))
	w.configure("BACKUP_ACCESS_KEY="+s3.AccessKey, "BACKUP_SECRET_KEY="+s3.SecretKey)
	w.query("UPDATE products_product SET legacy_code = 'kept-' || id")
	codes := w.query("SELECT count(*) FROM products_product WHERE legacy_code LIKE 'kept-%'")
	traffic := w.lightTraffic()
	refused := w.refuses(deploy.ExitFailed, "deploy:here", "destructive")
	w.says(refused, "there is no backup in bucket backups", "mage backup:take")
	w.serves("v1.0.0")
	// The serving release knows of no backups yet: it is recorded as it is
	// configured now.
	w.deploys("v1.0.0")
	w.says(w.MustMage("backup:take", "-env=test"), "rows in")
	w.says(w.MustMage("backup:check", "-env=test"), "readable")
	deployed := w.deploys("destructive")
	w.says(deployed, "backup    postgres", "loses data")
	w.says(w.refuses(deploy.ExitFailed, "rollback", "v1.0.0"), "cannot be undone whole: loses data", "nothing was touched")
	w.says(w.refuses(deploy.ExitFailed, "migrate:revert", "products", "0016"), "loses data", "-accept-data-loss")
	traffic.settle()
	listed := w.MustMage("backup:list", "-env=test").Output
	name := ""
	for line := range strings.Lines(listed) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "NAME" && strings.Contains(fields[0], "v1.0.0") {
			name = fields[0]
			break
		}
	}
	if name == "" {
		w.T.Fatalf("no backup of the deploy is listed:\n%s", listed)
	}
	w.says(w.MustMage("backup:drill", "-env=test"), "came back whole")
	w.says(w.MustMage("backup:restore", name, "-yes", "-env=test"), "Nobody could connect for", "mage backup:swapBack")
	w.MustMage("rollback", "v1.0.0", "-env=test")
	w.serves("v1.0.0")
	if now := w.query("SELECT count(*) FROM products_product WHERE legacy_code LIKE 'kept-%'"); now != codes {
		w.T.Errorf("%s of %s codes came back", now, codes)
	}
}

// refuses types a command that must end with that status and leave the schema
// and the containers as they are.
func (w *webshop) refuses(status int, command ...string) deploytest.Result {
	w.T.Helper()
	schema, containers := w.schema(), w.identifiers()
	result := w.Mage(append(command, "-env=test")...)
	if result.Status != status {
		w.T.Errorf("%s ended with status %d, not %d:\n%s", strings.Join(command, " "), result.Status, status, result.Output)
	}
	w.same(schema)
	if now := w.identifiers(); len(now) != len(containers) {
		w.T.Errorf("containers before: %v\nafter: %v", containers, now)
	}
	return result
}

func (w *webshop) says(result deploytest.Result, texts ...string) {
	w.T.Helper()
	says(w.T, result, texts...)
}

func (w *webshop) serves(version string) {
	w.T.Helper()
	if release, _ := w.ask("GET", "/api/products/", nil); release != version {
		w.T.Errorf("%s serves, not %s", release, version)
	}
}

// schema is the database's, as Postgres writes it.
func (w *webshop) schema() string {
	w.T.Helper()
	var kept []string
	for line := range strings.Lines(w.inPostgres("pg_dump", "-U", "webshop", "-d", "webshop", "--schema-only", "--no-comments")) {
		if !strings.HasPrefix(line, "\\restrict") && !strings.HasPrefix(line, "\\unrestrict") { // a new word each time
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func (w *webshop) same(schema string) {
	w.T.Helper()
	if now := w.schema(); now != schema {
		w.T.Errorf("the schema is not as it was:\n%s\nwas\n%s", now, schema)
	}
}

// query runs a statement and gives its only value.
func (w *webshop) query(statement string) string {
	w.T.Helper()
	return strings.TrimSpace(w.inPostgres("psql", "-U", "webshop", "-d", "webshop", "-qtAc", statement))
}

// holdsLock has a session read the products in a transaction that stays open
// until the returned function is called.
func (w *webshop) holdsLock() (end func()) {
	w.T.Helper()
	const held = "SELECT pid FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep'"
	ctx, cancel := context.WithCancel(w.T.Context())
	var session sync.WaitGroup
	session.Go(func() {
		_ = exec.CommandContext(ctx, "docker", "exec", "-e", "PGAPPNAME=holder", w.postgres(), "psql", "-U", "webshop", "-d", "webshop",
			"-c", "BEGIN; LOCK TABLE products_product IN ACCESS SHARE MODE; SELECT pg_sleep(600)").Run() // it is ended
	})
	await(w.T, time.Minute, "a lock", func() bool { return w.query(held) != "" })
	return func() {
		w.T.Helper()
		w.query("SELECT pg_terminate_backend(pid) FROM (" + held + ") AS holder")
		cancel()
		session.Wait()
	}
}

func (w *webshop) inPostgres(command ...string) string {
	w.T.Helper()
	return w.Exec(w.postgres(), command...)
}

// postgres is the database's container.
func (w *webshop) postgres() string {
	w.T.Helper()
	for _, one := range w.Containers(false) {
		if one.Labels["com.docker.compose.service"] == "postgres" {
			return one.ID
		}
	}
	w.T.Fatal("no database runs")
	return ""
}
