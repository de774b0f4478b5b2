//go:build integration

package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const testLabel = "webshop-deploy.test"

// openEngine connects to the engine of this machine; a machine without one
// fails the test.
func openEngine(t testing.TB) *Engine {
	t.Helper()
	engine, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

// probeBinary is built once for all tests.
var probeBinary = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "probe")
	build := exec.Command("go", "build", "-o", path, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, &exec.Error{Name: "go build: " + string(output), Err: err}
	}
	return os.ReadFile(path)
})

// importImage makes a local image with the probe in it and nothing else.
func importImage(t testing.TB, engine *Engine, name string) {
	t.Helper()
	binary, err := probeBinary()
	if err != nil {
		t.Fatal(err)
	}
	importFile(t, engine, name, "probe", binary)
}

// importFile makes an image of one executable file.
func importFile(t testing.TB, engine *Engine, name, file string, content []byte) {
	t.Helper()
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	must(t, writer.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(content))}))
	_, err := writer.Write(content)
	must(t, err)
	must(t, writer.Close())
	stream, err := engine.docker.ImageImport(t.Context(), image.ImportSource{Source: &archive, SourceName: "-"}, name, image.ImportOptions{
		Changes: []string{`ENTRYPOINT ["/probe"]`, `CMD ["serve"]`, "LABEL " + testLabel + "=1", "ENV UNIQUE=" + rand.Text()},
	})
	must(t, err)
	_, err = io.Copy(io.Discard, stream)
	must(t, err)
	t.Cleanup(func() { removeImage(t, engine, name) })
}

func removeImage(t testing.TB, engine *Engine, name string) {
	_, _ = engine.docker.ImageRemove(context.WithoutCancel(t.Context()), name, image.RemoveOptions{Force: true})
}

// testRegistry is a real registry in this process.
type testRegistry struct {
	*httptest.Server
	host   string
	answer http.Handler
	mu     sync.Mutex
	asked  int
}

func startRegistry(t testing.TB) *testRegistry {
	started := &testRegistry{answer: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	started.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started.mu.Lock()
		started.asked++
		answer := started.answer
		started.mu.Unlock()
		answer.ServeHTTP(w, r)
	}))
	started.host = strings.TrimPrefix(started.URL, "http://")
	t.Cleanup(started.Close)
	return started
}

func (r *testRegistry) become(answer http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// push imports an image, pushes it, and removes it here.
func (r *testRegistry) push(t testing.TB, engine *Engine, repository, tag string) deploy.Image {
	t.Helper()
	name := r.host + "/" + repository + ":" + tag
	importImage(t, engine, name)
	pushed := r.pushed(t, engine, name)
	removeImage(t, engine, name)
	return pushed
}

// pushed pushes what the engine has under that name.
func (r *testRegistry) pushed(t testing.TB, engine *Engine, name string) deploy.Image {
	t.Helper()
	stream, err := engine.docker.ImagePush(t.Context(), name, image.PushOptions{RegistryAuth: "e30="})
	must(t, err)
	defer stream.Close()
	var digest string
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		var message struct {
			Error string
			Aux   struct{ Digest string }
		}
		must(t, json.Unmarshal(lines.Bytes(), &message))
		if message.Error != "" {
			t.Fatal(message.Error)
		}
		if message.Aux.Digest != "" {
			digest = message.Aux.Digest
		}
	}
	if digest == "" {
		t.Fatal("the push gave no digest")
	}
	pushed := deploy.Image{Reference: name, Digest: digest}
	t.Cleanup(func() { removeImage(t, engine, pushed.Pinned()) })
	return pushed
}

// application is a Compose project that is removed when its test ends.
type application struct {
	t      testing.TB
	engine *Engine
	name   string
	image  string
	folder string
}

func newApplication(t testing.TB) *application {
	t.Helper()
	engine := openEngine(t)
	name := "engine-test-" + strings.ToLower(rand.Text()[:8])
	app := &application{t: t, engine: engine, name: name, image: name + ":v1", folder: t.TempDir()}
	importImage(t, engine, app.image)
	t.Cleanup(func() {
		if err := engine.Down(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	return app
}

// release loads a Compose file as the deploy does: IMAGE stands for the
// application's image.
func (a *application) release(compose string) *deploy.Release {
	a.t.Helper()
	compose = strings.ReplaceAll(compose, "IMAGE", a.image)
	details := types.ConfigDetails{
		WorkingDir:  a.folder,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(a.folder, "docker-compose.test.yml"), Content: []byte(compose)}},
		Environment: types.Mapping{"API_TOKEN": "hunter2hunter2"},
	}
	project, err := loader.LoadWithContext(a.t.Context(), details, loader.WithDiscardEnvFiles, func(o *loader.Options) {
		o.SetProjectName(a.name, true)
	})
	must(a.t, err)
	environment := &deploy.Environment{Name: "test", Project: project}
	for name, service := range project.Services {
		service.Labels = service.Labels.Add(testLabel, "1")
		project.Services[name] = service
		environment.Services = append(environment.Services, &deploy.Service{Name: name, Replicas: service.GetScale()})
	}
	for name, network := range project.Networks {
		if network.Labels == nil {
			network.Labels = types.Labels{}
		}
		network.Labels[testLabel] = "1"
		project.Networks[name] = network
	}
	for name, volume := range project.Volumes {
		if volume.Labels == nil {
			volume.Labels = types.Labels{}
		}
		volume.Labels[testLabel] = "1"
		project.Volumes[name] = volume
	}
	return &deploy.Release{Version: "v1", Environment: environment, Rendered: []byte(compose)}
}

func (a *application) create(release *deploy.Release, service string, count int) []deploy.Container {
	a.t.Helper()
	created, err := a.engine.Create(a.t.Context(), release, service, count)
	must(a.t, err)
	if len(created) != count {
		a.t.Fatalf("created %d containers, want %d", len(created), count)
	}
	return created
}

func (a *application) observe() []deploy.Container {
	a.t.Helper()
	observed, _, err := a.engine.Observe(a.t.Context(), a.name)
	must(a.t, err)
	return observed
}

func (a *application) inspect(id string) deploy.Container {
	a.t.Helper()
	found, err := a.engine.Inspect(a.t.Context(), id)
	must(a.t, err)
	return found
}

// awaitLine reads a container's log until a line says so.
func (a *application) awaitLine(id, text string) {
	a.t.Helper()
	stream, err := a.engine.docker.ContainerLogs(a.t.Context(), id, container.LogsOptions{ShowStdout: true, Follow: true})
	must(a.t, err)
	defer stream.Close()
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	a.t.Fatalf("container %s ended without saying %q", id, text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
