package image

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads a Compose file's text as the deployer does.
func load(t *testing.T, directory, text string, environment map[string]string) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  directory,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(directory, "docker-compose.test.yml"), Content: []byte(text)}},
		Environment: environment,
	}, func(options *loader.Options) { options.SetProjectName("shop", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// tree writes files below a temporary folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, content := range files {
		name = filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func TestRequestsShareABuild(t *testing.T) {
	project := load(t, t.TempDir(), `
services:
  backend: {image: "registry.example/shop/backend:v1", build: &b {context: ./backend, args: {A: "1"}, tags: ["registry.example/shop/backend:latest"]}}
  worker: {image: "registry.example/shop/backend:v1", build: *b}
  beat: {image: "registry.example/shop/beat:v1", build: *b}
  frontend: {build: ./frontend}
  postgres: {image: "postgres:17"}
`, nil)
	all, err := requests(project, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range all {
		got = append(got, strings.Join(one.services, "+")+" = "+strings.Join(one.references, "+")+" | "+strings.Join(one.tags, "+"))
	}
	want := []string{
		"backend+beat+worker = registry.example/shop/backend:v1+registry.example/shop/beat:v1 | registry.example/shop/backend:latest",
		"frontend = shop-frontend:latest | ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if only, err := requests(project, []string{"frontend"}, Options{}); err != nil || len(only) != 1 {
		t.Errorf("got %d requests, %v", len(only), err)
	}
}

func TestRequestsSayWhatTheyAsk(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "token"), []byte("from-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	project := load(t, directory, `
services:
  backend:
    image: shop/backend
    platform: linux/amd64
    build:
      context: ./backend
      dockerfile: ../docker/Backend.Dockerfile
      target: production
      args: {VERSION: "1", INHERITED: , UNSET: }
      labels: {org.opencontainers.image.version: mine}
      secrets: [{source: npm, target: npmrc}, pip]
      cache_from: ["registry.example/shop/cache:x", "type=local,src=/tmp/c"]
      extra_hosts: ["pypi.example=10.0.0.2"]
      network: host
      ulimits: {nofile: {soft: 1, hard: 2}, nproc: 7}
      shm_size: 64m
secrets:
  npm: {file: ./token}
  pip: {environment: PIP_TOKEN}
`, map[string]string{"INHERITED": "from-environment", "PIP_TOKEN": "from-variable"})
	all, err := requests(project, nil, Options{
		Version: "v1.15.0", Revision: "4f0c2d1", Source: "https://example/shop", Created: time.Unix(1e9, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	one := all[0]
	want := map[string]string{
		"filename": "Backend.Dockerfile", "target": "production", "platform": "linux/amd64",
		"build-arg:VERSION": "1", "build-arg:INHERITED": "from-environment",
		"label:" + labelVersion: "mine", "label:" + LabelRevision: "4f0c2d1", "label:" + labelSource: "https://example/shop",
		"label:" + labelCreated: "2001-09-09T01:46:40Z",
		"add-hosts":             "pypi.example=10.0.0.2", "force-network-mode": "host",
		"ulimit": "nofile=1:2,nproc=7:7", "shm-size": "67108864",
	}
	if !maps.Equal(one.attrs, want) {
		t.Errorf("got %v\nwant %v", one.attrs, want)
	}
	if one.context != filepath.Join(directory, "backend") || one.dockerfile != filepath.Join(directory, "docker") {
		t.Errorf("the folders are %s and %s", one.context, one.dockerfile)
	}
	if string(one.secrets["npmrc"]) != "from-file" || string(one.secrets["pip"]) != "from-variable" || len(one.secrets) != 2 {
		t.Errorf("the secrets are %d", len(one.secrets))
	}
	if len(one.cacheFrom) != 2 || one.cacheFrom[0].Attrs["ref"] != "registry.example/shop/cache:x" || one.cacheFrom[1].Attrs["src"] != "/tmp/c" {
		t.Errorf("the caches are %v", one.cacheFrom)
	}
	if !slices.Equal(one.entitlements, []string{"network.host"}) || !slices.Equal(one.references, []string{"shop/backend:latest"}) {
		t.Errorf("got %v %v", one.entitlements, one.references)
	}
}

func TestRequestsWithInlineAndRemote(t *testing.T) {
	project := load(t, t.TempDir(), `
services:
  a: {build: {context: ., dockerfile_inline: "FROM scratch"}}
  b: {build: {context: "https://git.example/shop.git#main", dockerfile: docker/Dockerfile, no_cache: true, pull: true, platforms: [linux/arm64]}}
`, nil)
	all, err := requests(project, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := all[0]; a.inline != "FROM scratch" || a.context == "" || a.dockerfile != "" || a.attrs["filename"] != "Dockerfile" {
		t.Errorf("got %+v", a.content)
	}
	want := map[string]string{
		"context": "https://git.example/shop.git#main", "filename": "docker/Dockerfile",
		"no-cache": "", "image-resolve-mode": "pull", "platform": "linux/arm64",
	}
	if b := all[1]; !maps.Equal(b.attrs, want) || b.context != "" || b.dockerfile != "" {
		t.Errorf("got %+v", b.content)
	}
}

func TestRequestsChooseThePlatform(t *testing.T) {
	for _, test := range []struct{ service, told, want string }{
		{`{build: .}`, "", ""},
		{`{build: .}`, "linux/arm64", "linux/arm64"},
		{`{build: .}`, "linux/arm64/v8", "linux/arm64"},
		{`{build: {context: ., platforms: [linux/amd64]}}`, "linux/arm64", "linux/amd64"},
		{`{platform: linux/amd64, build: .}`, "linux/arm64", "linux/amd64"},
		{`{platform: linux/amd64, build: {context: ., platforms: [linux/amd64, linux/arm64]}}`, "linux/arm64", "linux/amd64"},
		{`{build: {context: ., platforms: [linux/amd64, linux/arm64]}}`, "linux/arm64", "linux/arm64"},
		{`{build: {context: ., platforms: [linux/amd64, linux/arm64]}}`, "linux/s390x", "error"},
		{`{build: .}`, "linux/!", "error"},
	} {
		all, err := requests(load(t, t.TempDir(), "services: {a: "+test.service+"}", nil), nil, Options{Platform: test.told})
		got := "error"
		if err == nil {
			got = all[0].attrs["platform"]
		}
		if got != test.want {
			t.Errorf("%s, told %q: got %q, %v, want %q", test.service, test.told, got, err, test.want)
		}
	}
}

func TestRequestsRefuse(t *testing.T) {
	for _, test := range []struct{ file, service, want string }{
		{`services: {a: {image: x}}`, "a", "build a: the service has no build section"},
		{`services: {a: {build: .}}`, "b", "no such service"},
		{`services: {a: {image: "shop/x:1", build: ./a}, b: {image: "shop/x:1", build: ./b}}`, "", "another build section for the same image"},
		{`services: {a: {build: {context: ., platforms: [linux/amd64, linux/arm64]}}}`, "", "the engine builds one"},
		{`services: {a: {build: {context: ., network: mynet}}}`, "", "default, host and none"},
		{`services: {a: {build: {context: ., additional_contexts: {x: ./x}}}}`, "", "build.additional_contexts is not supported"},
		{`{services: {a: {build: {context: ., secrets: [s]}}}, secrets: {s: {environment: NOT_SET}}}`, "", "the variable NOT_SET is not set"},
		{`{services: {a: {build: {context: ., secrets: [s]}}}, secrets: {s: {file: ./none}}}`, "", "read secret s"},
	} {
		project := load(t, t.TempDir(), test.file, nil)
		var services []string
		if test.service != "" {
			services = []string{test.service}
		}
		if _, err := requests(project, services, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.file, err, test.want)
		}
	}
}
