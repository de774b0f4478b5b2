//go:build integration

package django

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// stack is one Postgres server and the images whose migrations are for it. A
// test has a database of its own in it.
type stack struct {
	*deploytest.Project
	engine    *engine.Engine
	postgres  string
	mu        sync.Mutex
	kindsOnce sync.Once
	images    map[string]deploy.Image
}

const services = `
name: PROJECT
services:
  postgres:
    image: POSTGRES
    command: [postgres, -c, fsync=off]
    environment: {POSTGRES_USER: webshop, POSTGRES_PASSWORD: only-for-tests}
    labels: LABELS
  backend:
    image: BACKEND
    environment:
      DATABASE_URL: "postgres://webshop:only-for-tests@postgres:5432/DATABASE"
      REDIS_URL: redis://redis:6379/0
      SECRET_KEY: only-for-tests
    labels: LABELS
    x-deploy:
      migrations: {framework: django, lock_timeout: 200ms, attempts: 3, database: ALIAS}
networks:
  default: {labels: LABELS}
`

// newStack starts the server.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{Project: deploytest.NewProject(t), images: map[string]deploy.Image{}}
	opened, err := engine.Open(t.Context(), engine.Options{})
	must(t, err)
	t.Cleanup(func() { _ = opened.Close() })
	s.engine = opened
	s.build(t, "postgres", "compose/images/postgres", nil)
	s.backend(t, "v1", "none")
	made, err := opened.Create(t.Context(), s.release(t, "v1", "postgres"), "postgres", 1)
	must(t, err)
	s.postgres = made[0].Name
	s.awaitServer()
	return s
}

func (s *stack) awaitServer() {
	s.T.Helper()
	s.Await("the database server", func() bool {
		return s.engine.Exec(context.Background(), s.postgres, []string{"pg_isready", "-q", "-h", "127.0.0.1", "-U", "webshop"}, nil) == nil
	})
}

// backend builds a version of the webshop.
func (s *stack) backend(t testing.TB, version, extra string) {
	t.Helper()
	s.build(t, version, "compose/webshop/backend", map[string]string{"VERSION": version, "EXTRA_MIGRATION": extra})
}

func (s *stack) build(t testing.TB, version, folder string, arguments map[string]string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	reference := deploytest.Registry(t) + "/django-" + version + ":1"
	deploytest.Build(t, s.Docker, reference, folder, arguments)
	image := deploytest.Push(t, s.Docker, reference).Image
	must(t, s.engine.Pull(t.Context(), image, func(int64, int64) {}))
	s.images[version] = image
}

// release is a version with a database of the server.
func (s *stack) release(t testing.TB, version, database string, alias ...string) *deploy.Release {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen := "default"
	if len(alias) > 0 {
		chosen = alias[0]
	}
	content := strings.NewReplacer(
		"PROJECT", s.Name, "LABELS", fmt.Sprintf("{%s: %s}", deploytest.Label, s.Name), "ALIAS", chosen,
		"POSTGRES:", "POSTGRES:", "POSTGRES_", "POSTGRES_", "POSTGRES", s.images["postgres"].Pinned(),
		"BACKEND", s.images[version].Pinned(), "DATABASE_URL", "DATABASE_URL", "DATABASE", database,
	).Replace(services)
	model, err := deploy.ParseModel(t.Context(), filepath.Join(t.TempDir(), "docker-compose.test.yml"), []byte(content))
	must(t, err)
	environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: version, Hash: engine.ConfigHash})
	must(t, err)
	return &deploy.Release{
		Version: version, Environment: environment, Rendered: []byte(content),
		Images: map[string]deploy.Image{"postgres": s.images["postgres"], "backend": s.images[version]},
	}
}

// conforms runs the expectations of every migrator.
func (s *stack) conforms(t *testing.T) {
	conformance.Migrator(t, conformance.Plainly, func(t *testing.T) conformance.MigratorSetup {
		s.backend(t, "additive", "additive")
		database := s.database(t, "conforms")
		return conformance.MigratorSetup{
			Migrator: s.migrator(), Older: s.release(t, "v1", database), Newer: s.release(t, "additive", database),
			Last: ids("products.0017_product_barcode")[0], Before: ids("products.0016")[0],
		}
	})
}

// migrator is one that does not wait long.
func (s *stack) migrator() *Migrator {
	m := New(s.engine)
	m.wait, m.pause = time.Second, 100*time.Millisecond
	return m
}

// database makes a database: an empty one, or a copy of another.
func (s *stack) database(t testing.TB, name string, template ...string) string {
	t.Helper()
	s.sql(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+append(template, "template0")[0])
	return name
}

// sql runs statements, each by itself, and gives the rows as lines.
func (s *stack) sql(t testing.TB, database string, statements ...string) string {
	t.Helper()
	var out bytes.Buffer
	command := []string{"psql", "-h", "/var/run/postgresql", "-U", "webshop", "-qAtX", "-v", "ON_ERROR_STOP=1", database}
	for _, statement := range statements {
		command = append(command, "-c", statement)
	}
	if err := s.engine.Exec(t.Context(), s.postgres, command, &out); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(statements, "; "), err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// ids are migrations as people write them.
func ids(names ...string) []deploy.MigrationID {
	var made []deploy.MigrationID
	for _, name := range names {
		app, rest, _ := strings.Cut(name, ".")
		made = append(made, deploy.MigrationID{App: app, Name: rest})
	}
	return made
}

// all are the migrations of a schema that are pending.
func all(schema deploy.Schema) []deploy.MigrationID {
	var pending []deploy.MigrationID
	for _, migration := range schema.Pending {
		pending = append(pending, migration.MigrationID)
	}
	return pending
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
