//go:build integration

package image

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// buildBuildkit builds BuildKit's own daemon and command from the module that
// go.mod names. Its own module is the main one then: what it needs is not in
// our go.mod.
func buildBuildkit(t *testing.T, directory string) {
	t.Helper()
	source, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", directory, "./cmd/buildkitd", "./cmd/buildctl")
	build.Dir = strings.TrimSpace(string(source))
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build BuildKit: %v\n%s", err, output)
	}
}

// startBuildkit runs BuildKit in a container on this machine's own network,
// where it reaches the tests' registry.
func startBuildkit(t *testing.T, docker *client.Client) (address, name string) {
	t.Helper()
	directory := tree(t, map[string]string{"Dockerfile": `
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends runc && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY buildkitd buildctl /usr/local/bin/
`})
	buildBuildkit(t, directory)
	project := load(t, directory, `
services: {buildkitd: {image: "webshop-deploy-test/buildkitd:v1", build: {context: ., labels: `+labelled(t, docker)+`}}}
`, nil)
	if _, err := (&Builder{Docker: docker}).Build(t.Context(), project, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = "tcp://" + listener.Addr().String()
	listener.Close()
	config := &container.Config{
		Image: "webshop-deploy-test/buildkitd:v1", Labels: map[string]string{testLabel: "1"},
		// The socket is where buildctl in the container looks.
		Cmd: []string{"buildkitd", "--addr", address, "--addr", "unix:///run/buildkit/buildkitd.sock", "--oci-worker-snapshotter", "native", "--oci-worker-net", "host"},
	}
	var refused error
	for _, privileged := range []bool{true, false} {
		host := &container.HostConfig{NetworkMode: "host", Privileged: privileged}
		if !privileged {
			host.CapAdd, host.CapDrop = []string{"ALL"}, []string{"SYS_RESOURCE"}
			host.MaskedPaths, host.ReadonlyPaths = []string{}, []string{}
			host.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
		}
		name, err := runBuildkit(t, docker, config, host)
		if err == nil {
			return address, name
		}
		refused = errors.Join(refused, err)
	}
	t.Fatalf("start buildkitd: %v", refused)
	return "", ""
}

// runBuildkit waits until the daemon says that it listens.
func runBuildkit(t *testing.T, docker *client.Client, config *container.Config, host *container.HostConfig) (name string, err error) {
	created, err := docker.ContainerCreate(t.Context(), config, host, nil, nil, "")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := docker.ContainerRemove(ctx, created.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			t.Error(err)
		}
	})
	if err := docker.ContainerStart(t.Context(), created.ID, container.StartOptions{}); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := docker.ContainerLogs(ctx, created.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var said strings.Builder
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		if strings.Contains(lines.Text(), "running server on") {
			return created.ID, nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	return "", errors.New(said.String())
}

func TestBuildElsewhere(t *testing.T) {
	docker := dockerEngine(t)
	address, name := startBuildkit(t, docker)
	builder := &Builder{Address: address, Keychain: fixedLogin{"anna", canary}}
	registry := startRegistry(t, RegistryOptions{Username: "anna", Password: canary})
	host := registry.Address()
	directory := tree(t, map[string]string{"file": t.Name() + time.Now().String()})
	project := load(t, directory, strings.ReplaceAll(`
services:
  frontend: &frontend
    image: HOST/webshop-deploy-test/frontend:v1
    build: &build
      context: .
      dockerfile_inline: |
        FROM scratch
        COPY file /
      tags: [HOST/webshop-deploy-test/frontend:latest]
      cache_from: ["HOST/webshop-deploy-test/cache:x"]
      cache_to: ["type=registry,ref=HOST/webshop-deploy-test/cache:x,mode=max"]
  other: {<<: *frontend, image: "HOST/webshop-deploy-test/other:v1"}
`, "HOST", host), nil)
	tree := func(string) (string, error) { return "tree-1", nil }
	var out bytes.Buffer
	built, err := builder.Build(t.Context(), project, nil, Options{Version: "v1", Tree: tree, Out: &out, Plain: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	inputs, err := builder.Inputs(project, nil, Options{Tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	registries := &Registries{Keychain: builder.Keychain}
	publisher := &Publisher{Keychain: builder.Keychain} // without an engine
	for _, one := range built {
		if !strings.HasPrefix(one.Digest, "sha256:") {
			t.Fatalf("got %+v", one)
		}
		if _, err := registries.Resolve(t.Context(), one.Reference); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is there before it is published: %v", one.Reference, err)
		}
		pushed, err := publisher.Publish(t.Context(), one.Reference, []string{"latest"}, PublishOptions{Digest: one.Digest})
		if err != nil || pushed.Digest != one.Digest {
			t.Fatalf("got %v, %v", pushed, err)
		}
		found, label, err := registries.InputsOf(t.Context(), one.Reference)
		if err != nil || found.Digest != one.Digest || label != inputs[one.Services[0]] || label == "" {
			t.Errorf("got %v, %q, %v, want %v", found, label, err, inputs)
		}
		if layers, err := registries.Layers(t.Context(), found, ""); err != nil || len(layers) != 1 || layers[0].Compressed == 0 {
			t.Errorf("the layers are %v, %v", layers, err)
		}
		if _, err := docker.ImageInspect(t.Context(), one.Reference); err == nil {
			t.Error("the engine has the image")
		}
	}
	if len(built) != 2 || built[0].Digest != built[1].Digest {
		t.Errorf("one build made %+v", built)
	}
	if _, err := registries.Resolve(t.Context(), host+"/webshop-deploy-test/cache:x"); err != nil {
		t.Errorf("the cache was not exported: %v", err)
	}
	if strings.Contains(out.String(), canary) {
		t.Error("the display shows the password")
	}

	elsewhereFails(t, builder, project, host)

	inside := &Builder{Address: "docker-container://" + name, Keychain: builder.Keychain}
	again, err := inside.Build(t.Context(), project, []string{"frontend"}, Options{Version: "v1", Tree: tree})
	if err != nil || len(again) != 1 || again[0].Digest != built[0].Digest {
		t.Errorf("through the docker command: %+v, %v", again, err)
	}
}

// elsewhereFails asks the same builder for what cannot be.
func elsewhereFails(t *testing.T, builder *Builder, project *types.Project, host string) {
	t.Helper()
	_, err := builder.Build(t.Context(), project, nil, Options{Platform: "linux/ppc"})
	if err == nil || !strings.Contains(err.Error(), "the builder at "+builder.Address+" does not run linux/ppc, only linux/") {
		t.Errorf("got %v", err)
	}
	wrong := &Builder{Address: builder.Address, Keychain: fixedLogin{"anna", "wrong-" + canary}}
	frontend := project.Services["frontend"]
	frontend.Build.CacheTo, frontend.Build.CacheFrom = nil, nil
	var out bytes.Buffer
	_, err = wrong.Build(t.Context(), project, []string{"frontend"}, Options{Out: &out, Plain: true})
	t.Log(err)
	for _, want := range []string{"push image " + host, "does not accept the login from the keychain that was given", "no tag was moved"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error()+out.String(), canary) {
		t.Error("the password is shown")
	}
}
