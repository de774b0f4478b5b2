//go:build integration

package engine

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/compose/v5/pkg/api"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const plain = `
services:
  web: {image: IMAGE}
`

func TestConfigHashEqualsTheLabel(t *testing.T) {
	app := newApplication(t)
	must(t, os.WriteFile(filepath.Join(app.folder, "web.env"), []byte("FROM_FILE=\"a b\"\nOTHER=x\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(app.folder, "conf"), 0o755))
	release := app.release(`
x-deploy: {directory: /opt/shop}
services:
  bare: {image: IMAGE}
  healthcheck:
    image: IMAGE
    healthcheck: {test: [CMD, /probe, say, ok, "", "0"], interval: 5s, timeout: 3s, retries: 3, start_period: 10s}
  environment:
    image: IMAGE
    env_file: web.env
    environment: {TOKEN: "${API_TOKEN}", EMPTY: "", NUMBER: 5, UNSET: }
  volumes:
    image: IMAGE
    volumes: ["data:/data", "./conf:/conf:ro", "/anonymous", {type: tmpfs, target: /scratch}]
  networks:
    image: IMAGE
    networks: {default: {}, back: {aliases: [other]}}
  resources:
    image: IMAGE
    deploy:
      replicas: 3
      resources: {limits: {memory: 64M, cpus: "0.5"}}
      update_config: {order: start-first, monitor: 30s}
  ports:
    image: IMAGE
    ports: ["127.0.0.1::80", {target: 81, mode: ingress}]
  files:
    image: IMAGE
    secrets: [token]
    configs: [{source: greeting, target: /etc/greeting}]
  rest:
    image: IMAGE
    command: [serve]
    user: "1000:1000"
    group_add: ["998"]
    stop_grace_period: 1m
    stop_signal: SIGTERM
    restart: unless-stopped
    init: true
    read_only: true
    logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
    labels: {example: "1"}
    x-deploy: {drain: 10s}
volumes: {data: {}}
networks: {back: {}}
secrets: {token: {environment: API_TOKEN}}
configs: {greeting: {content: hello}}
`)
	project := release.Environment.Project
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		t.Run(name, func(t *testing.T) {
			want, err := ConfigHash(project.Services[name])
			must(t, err)
			for range 2 { // creating must not change what the next hash is made of
				created := app.create(release, name, 1)[0]
				if created.ConfigHash != want {
					t.Errorf("label %s, want %s", created.ConfigHash, want)
				}
			}
			if again, _ := ConfigHash(project.Services[name]); again != want {
				t.Errorf("after creating, the hash is %s, want %s", again, want)
			}
		})
	}
}

func TestCreateLeavesWhatRunsUntouched(t *testing.T) {
	app := newApplication(t)
	first := app.create(app.release(plain), "web", 2)
	next := app.release(`
services:
  web: {image: IMAGE, environment: {NOTE: two}}
`)
	second := app.create(next, "web", 2)
	third := app.create(next, "web", 1)

	for _, before := range first {
		after := app.inspect(before.ID)
		if after.ID != before.ID || !after.Started.Equal(before.Started) || !after.Running() {
			t.Errorf("was %+v, is %+v", before, after)
		}
	}
	var numbers []int
	for _, one := range slices.Concat(first, second, third) {
		numbers = append(numbers, one.Number)
		if one.Address == "" || one.Service != "web" || one.Name == "" || one.Started.IsZero() || one.OneOff {
			t.Errorf("created %+v", one)
		}
	}
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(numbers, want) {
		t.Errorf("numbers %v, want %v", numbers, want)
	}
	if first[0].ConfigHash == second[0].ConfigHash {
		t.Error("two configurations have one hash")
	}
}

func TestCreateDoesNotWakeStoppedContainers(t *testing.T) {
	app := newApplication(t)
	release := app.release(plain)
	old := app.create(release, "web", 1)[0]
	_, err := app.engine.Stop(t.Context(), old.ID, 0)
	must(t, err)
	app.create(release, "web", 1)
	if after := app.inspect(old.ID); after.Running() {
		t.Error("the stopped container runs again")
	}
}

func TestCreateRefusesAChangedNetwork(t *testing.T) {
	app := newApplication(t)
	running := app.create(app.release(plain), "web", 1)[0]
	changed := app.release(plain + `
networks: {default: {internal: true}}
`)
	_, err := app.engine.Create(t.Context(), changed, "web", 1)
	failure, ok := errors.AsType[*deploy.Failure](err)
	if !ok || failure.Hint == "" || !strings.Contains(err.Error(), app.name+"_default") {
		t.Errorf("error %v, want one that names the network and what to do", err)
	}
	if err := app.engine.Check(t.Context(), changed); err == nil {
		t.Error("Check found nothing")
	}
	must(t, app.engine.Check(t.Context(), app.release(plain)))
	if after := app.inspect(running.ID); !after.Started.Equal(running.Started) || len(app.observe()) != 1 {
		t.Errorf("was %+v, is %+v", running, after)
	}
}

// TestComposeCannotTouchWhatRuns goes past Create's own precautions.
func TestComposeCannotTouchWhatRuns(t *testing.T) {
	app := newApplication(t)
	running := app.create(app.release(plain), "web", 2)
	for name, attempt := range map[string]struct {
		compose string
		scale   int
		options api.CreateOptions
	}{
		"recreate":       {plain, 2, api.CreateOptions{Recreate: api.RecreateForce}},
		"scale down":     {plain, 0, api.CreateOptions{Recreate: api.RecreateNever}},
		"network":        {plain + "networks: {default: {internal: true}}\n", 2, api.CreateOptions{Recreate: api.RecreateNever}},
		"remove orphans": {"services: {other: {image: IMAGE}}\n", 0, api.CreateOptions{RemoveOrphans: true}},
	} {
		t.Run(name, func(t *testing.T) {
			project := app.release(attempt.compose).Environment.Project
			service := project.ServiceNames()[0]
			wanted, err := alone(project, service, attempt.scale)
			must(t, err)
			if err := app.engine.compose.Create(t.Context(), wanted, attempt.options); err == nil {
				t.Error("Compose was not refused")
			}
			for _, before := range running {
				if after := app.inspect(before.ID); !after.Running() || !after.Started.Equal(before.Started) || after.Address != before.Address {
					t.Errorf("was %+v, is %+v", before, after)
				}
			}
		})
	}
}

func TestCreateRemovesAllWhenOneFails(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  web: {image: IMAGE, entrypoint: [/nothing]}
  good: {image: IMAGE}
`)
	if _, err := app.engine.Create(t.Context(), release, "web", 2); err == nil {
		t.Error("created containers whose program does not exist")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := app.engine.Create(ctx, release, "good", 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want a cancelled context", err)
	}
	if left := app.observe(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// TestInterruptedCreateLeavesNothing interrupts at moments all over a creation.
func TestInterruptedCreateLeavesNothing(t *testing.T) {
	app := newApplication(t)
	release := app.release(plain)
	app.create(release, "web", 1)
	for after := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(after*after)*4*time.Millisecond)
		created, err := app.engine.Create(ctx, release, "web", 2)
		cancel()
		if found := len(app.observe()); found != 1+len(created) {
			t.Errorf("after %v: %d containers, created %d, error %v", ctx.Err(), found, len(created), err)
		}
		for _, one := range created {
			must(t, app.engine.discard(t.Context(), one.ID))
		}
	}
}

func TestCreatePutsFilesInPlace(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  web:
    image: IMAGE
    secrets: [token]
    configs: [{source: greeting, target: /etc/greeting}]
secrets: {token: {environment: API_TOKEN}}
configs: {greeting: {content: hello}}
`)
	created := app.create(release, "web", 1)[0]
	for path, want := range map[string]string{"/run/secrets/token": "hunter2hunter2", "/etc/greeting": "hello"} {
		var out strings.Builder
		must(t, app.engine.Exec(t.Context(), created.Name, []string{"/probe", "show", path}, &out))
		if out.String() != want {
			t.Errorf("%s contains %q, want %q", path, out.String(), want)
		}
	}
}
