//go:build integration

package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// TestMain removes the Postgres that all tests share.
func TestMain(m *testing.M) {
	status := m.Run()
	if shared.engine != nil && os.Getenv(childVariable) == "" {
		err := errors.Join(shared.engine.Down(context.Background(), shared.project), deploytest.CleanUp(), shared.engine.Close())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// shared is the Postgres of all tests; each has a database of its own in it.
var shared struct {
	sync.Mutex
	engine    *engine.Engine
	project   string
	release   *deploy.Release
	container string
	drilling  sync.Mutex
}

const compose = `
services:
  db:
    image: IMAGE
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: the-database-password, POSTGRES_DB: main}
    volumes: ["data:/var/lib/postgresql/data"]
    command: [postgres, -c, fsync=off, -c, max_connections=40]
volumes: {data: {}}
`

// postgres starts it for the first test.
func postgres(t testing.TB) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.container != "" {
		return
	}
	docker := deploytest.Engine(t)
	image := deploytest.Registry(t) + "/postgres:1"
	deploytest.Build(t, docker, image, "compose/images/postgres", nil)
	opened, err := engine.Open(t.Context(), engine.Options{})
	must(t, err)
	shared.engine, shared.project = opened, "backup-test-"+strings.ToLower(rand.Text()[:8])
	shared.release = load(t, shared.project, strings.ReplaceAll(compose, "IMAGE", image))
	created, err := opened.Create(t.Context(), shared.release, "db", 1)
	must(t, err)
	shared.container = created[0].Name
	must(t, (&server{engine: opened, container: shared.container}).ready(t.Context()))
}

func load(t testing.TB, name, content string) *deploy.Release {
	t.Helper()
	folder := t.TempDir()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  folder,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(folder, "docker-compose.test.yml"), Content: []byte(content)}},
	}, func(o *loader.Options) { o.SetProjectName(name, true) })
	must(t, err)
	environment := &deploy.Environment{Name: "test", Project: project}
	label := types.Labels{deploytest.Label: name}
	for key, service := range project.Services {
		service.Labels = label
		project.Services[key] = service
		environment.Services = append(environment.Services, &deploy.Service{Name: key, Replicas: 1})
	}
	for key, volume := range project.Volumes {
		volume.Labels = label
		project.Volumes[key] = volume
	}
	for key, network := range project.Networks {
		network.Labels = label
		project.Networks[key] = network
	}
	return &deploy.Release{Version: "v1.15.0", Environment: environment, Rendered: []byte(content)}
}

// shop is a database with rows, and a bucket for its backups.
type shop struct {
	t     testing.TB
	s3    *deploytest.S3
	db    *server
	vault *Vault
	now   time.Time
}

// products is how many rows the table has that every shop has.
const products = 1000

// oddTables are names that a careless quote would break.
const oddTables = `
CREATE SCHEMA "My Schema";
CREATE TABLE "My Schema"."Odd ""table"", it's" (id int);
INSERT INTO "My Schema"."Odd ""table"", it's" SELECT generate_series(1, 7);
CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parted_2026 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO parted SELECT n, '2026-06-01' FROM generate_series(1, 5) n;
CREATE TABLE "parent" (id int); CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3);
`

func newShop(t testing.TB) *shop {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel() // most of it is waiting for the engine
	}
	postgres(t)
	s := &shop{t: t, s3: deploytest.NewS3(t, "backups"), now: time.Now()}
	s.db = &server{engine: shared.engine, container: shared.container, database: "shop='" + strings.ToLower(rand.Text()[:6]) + "' \"é\\"}
	s.sql("main", "CREATE DATABASE "+identifier(s.db.database)+";")
	s.sql(s.db.database, fmt.Sprintf("CREATE TABLE products (id int PRIMARY KEY, name text);\nINSERT INTO products SELECT n, 'product ' || n FROM generate_series(1, %d) n;", products)+oddTables)
	t.Cleanup(func() {
		databases, err := s.db.databases(context.Background())
		must(t, err)
		for _, one := range databases {
			if strings.HasPrefix(one.Name, s.db.database) {
				must(t, s.db.drop(context.Background(), one.Name))
			}
		}
	})
	s.vault = s.open(s.options())
	return s
}

func (s *shop) options() Options {
	return Options{
		Settings: deploy.Backups{
			Service: "db", Database: s.db.database, Endpoint: s.s3.Endpoint, Bucket: "backups", Prefix: "shop/test",
			AccessKey: "BACKUP_ACCESS_KEY", SecretKey: "BACKUP_SECRET_KEY", Interval: 24 * time.Hour,
		},
		Variables: map[string]string{"BACKUP_ACCESS_KEY": s.s3.AccessKey, "BACKUP_SECRET_KEY": s.s3.SecretKey},
		Engine:    shared.engine, Release: shared.release, Container: shared.container, By: "anna@laptop",
	}
}

// open opens a vault whose clock is the test's.
func (s *shop) open(options Options) *Vault {
	s.t.Helper()
	vault, err := Open(options)
	must(s.t, err)
	vault.now = func() time.Time { return s.now }
	return vault
}

func (s *shop) sql(database, statements string) []string {
	s.t.Helper()
	answer, err := s.db.query(s.t.Context(), database, "test", statements)
	if err != nil {
		s.t.Fatal(said(err, statements))
	}
	return answer
}

// rows are those of the products that serve.
func (s *shop) rows() string {
	s.t.Helper()
	return strings.Join(s.sql(s.db.database, "SELECT count(*) FROM products;"), " ")
}

// take takes a backup an hour after the one before.
func (s *shop) take() deploy.Backup {
	s.t.Helper()
	s.now = s.now.Add(time.Hour)
	backup, err := s.vault.Take(s.t.Context())
	must(s.t, err)
	return backup
}

// drill drills one at a time, as the lock of a host has it: a throw-away
// container ends another one.
func (s *shop) drill(name string) (deploy.Backup, error) {
	s.t.Helper()
	shared.drilling.Lock()
	defer shared.drilling.Unlock()
	drilled, err := s.vault.Drill(s.t.Context(), name)
	if containers, _, failed := shared.engine.Observe(s.t.Context(), shared.project); failed != nil || len(containers) != 1 {
		s.t.Errorf("after the drill: %v, %v", containers, failed)
	}
	return drilled, err
}

// file is what the bucket's server has of an object.
func (s *shop) file(name string) string { return s.s3.Path("backups", "shop/test/"+name) }

// beside are the databases that are there because of the shop's own.
func (s *shop) beside() []string {
	s.t.Helper()
	databases, err := s.db.databases(s.t.Context())
	must(s.t, err)
	var names []string
	for _, one := range databases {
		if strings.HasPrefix(one.Name, s.db.database+"_") {
			names = append(names, strings.TrimPrefix(one.Name, s.db.database))
		}
	}
	return names
}

func (s *shop) findings() string {
	s.t.Helper()
	found, err := s.vault.Check(s.t.Context())
	must(s.t, err)
	var texts []string
	for _, one := range found {
		if one.Hint == "" {
			s.t.Errorf("%s: no hint", one)
		}
		texts = append(texts, one.String())
	}
	return strings.Join(texts, "\n")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contains checks what a message says.
func contains(t testing.TB, text string, wanted ...string) {
	t.Helper()
	for _, one := range wanted {
		if !strings.Contains(text, one) {
			t.Errorf("%q is not in:\n%s", one, text)
		}
	}
}
