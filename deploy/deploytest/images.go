package deploytest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/freezedesign/webshop-deploy/deploy"
	images "github.com/freezedesign/webshop-deploy/deploy/image"
)

// Base pulls or makes the image that the real services are built on.
func Base(t testing.TB) {
	t.Helper()
	once(t, "base image", func() error {
		command := exec.CommandContext(t.Context(), filepath.Join(Root(t), "scripts", "base-image.sh"))
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})
}

var done sync.Map

// once does something a single time for all tests of a process.
func once(t testing.TB, what string, do func() error) {
	t.Helper()
	entry, _ := done.LoadOrStore(what, sync.OnceValue(do))
	if err := entry.(func() error)(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// RepositoryLabel names the repository that a test application's image was
// made for.
const RepositoryLabel = Label + ".repository"

var appBinary []byte

// AppImage makes an image of the test application from nothing but its static
// binary. The environment is baked in, so that every release of it is another
// image, and they share their one layer. RepositoryLabel tells a test's own
// images from those of others.
func AppImage(t testing.TB, docker *client.Client, reference string, environment ...string) {
	t.Helper()
	once(t, "test application", func() (err error) {
		path := filepath.Join(os.TempDir(), fmt.Sprintf("deploytest-app-%d", os.Getpid()))
		defer os.Remove(path)
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./deploy/deploytest/app")
		build.Dir = Root(t)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		appBinary, err = os.ReadFile(path)
		return err
	})
	changes := []string{`ENTRYPOINT ["/app"]`, "LABEL " + Label + "=image", "LABEL " + RepositoryLabel + "=" + deploy.Repository(reference)}
	for _, variable := range environment {
		changes = append(changes, "ENV "+variable)
	}
	reply, err := docker.ImageImport(t.Context(), image.ImportSource{Source: appTar(), SourceName: "-"}, reference, image.ImportOptions{Changes: changes})
	if err != nil {
		t.Fatalf("make image %s: %v", reference, err)
	}
	defer reply.Close()
	if _, err := io.Copy(io.Discard, reply); err != nil {
		t.Fatalf("make image %s: %v", reference, err)
	}
}

func appTar() io.Reader {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range []string{"data/", "tmp/"} {
		_ = archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o777}) // into memory
	}
	_ = archive.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(appBinary))}) // as above
	_, _ = archive.Write(appBinary)
	_ = archive.Close()
	return &out
}

// Registry is the registry of this process's tests, on loopback. It and the
// images named after it are removed by CleanUp.
func Registry(t testing.TB) string {
	t.Helper()
	once(t, "registry", func() (err error) {
		if registryFolder, err = os.MkdirTemp("", "deploytest-registry-"); err != nil { //nolint:usetesting // outlives the test
			return err
		}
		registry, err = images.StartRegistry(context.Background(), images.RegistryOptions{Address: "127.0.0.1:0", Directory: registryFolder})
		return err
	})
	return registry.Address()
}

var (
	registry       *images.Registry
	registryFolder string
)

// PrivateRegistry is a registry of one test, which may stop it and start it
// again: what was pushed is kept, and so is its address.
type PrivateRegistry struct {
	Address string
	// Password is that of RegistryUser; nobody is asked where it is empty.
	Password string

	t      testing.TB
	folder string
	inner  *images.Registry
}

// RegistryUser may push to and pull from a registry that asks.
const RegistryUser = "shop"

// NewRegistry starts a registry of the test's own; one with a password asks
// for it.
func NewRegistry(t testing.TB, docker *client.Client, password ...string) *PrivateRegistry {
	t.Helper()
	r := &PrivateRegistry{Address: "127.0.0.1:0", Password: strings.Join(password, ""), t: t, folder: t.TempDir()}
	r.Start()
	t.Cleanup(func() {
		r.Stop()
		if err := RemoveImages(context.Background(), docker, r.Address+"/"); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Start starts it, again at the address that it had.
func (r *PrivateRegistry) Start() {
	r.t.Helper()
	if r.inner != nil {
		return
	}
	var err error
	r.inner, err = images.StartRegistry(context.WithoutCancel(r.t.Context()), r.options())
	if err != nil {
		r.t.Fatal(err)
	}
	r.Address = r.inner.Address()
}

func (r *PrivateRegistry) options() images.RegistryOptions {
	options := images.RegistryOptions{Address: r.Address, Directory: r.folder}
	if r.Password != "" {
		options.Username, options.Password = RegistryUser, r.Password
	}
	return options
}

// Stop stops it: whoever asks it is refused.
func (r *PrivateRegistry) Stop() {
	r.t.Helper()
	if r.inner == nil {
		return
	}
	if err := r.inner.Close(); err != nil {
		r.t.Error(err)
	}
	r.inner = nil
}

// CleanUp removes what all tests of a process shared. A TestMain calls it.
func CleanUp() error {
	_ = os.Remove(binaryPath())
	if registry == nil {
		return nil
	}
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	defer docker.Close()
	return errors.Join(
		RemoveImages(context.Background(), docker, registry.Address()+"/"),
		removeUnnamed(context.Background(), docker),
		registry.Close(),
		os.RemoveAll(registryFolder),
	)
}

// Push pushes a reference and fails the test when it cannot.
func Push(t testing.TB, docker *client.Client, reference string) images.Pushed {
	t.Helper()
	pushed, err := (&images.Publisher{Docker: docker}).Push(t.Context(), reference, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// Build builds an image from a folder of the project, with BuildKit, and
// pushes it.
func Build(t testing.TB, docker *client.Client, reference, folder string, arguments map[string]string) {
	t.Helper()
	Base(t)
	args := types.MappingWithEquals{}
	for name, value := range arguments {
		args[name] = &value
	}
	service := types.ServiceConfig{Name: "image"}
	service.Image = reference
	service.Build = &types.BuildConfig{
		Context: filepath.Join(Root(t), folder), Args: args, Labels: types.Labels{Label: "image"},
	}
	project := &types.Project{WorkingDir: Root(t), Services: types.Services{"image": service}}
	builder := &images.Builder{Docker: docker}
	if _, err := builder.Build(t.Context(), project, nil, images.Options{}); err != nil {
		t.Fatalf("build %s: %v", reference, err)
	}
	Push(t, docker, reference)
}

// ProxyImage builds the stand-in for the official HAProxy image, once, and
// gives its reference.
func ProxyImage(t testing.TB, docker *client.Client) string {
	t.Helper()
	reference := Registry(t) + "/haproxy:1"
	once(t, "proxy image", func() error {
		Build(t, docker, reference, "compose/images/haproxy", nil)
		return nil
	})
	return reference
}
