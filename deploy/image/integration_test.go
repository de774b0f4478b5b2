//go:build integration

package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/filters"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// The labels of everything that is made here: all tests' and this run's.
const (
	testLabel = "webshop-deploy.test"
	runLabel  = "webshop-deploy.test.image"
)

// dockerEngine is this machine's engine. A machine without one fails.
func dockerEngine(t *testing.T) *client.Client {
	t.Helper()
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docker.Close() })
	if _, err := docker.Ping(t.Context()); err != nil {
		t.Fatalf("these tests need a Docker engine: %v", err)
	}
	return docker
}

// labelled gives the labels for this test's images, which are removed when it
// ends, however it ends.
func labelled(t *testing.T, docker *client.Client) string {
	t.Helper()
	run := fmt.Sprintf("%s-%d-%d", t.Name(), os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		ours, err := docker.ImageList(ctx, dockerimage.ListOptions{Filters: filters.NewArgs(filters.Arg("label", runLabel+"="+run))})
		if err != nil {
			t.Error(err)
		}
		for _, image := range ours {
			if _, err := docker.ImageRemove(ctx, image.ID, dockerimage.RemoveOptions{Force: true, PruneChildren: true}); err != nil {
				t.Error(err)
			}
		}
	})
	return fmt.Sprintf(`{%s: "1", %s: %q}`, testLabel, runLabel, run)
}

// shop is a project whose builds check from inside that they got what the
// Compose file says.
func shop(t *testing.T, docker *client.Client, host string) *types.Project {
	t.Helper()
	labels := labelled(t, docker)
	directory := tree(t, map[string]string{
		"backend/kept":          "kept",
		"backend/ignored/large": "ignored",
		"backend/.dockerignore": "ignored\n",
		"docker/Dockerfile": `
FROM debian:trixie-slim AS base
ARG GREETING NONCE
RUN --mount=type=secret,id=token,required test "$(cat /run/secrets/token)" = s3cr3t-value
RUN --mount=type=secret,id=file test "$(cat /run/secrets/file)" = from-file
RUN test "$GREETING" = "hello there" && echo "$NONCE" > /nonce
COPY . /app
RUN test -e /app/kept && test ! -e /app/ignored && grep -q "192.0.2.7.*pypi.example" /etc/hosts
FROM base AS broken
RUN exit 9
FROM base AS production
ENV STAGE=production
`,
		"docker/file":       "from-file",
		"frontend/index.js": t.Name() + time.Now().String(),
	})
	return load(t, directory, strings.NewReplacer("LABELS", labels, "HOST", host, "UNIQUE", t.TempDir()).Replace(`
services:
  backend: &backend
    image: HOST/webshop-deploy-test/backend:v1
    build: &build
      context: ./backend
      dockerfile: ../docker/Dockerfile
      target: production
      args: {GREETING: hello there, NONCE: "UNIQUE"}
      labels: LABELS
      secrets: [token, file]
      extra_hosts: ["pypi.example=192.0.2.7"]
  worker: {image: HOST/webshop-deploy-test/backend:v1, build: *build}
  frontend:
    image: HOST/webshop-deploy-test/frontend:v1
    build:
      context: ./frontend
      dockerfile_inline: |
        FROM scratch
        COPY index.js /
      labels: LABELS
secrets:
  token: {environment: TOKEN}
  file: {file: ./docker/file}
`), map[string]string{"TOKEN": "s3cr3t-value"})
}

func TestBuildAndPush(t *testing.T) {
	docker := dockerEngine(t)
	registry := startRegistry(t, RegistryOptions{})
	project := shop(t, docker, registry.Address())
	builder := &Builder{Docker: docker}

	var out bytes.Buffer
	options := Options{Version: "v1", Revision: "4f0c2d1", Out: &out, Plain: true}
	started := time.Now()
	built, err := builder.Build(t.Context(), project, nil, options)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Logf("built in %s", time.Since(started))
	if len(built) != 2 || !slices.Equal(built[0].Services, []string{"backend", "worker"}) || built[1].Reference != registry.Address()+"/webshop-deploy-test/frontend:v1" {
		t.Fatalf("got %+v", built)
	}
	for _, want := range []string{"[backend base 2/6]", "[frontend internal]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the display has no %s:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "s3cr3t-value") {
		t.Error("the display shows a secret")
	}
	inspected, err := docker.ImageInspect(t.Context(), built[0].Reference)
	if err != nil {
		t.Fatal(err)
	}
	if labels := inspected.Config.Labels; labels[labelVersion] != "v1" || labels[LabelRevision] != "4f0c2d1" || labels[testLabel] != "1" {
		t.Errorf("the labels are %v", labels)
	}
	if !slices.Contains(inspected.Config.Env, "STAGE=production") {
		t.Errorf("the environment is %v", inspected.Config.Env)
	}

	// The same sources again are the same image; another version is another
	// image, from the same cache.
	started = time.Now()
	again, err := builder.Build(t.Context(), project, nil, Options{Version: "v1", Revision: "4f0c2d1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built from the cache in %s", time.Since(started))
	if again[0].ID != built[0].ID || again[1].ID != built[1].ID {
		t.Error("the same build gives another image")
	}

	testPush(t, docker, registry, built)
}

func testPush(t *testing.T, docker *client.Client, registry *Registry, built []Built) {
	publisher, registries := &Publisher{Docker: docker}, &Registries{Docker: docker}
	info, err := docker.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	containerd := strings.Contains(fmt.Sprint(info.DriverStatus), "io.containerd.snapshotter")
	if _, err := registries.ResolveLocal(t.Context(), built[0].Reference); !containerd && (!errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "never pushed")) {
		t.Errorf("before the push: %v", err)
	}
	for _, one := range built {
		var most int64
		started := time.Now()
		pushed, err := publisher.Push(t.Context(), one.Reference, func(current, _ int64) { most = max(most, current) })
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("pushed %s: %d layers, %d bytes, in %s", one.Reference, pushed.Uploaded, most, time.Since(started))
		if pushed.Uploaded == 0 || most == 0 && one.Size > 1<<20 {
			t.Errorf("got %+v, %d bytes", pushed, most)
		}
		resolved, err := registries.Resolve(t.Context(), one.Reference)
		if err != nil || resolved != pushed.Image {
			t.Errorf("the registry has %v, %v, pushed was %v", resolved, err, pushed.Image)
		}
		local, err := registries.ResolveLocal(t.Context(), one.Reference)
		if err != nil || local != pushed.Image {
			t.Errorf("the engine has %v, %v, pushed was %v", local, err, pushed.Image)
		}
		started = time.Now()
		second, err := publisher.Push(t.Context(), one.Reference, nil)
		if err != nil || second.Uploaded != 0 || second.Present != pushed.Uploaded+pushed.Present || second.Digest != pushed.Digest {
			t.Errorf("the second push gave %+v, %v", second, err)
		}
		t.Logf("pushed again in %s", time.Since(started))
		if err := registries.Tag(t.Context(), pushed.Image, "production"); err != nil {
			t.Error(err)
		}
		tagged, err := registries.Resolve(t.Context(), strings.TrimSuffix(one.Reference, ":v1")+":production")
		if err != nil || tagged.Digest != pushed.Digest {
			t.Errorf("the further tag is %v, %v", tagged, err)
		}
	}
	if _, err := publisher.Push(t.Context(), registry.Address()+"/webshop-deploy-test/none:v1", nil); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "build it first") {
		t.Errorf("got %v", err)
	}
}

func TestPushNeedsThePassword(t *testing.T) {
	docker := dockerEngine(t)
	registry := startRegistry(t, RegistryOptions{Username: "anna", Password: "hunter2"})
	project := shop(t, docker, registry.Address())
	built, err := (&Builder{Docker: docker}).Build(t.Context(), project, []string{"frontend"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wrong := &Publisher{Docker: docker, Keychain: fixedLogin{"anna", "wrong-password"}}
	_, err = wrong.Push(t.Context(), built[0].Reference, nil)
	if err == nil || !strings.Contains(err.Error(), "docker login "+registry.Address()) || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("got %v", err)
	}
	right := &Publisher{Docker: docker, Keychain: fixedLogin{"anna", "hunter2"}}
	if _, err := right.Push(t.Context(), built[0].Reference, nil); err != nil {
		t.Error(err)
	}
}

func TestPushToNowhere(t *testing.T) {
	docker := dockerEngine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	listener.Close()
	built, err := (&Builder{Docker: docker}).Build(t.Context(), shop(t, docker, host), []string{"frontend"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Publisher{Docker: docker}).Push(t.Context(), built[0].Reference, nil)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "check the registry's name, "+host) {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestBuildFailures(t *testing.T) {
	docker := dockerEngine(t)
	labels := labelled(t, docker)
	for _, test := range []struct {
		name, dockerfile, target string
		want                     []string
	}{
		{
			"step", "FROM debian:trixie-slim\nRUN --mount=type=secret,id=token echo \"first line\"; cat /run/secrets/token; echo; echo last line >&2; exit 9", "",
			[]string{"build backend: step [", "RUN --mount=type=secret,id=token echo", "echo last line >&2; exit 9: exit code: 9", "| first line", "| ***", "| last line"},
		},
		{
			"file", "FROM scratch\nCOPY missing /", "",
			[]string{"build backend: step ", "missing", "excluded by .dockerignore"},
		},
		{"target", "FROM scratch AS one\nCOPY x /", "two", []string{"build backend", "two"}},
		{"syntax", "FROM scratch\nRUNN x", "", []string{"build backend", "RUNN"}},
		{"secret", "FROM debian:trixie-slim\nRUN --mount=type=secret,id=other,required true", "", []string{"build backend", "other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := tree(t, map[string]string{"Dockerfile": test.dockerfile, "x": "x"})
			project := load(t, directory, strings.ReplaceAll(`
services:
  backend: {image: "webshop-deploy-test/broken:v1", build: {context: ., target: "`+test.target+`", secrets: [token], labels: LABELS}}
secrets: {token: {environment: TOKEN}}
`, "LABELS", labels), map[string]string{"TOKEN": "s3cr3t-value"})
			var out bytes.Buffer
			_, err := (&Builder{Docker: docker}).Build(t.Context(), project, nil, Options{Out: &out, Plain: true})
			failure, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			t.Log(failure)
			for _, want := range test.want {
				if !strings.Contains(failure.Error(), want) {
					t.Errorf("the error has no %q", want)
				}
			}
			if text := out.String() + failure.Error(); strings.Contains(text, "s3cr3t-value") {
				t.Errorf("a secret is shown:\n%s", text)
			}
		})
	}
}

// One build fails, and the other, which would not end, is ended.
func TestBuildEndsTogether(t *testing.T) {
	docker := dockerEngine(t)
	labels := labelled(t, docker)
	directory := tree(t, map[string]string{"nonce": t.TempDir()})
	project := load(t, directory, strings.ReplaceAll(`
services:
  broken: {build: {context: ., dockerfile_inline: "FROM debian:trixie-slim\nCOPY nonce /\nRUN exit 3", labels: LABELS}}
  endless: {build: {context: ., dockerfile_inline: "FROM debian:trixie-slim\nCOPY nonce /\nRUN sleep 600", labels: LABELS}}
`, "LABELS", labels), nil)
	started := time.Now()
	_, err := (&Builder{Docker: docker}).Build(t.Context(), project, nil, Options{})
	if failure, ok := errors.AsType[*Error](err); !ok || failure.Subject != "broken" || !strings.Contains(err.Error(), "exit code: 3") || strings.Contains(err.Error(), "endless") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// A cancelled build ends the step that runs, and says so.
func TestBuildIsCancelled(t *testing.T) {
	docker := dockerEngine(t)
	labels := labelled(t, docker)
	directory := tree(t, map[string]string{"nonce": t.TempDir()})
	project := load(t, directory, strings.ReplaceAll(`
services:
  endless: {build: {context: ., dockerfile_inline: "FROM debian:trixie-slim\nCOPY nonce /\nRUN echo it runs; sleep 600", labels: LABELS}}
`, "LABELS", labels), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &trigger{text: "it runs\n", fire: cancel}
	if _, err := (&Builder{Docker: docker}).Build(ctx, project, nil, Options{Out: out, Plain: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// trigger is a writer that acts once a text was written.
type trigger struct {
	text string
	fire func()
	once sync.Once
	seen bytes.Buffer
}

func (t *trigger) Write(data []byte) (int, error) {
	t.seen.Write(data)
	if bytes.Contains(t.seen.Bytes(), []byte(t.text)) {
		t.once.Do(t.fire)
	}
	return len(data), nil
}
