//go:build integration

package django

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// watcher is where a migrator tells what it does; once it says some text,
// something happens.
type watcher struct {
	mu   sync.Mutex
	said bytes.Buffer
	text string
	once sync.Once
	do   func()
}

func when(text string, do func()) *watcher { return &watcher{text: text, do: do} }

func (w *watcher) Write(content []byte) (int, error) {
	w.mu.Lock()
	w.said.Write(content)
	heard := strings.Contains(w.said.String(), w.text)
	w.mu.Unlock()
	if heard {
		w.once.Do(func() { go w.do() })
	}
	return len(content), nil
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

// signal sends a signal to the one-off container that works on a database, once
// a statement of it runs there that contains a text.
func (s *stack) signal(t *testing.T, database, statement, signal string) {
	t.Helper()
	s.Await("a statement "+statement, func() bool {
		return s.sql(t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = '"+database+
			"' AND application_name = 'deploy migrations' AND query LIKE '%"+statement+"%'") == "1"
	})
	ctx := context.Background()
	found, err := s.Docker.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", deploytest.Label+"="+s.Name))})
	if err != nil {
		t.Error(err)
	}
	for _, one := range found {
		inspected, err := s.Docker.ContainerInspect(ctx, one.ID)
		if err != nil || !strings.Contains(strings.Join(inspected.Config.Env, "\n")+"\n", "@postgres:5432/"+database+"\n") {
			continue
		}
		if err := s.Docker.ContainerKill(ctx, one.ID, signal); err != nil {
			t.Error(err)
		}
		return
	}
	t.Errorf("no container works on %s", database)
}

// failure is what an Apply has to end with.
func failure(t *testing.T, err error, text string) *deploy.MigrationFailure {
	t.Helper()
	failed, ok := errors.AsType[*deploy.MigrationFailure](err)
	if !ok {
		t.Fatalf("got %v, want a failed migration", err)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("got %q, want %q in it", err, text)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "only-for-tests") || strings.Contains(err.Error(), "import sys") {
		t.Errorf("no error for people: %q", err)
	}
	return failed
}

// hold keeps a session with an open transaction, until the returned function
// ends it.
func (s *stack) hold(t *testing.T, database, statement string) (end func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// It fails when it is ended, as it must be.
		_ = s.engine.Exec(context.Background(), s.postgres, []string{
			"psql", "-U", "webshop", "-qAtX", database, "-c", "BEGIN", "-c", statement, "-c", "SELECT pg_sleep(300)",
		}, nil)
	}()
	s.Await("the other session's lock", func() bool {
		return s.sql(t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = '"+database+"' AND query = 'SELECT pg_sleep(300)'") == "1"
	})
	return sync.OnceFunc(func() {
		s.sql(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+database+"' AND query = 'SELECT pg_sleep(300)'")
		<-done
	})
}

func (s *stack) lockedTable(t *testing.T) {
	m, release := s.migrator(), s.release(t, "v1", s.database(t, "locked", "done"))
	must(t, m.Revert(t.Context(), release, ids("products.0014"), nil))
	end := s.hold(t, "locked", "LOCK TABLE products_product IN ACCESS SHARE MODE")
	defer end()
	wanted := ids("products.0015_delete_review_and_discount", "products.0016_product_weight")
	out := when("never", nil)
	failed := failure(t, m.Apply(t.Context(), release, wanted, out), "attempt 3 of 3 got no lock within 0.2 s")
	if !failed.Waited || failed.Half || failed.Migration != wanted[0] || len(failed.Applied) != 0 {
		t.Errorf("failed: %+v", failed)
	}
	if want := "attempt 1 of 3 got no lock within 0.2 s; the next in 0.1 s\nattempt 2 of 3 got no lock within 0.2 s; the next in 0.2 s\n"; !strings.Contains(out.String(), want) {
		t.Errorf("said:\n%s", out)
	}
	m.pause = 3 * time.Second
	out = when("attempt 1", end)
	must(t, m.Apply(t.Context(), release, wanted, out))
	if !strings.Contains(out.String(), "attempt 1 of 3") || !strings.Contains(out.String(), "applied products.0016_product_weight") {
		t.Errorf("said:\n%s", out)
	}
}

func (s *stack) lockedOut(t *testing.T) {
	m, release := s.migrator(), s.release(t, "v1", s.database(t, "busy", "done"))
	defer s.hold(t, "busy", "SELECT pg_advisory_lock(2004051056, 1835624306)")()
	out := when("never", nil)
	failed := failure(t, m.Apply(t.Context(), release, ids("products.0016_product_weight"), out), "another deployer changes the database since ")
	if !failed.Waited || failed.Migration.Name != "" {
		t.Errorf("failed: %+v", failed)
	}
	if !strings.HasPrefix(out.String(), "waiting for another deployer") {
		t.Errorf("said:\n%s", out)
	}
}

func (s *stack) failing(t *testing.T) {
	s.backend(t, "failing", "failing")
	m, release := s.migrator(), s.release(t, "failing", s.database(t, "failing", "done"))
	out := when("never", nil)
	failed := failure(t, m.Apply(t.Context(), release, ids("products.0017_fails"), out),
		"migration products.0017_fails: RuntimeError: this migration fails on purpose (products/migrations/0017_fails.py, line 5)")
	if failed.Half || failed.Waited {
		t.Errorf("failed: %+v", failed)
	}
	if got := s.sql(t, "failing", barcode); got != "0" {
		t.Error("a part of a transaction is there")
	}
	if strings.Contains(out.String(), "Traceback") || strings.Contains(out.String(), "{") {
		t.Errorf("said:\n%s", out)
	}
}

const barcode = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'products_product' AND column_name = 'barcode'"

func (s *stack) halfway(t *testing.T) {
	s.backend(t, "halfway", "failing-halfway")
	m, release := s.migrator(), s.release(t, "halfway", s.database(t, "halfway", "done"))
	for _, again := range []bool{false, true} {
		out := when("never", nil)
		failed := failure(t, m.Apply(t.Context(), release, ids("products.0017_fails_halfway"), out), "after its first half")
		if !failed.Half {
			t.Errorf("failed: %+v", failed)
		}
		if passed := strings.Contains(out.String(), "Add field barcode to product: done already"); passed != again {
			t.Errorf("said:\n%s", out)
		}
	}
	if got := s.sql(t, "halfway", barcode); got != "1" {
		t.Error("its first half is not there")
	}
}

// three builds the version that brings three migrations, of which the second is
// no transaction and takes a second.
func (s *stack) three(t *testing.T) []deploy.MigrationID {
	s.backend(t, "three", "three")
	return ids("products.0017_product_barcode", "products.0018_product_barcode_index_concurrently", "products.0019_product_origin")
}

func (s *stack) killed(t *testing.T) {
	wanted := s.three(t)
	m, release := s.migrator(), s.release(t, "three", s.database(t, "killed", "done"))
	out := when("applying products.0018", func() { s.signal(t, "killed", "pg_sleep", "KILL") })
	failed := failure(t, m.Apply(t.Context(), release, wanted, out), "killed")
	if failed.Migration != wanted[1] || len(failed.Applied) != 1 || !failed.Half {
		t.Errorf("failed: %+v", failed)
	}
	m.wait = 10 * time.Second // the killed one's session ends within a second
	out = when("never", nil)
	must(t, m.Apply(t.Context(), release, wanted, out))
	if strings.Contains(out.String(), "applying products.0017") || !strings.Contains(out.String(), "applied products.0019_product_origin in ") {
		t.Errorf("said:\n%s", out)
	}
	if schema, err := m.Inspect(t.Context(), release); err != nil || len(schema.Pending) != 0 {
		t.Errorf("pending: %v, %v", schema.Pending, err)
	}
}

// stopped ends a migration that takes ten seconds by each of the ways that a
// container is told to end.
func (s *stack) stopped(t *testing.T) {
	s.backend(t, "slow", "slow")
	m, release := s.migrator(), s.release(t, "slow", s.database(t, "stopped", "done"))
	wanted := ids("products.0017_slow_product_barcode")
	gone := func() {
		t.Helper()
		if got := s.sql(t, "stopped", barcode, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'deploy migrations' AND datname = 'stopped'"); got != "0\n0" {
			t.Errorf("left behind: %q", got)
		}
	}
	failed := failure(t, m.Apply(t.Context(), release, wanted, when("applying", func() { s.signal(t, "stopped", "pg_sleep", "TERM") })), "stopped by a signal")
	if failed.Half || failed.Migration != wanted[0] {
		t.Errorf("failed: %+v", failed)
	}
	gone() // it ran to its end otherwise, and would have been recorded

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := m.Apply(ctx, release, wanted, when("applying", cancel))
	failure(t, err, "canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	gone()

	// Nobody can undo what is killed: Postgres itself sees that the one who
	// asked is gone.
	failure(t, m.Apply(t.Context(), release, wanted, when("applying", func() { s.signal(t, "stopped", "pg_sleep", "KILL") })), "killed")
	s.Await("the end of the statement", func() bool {
		return s.sql(t, "stopped", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'deploy migrations' AND datname = 'stopped'") == "0"
	})
	gone()
}

func (s *stack) unreachable(t *testing.T) {
	m := s.migrator()
	failed := failure(t, m.Apply(t.Context(), s.release(t, "v1", "nowhere"), ids("products.0016_product_weight"), nil), `database "nowhere" does not exist`)
	if failed.Migration.Name != "" || failed.Half {
		t.Errorf("failed: %+v", failed)
	}
	_, err := m.Inspect(t.Context(), s.release(t, "v1", "done", "other"))
	if err == nil || !strings.Contains(err.Error(), "the settings have no database other; there is default") {
		t.Errorf("got %v", err)
	}
}

func (s *stack) invalidIndex(t *testing.T) {
	wanted := s.three(t)
	m, release := s.migrator(), s.release(t, "three", s.database(t, "unfinished", "done"))
	must(t, m.Apply(t.Context(), release, wanted[:1], nil))
	s.sql(t, "unfinished", "INSERT INTO products_product (name, slug, summary, price, stock, barcode) SELECT 'p', n, '', 1, 1, 'same' FROM generate_series(1, 2) n")
	// It is refused, and leaves an index that is not valid, as a killed one does.
	_ = s.engine.Exec(t.Context(), s.postgres, []string{"psql", "-U", "webshop", "unfinished", "-c", "CREATE UNIQUE INDEX CONCURRENTLY product_barcode ON products_product (barcode)"}, nil)
	valid := "SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'product_barcode'::regclass"
	if got := s.sql(t, "unfinished", valid); got != "f|t" {
		t.Fatalf("the index is valid: %s", got)
	}
	out := when("never", nil)
	must(t, m.Apply(t.Context(), release, wanted, out))
	if got := s.sql(t, "unfinished", valid); got != "t|f" || !strings.Contains(out.String(), "dropping the index product_barcode, which nobody has finished\n") {
		t.Errorf("index %s, said:\n%s", got, out)
	}
}

func (s *stack) conflict(t *testing.T) {
	s.build(t, "conflict", "deploy/django/testdata/conflict", map[string]string{"BASE": s.images["v1"].Reference})
	_, err := s.migrator().Inspect(t.Context(), s.release(t, "conflict", "done"))
	told, ok := errors.AsType[*deploy.Failure](err)
	if !ok || !strings.Contains(err.Error(), "0016_product_height and 0016_product_weight in products") || !strings.Contains(told.Hint, "makemigrations --merge products") {
		t.Errorf("got %v", err)
	}
}

func (s *stack) foreign(t *testing.T) {
	m, release := s.migrator(), s.release(t, "v1", s.database(t, "newer", "done"))
	s.sql(t, "newer", "INSERT INTO django_migrations (app, name, applied) VALUES ('products', '0017_of_tomorrow', now())")
	schema, err := m.Inspect(t.Context(), release)
	must(t, err)
	if len(schema.Pending) != 0 || len(schema.Foreign) != 1 || schema.Foreign[0].String() != "products.0017_of_tomorrow" {
		t.Errorf("schema: %+v", schema)
	}
	s.sql(t, "newer", "DELETE FROM django_migrations WHERE name = '0015_delete_review_and_discount'")
	_, err = m.Inspect(t.Context(), release)
	if err == nil || !strings.Contains(err.Error(), "products.0016_product_weight is applied before its dependency products.0015_delete_review_and_discount") {
		t.Errorf("got %v", err)
	}
}

// serverGoesAway stops the server under a migration, and starts it again.
func (s *stack) serverGoesAway(t *testing.T) {
	wanted := s.three(t)
	m, release := s.migrator(), s.release(t, "three", s.database(t, "away", "done"))
	out := when("applying products.0018", func() {
		if err := s.Docker.ContainerStop(context.Background(), s.postgres, container.StopOptions{}); err != nil {
			t.Error(err)
		}
	})
	failed := failure(t, m.Apply(t.Context(), release, wanted, out), "the database went away: ")
	if failed.Migration != wanted[1] || len(failed.Applied) != 1 || !failed.Half {
		t.Errorf("failed: %+v", failed)
	}
	s.Await("the server's end", func() bool {
		inspected, err := s.Docker.ContainerInspect(t.Context(), s.postgres)
		return err == nil && !inspected.State.Running
	})
	failed = failure(t, m.Apply(t.Context(), release, wanted, nil), "the database cannot be reached: ")
	if failed.Migration.Name != "" {
		t.Errorf("failed: %+v", failed)
	}
	must(t, s.Docker.ContainerStart(t.Context(), s.postgres, container.StartOptions{}))
	s.awaitServer()
	must(t, m.Apply(t.Context(), release, wanted, nil))
}
