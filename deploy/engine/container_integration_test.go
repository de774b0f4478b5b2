//go:build integration

package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestStop(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  obedient: {image: IMAGE, restart: always}
  stubborn: {image: IMAGE, restart: always, environment: {STUBBORN: "1"}}
`)
	for service, wantKilled := range map[string]bool{"obedient": false, "stubborn": true} {
		t.Run(service, func(t *testing.T) {
			created := app.create(release, service, 1)[0]
			app.awaitLine(created.ID, "ready")
			for _, want := range []bool{wantKilled, false} { // the second time nothing runs
				killed, err := app.engine.Stop(t.Context(), created.Name, time.Second)
				must(t, err)
				if killed != want {
					t.Errorf("killed %v, want %v", killed, want)
				}
			}
			if after := app.inspect(created.Name); after.Status != deploy.StatusExited {
				t.Errorf("status %s", after.Status)
			}
			for range 2 {
				must(t, app.engine.Remove(t.Context(), created.Name))
			}
			if _, err := app.engine.Inspect(t.Context(), created.Name); !errors.Is(err, deploy.ErrNoContainer) {
				t.Errorf("inspect: %v", err)
			}
			if _, err := app.engine.Stop(t.Context(), created.Name, 0); !errors.Is(err, deploy.ErrNoContainer) {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

func TestRemoveLeavesARunningContainer(t *testing.T) {
	app := newApplication(t)
	created := app.create(app.release(plain), "web", 1)[0]
	err := app.engine.Remove(t.Context(), created.Name)
	if failure, ok := errors.AsType[*deploy.Failure](err); !ok || failure.Hint == "" {
		t.Errorf("error %v, want one with a hint", err)
	}
	if !app.inspect(created.ID).Running() {
		t.Error("it does not run any more")
	}
}

func TestObserve(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  web: {image: IMAGE, networks: [front, apex]}
  proxy: {image: IMAGE, networks: [front]}
networks: {front: {}, apex: {}}
`)
	app.create(release, "web", 2)
	app.create(release, "proxy", 1)
	observed, memory, err := app.engine.Observe(t.Context(), app.name)
	must(t, err)
	var names []string
	for _, one := range observed {
		names = append(names, strings.TrimPrefix(one.Name, app.name+"-"))
		if one.MemoryBytes == 0 || !one.Running() || one.Health != deploy.HealthNone {
			t.Errorf("observed %+v", one)
		}
	}
	if want := []string{"proxy-1", "web-1", "web-2"}; !slices.Equal(names, want) {
		t.Errorf("observed %v, want %v", names, want)
	}
	if memory.Total == 0 || memory.Available == 0 || memory.Available > memory.Total {
		t.Errorf("memory %+v", memory)
	}
	withProxy := *openEngine(t)
	withProxy.options.ProxyService = "proxy"
	seen, _, err := withProxy.Observe(t.Context(), app.name)
	must(t, err)
	inspected, err := app.engine.docker.ContainerInspect(t.Context(), seen[1].ID)
	must(t, err)
	networks := inspected.NetworkSettings.Networks
	if want := networks[app.name+"_front"].IPAddress; seen[1].Address != want {
		t.Errorf("with a proxy the address is %s, want %s", seen[1].Address, want)
	}
	if want := networks[app.name+"_apex"].IPAddress; observed[1].Address != want {
		t.Errorf("without a proxy the address is %s, want %s", observed[1].Address, want)
	}
	one, err := withProxy.Inspect(t.Context(), seen[1].Name)
	must(t, err)
	if one.Address != seen[1].Address {
		t.Errorf("Inspect gives the address %s, Observe %s", one.Address, seen[1].Address)
	}
}

func TestRun(t *testing.T) {
	app := newApplication(t)
	release := app.release(`
services:
  web:
    image: IMAGE
    ports: ["127.0.0.1:38472:80"]
    restart: always
    container_name: ` + app.name + `-fixed
    secrets: [token]
    volumes: ["data:/data"]
secrets: {token: {environment: API_TOKEN}}
volumes: {data: {}}
`)
	running := app.create(release, "web", 1)[0]
	var out bytes.Buffer
	must(t, app.engine.Run(t.Context(), release, deploy.OneOff{Service: "web", Command: []string{"say", "to stdout", "to stderr", "0"}}, &out))
	for _, want := range []string{"to stdout\n", "to stderr\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output %q lacks %q", out.String(), want)
		}
	}
	out.Reset()
	must(t, app.engine.Run(t.Context(), release, deploy.OneOff{Service: "web", Command: []string{"show", "/run/secrets/token"}}, &out))
	if out.String() != "hunter2hunter2" {
		t.Errorf("the secret is %q", out.String())
	}
	out.Reset()
	must(t, app.engine.Run(t.Context(), release, deploy.OneOff{Service: "web", Command: []string{"lines", "5000"}}, &out))
	if count := bytes.Count(out.Bytes(), []byte("\n")); count != 5000 {
		t.Errorf("%d lines arrived of 5000", count)
	}
	err := app.engine.Run(t.Context(), release, deploy.OneOff{Service: "web", Command: []string{"say", "first", "last words", "7"}}, io.Discard)
	exit, ok := errors.AsType[*ExitError](err)
	if !ok || exit.Code != 7 || !slices.Contains(exit.Lines, "last words") {
		t.Errorf("error %v, want status 7 with the last lines", err)
	}
	if left := app.observe(); len(left) != 1 || left[0].ID != running.ID || !left[0].Started.Equal(running.Started) {
		t.Errorf("after the runs: %+v", left)
	}
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	app := newApplication(t)
	release := app.release(plain)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []deploy.Container
	out := writerFunc(func(content []byte) (int, error) {
		if bytes.Contains(content, []byte("ready")) {
			seen = app.observe()
			cancel()
		}
		return len(content), nil
	})
	if err := app.engine.Run(ctx, release, deploy.OneOff{Service: "web", Command: []string{"serve"}}, out); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want a cancelled context", err)
	}
	if len(seen) != 1 || !seen[0].OneOff || !seen[0].Ours || seen[0].Service != "web" {
		t.Errorf("while it ran: %+v", seen)
	}
	if left := app.observe(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func TestExec(t *testing.T) {
	app := newApplication(t)
	created := app.create(app.release(plain), "web", 1)[0]
	var out bytes.Buffer
	err := app.engine.Exec(t.Context(), created.Name, []string{"/probe", "say", "a", "b", "3"}, &out)
	if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Code != 3 || len(exit.Lines) != 2 {
		t.Errorf("error %v, want status 3", err)
	}
	if !strings.Contains(out.String(), "a\n") || !strings.Contains(out.String(), "b\n") {
		t.Errorf("output %q", out.String())
	}
	if err := app.engine.Exec(t.Context(), "no-such-container", []string{"/probe"}, &out); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("error %v", err)
	}
}

func TestEvidenceHidesSecrets(t *testing.T) {
	app := newApplication(t)
	created := app.create(app.release(`
services:
  web:
    image: IMAGE
    environment: {API_TOKEN: "${API_TOKEN}", NOTE: "with hunter2hunter2 in it", PLAIN: visible-value}
`), "web", 1)[0]
	app.awaitLine(created.ID, "ready")
	evidence, err := app.engine.Evidence(t.Context(), created.Name, 10)
	must(t, err)
	if !strings.Contains(string(evidence.Logs), "ready with $API_TOKEN in it") || !strings.HasPrefix(string(evidence.Logs), "20") {
		t.Errorf("logs %q, want a timestamp and the variable's name", evidence.Logs)
	}
	for _, value := range []string{"hunter2", "visible-value"} {
		if bytes.Contains(evidence.Inspect, []byte(value)) || bytes.Contains(evidence.Logs, []byte(value)) {
			t.Errorf("the evidence contains %q", value)
		}
	}
	for _, want := range []string{"API_TOKEN=(hidden)", created.ID, `"State"`} {
		if !bytes.Contains(evidence.Inspect, []byte(want)) {
			t.Errorf("the inspection lacks %q", want)
		}
	}
}

func TestLogs(t *testing.T) {
	app := newApplication(t)
	release := app.release(plain)
	for _, one := range app.create(release, "web", 2) {
		app.awaitLine(one.ID, "ready")
	}
	var out strings.Builder
	must(t, app.engine.Logs(t.Context(), app.name, "web", LogOptions{Tail: 5}, &out))
	said := slices.Sorted(strings.Lines(out.String())) // by time; either may be the first
	if want := []string{app.name + "-web-1 | ready \n", app.name + "-web-2 | ready \n"}; !slices.Equal(said, want) {
		t.Errorf("logs %q, want %q", said, want)
	}
	out.Reset()
	must(t, app.engine.Logs(t.Context(), app.name, "", LogOptions{Since: time.Now()}, &out))
	must(t, app.engine.Logs(t.Context(), app.name, "", LogOptions{Match: "read-"}, &out))
	if out.Len() > 0 {
		t.Errorf("none was asked for, and got %q", out.String())
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var followed bytes.Buffer
	lines := make(chan string)
	done := make(chan error, 1)
	go func() {
		done <- app.engine.Logs(ctx, app.name, "", LogOptions{Follow: true}, writerFunc(func(content []byte) (int, error) {
			followed.Write(content)
			select {
			case lines <- string(content):
			case <-ctx.Done():
			}
			return len(content), nil
		}))
	}()
	<-lines
	<-lines
	app.create(release, "web", 1)
	if line := <-lines; line != app.name+"-web-3 | ready \n" {
		t.Errorf("followed %q", line)
	}
	// Through a restart each line comes once: what came before it, too.
	for range 3 {
		must(t, app.engine.docker.ContainerRestart(t.Context(), app.name+"-web-3", container.StopOptions{}))
		for _, want := range []string{"bye\n", "ready \n"} {
			if line := <-lines; line != app.name+"-web-3 | "+want {
				t.Errorf("followed %q, want %q", line, want)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("whoever followed ended it, and: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(content []byte) (int, error) { return f(content) }
