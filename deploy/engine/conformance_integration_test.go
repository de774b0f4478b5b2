//go:build integration

package engine

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
)

// conforming is a project with the services that the expectations need. They
// do without the image's own command; LEVEL is what Changed has another of.
const conforming = `name: PROJECT
services:
  web:
    image: IMAGE
    command: [sh, -c, 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done']
    environment: {LEVEL: "1"}
    labels: {LABEL: PROJECT}
  stubborn:
    image: IMAGE
    command: [sh, -c, 'trap "" TERM; while :; do sleep 1; done']
    labels: {LABEL: PROJECT}
  crash:
    image: IMAGE
    command: [sh, -c, 'echo boom; exit 3']
    labels: {LABEL: PROJECT}
networks: {default: {labels: {LABEL: PROJECT}}}
`

func TestEngineConforms(t *testing.T) {
	docker := deploytest.Engine(t)
	registry := deploytest.NewRegistry(t, docker)
	image := shellImage(t, docker, registry.Address+"/conformance:1")
	pullable := startRegistry(t).push(t, openEngine(t), "pullable", "1")
	unknown := deploy.Image{Reference: registry.Address + "/conformance:2", Digest: "sha256:" + strings.Repeat("0", 64)}
	conformance.Engine(t, conformance.Plainly, func(t *testing.T) conformance.EngineSetup {
		engine := openEngine(t)
		name := "engine-test-" + strings.ToLower(rand.Text()[:8])
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
			defer cancel()
			if err := deploytest.Sweep(ctx, docker, name); err != nil {
				t.Error(err)
			}
		})
		compose := strings.NewReplacer("PROJECT", name, "IMAGE", image.Pinned(), "LABEL", deploytest.Label).Replace(conforming)
		return conformance.EngineSetup{
			Engine: engine, Release: loaded(t, compose, image), Web: "web", Stubborn: "stubborn", Crash: "crash",
			Changed:  loaded(t, strings.Replace(compose, `LEVEL: "1"`, `LEVEL: "2"`, 1), image),
			Pullable: pullable, Unknown: unknown,
		}
	})
}

// shellImage gives an image with a shell and the usual commands that a
// registry has and that is here by its digest, as after a deploy.
func shellImage(t *testing.T, docker *client.Client, reference string) deploy.Image {
	t.Helper()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM debian:trixie-slim\nENV UNIQUE="+rand.Text()+"\n"), 0o600))
	below, err := filepath.Rel(deploytest.Root(t), folder)
	must(t, err)
	deploytest.Build(t, docker, reference, below, nil)
	pushed := deploytest.Push(t, docker, reference).Image
	must(t, openEngine(t).Pull(t.Context(), pushed, func(int64, int64) {}))
	return pushed
}

// loaded is a release of a Compose file, as a deploy makes it.
func loaded(t *testing.T, compose string, image deploy.Image) *deploy.Release {
	t.Helper()
	model, err := deploy.ParseModel(t.Context(), filepath.Join(t.TempDir(), "docker-compose.test.yml"), []byte(compose))
	must(t, err)
	environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Hash: ConfigHash})
	must(t, err)
	release := &deploy.Release{Version: "v1", Images: map[string]deploy.Image{}, Environment: environment, Rendered: []byte(compose)}
	for _, service := range environment.Services {
		release.Images[service.Name] = image
	}
	return release
}
