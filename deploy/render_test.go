package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	path := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// split is a shop in three files.
var split = map[string]string{
	"docker-compose.staging.yml": `name: shop
include: [data.yml]
services:
  proxy:
    image: haproxy:3.0
    ports: ["80:8080"]
    group_add: ["99"]
    x-deploy: {proxy: true}
  backend:
    extends: {file: common.yml, service: python}
    build: ../backend
    expose: ["8000"]
    environment:
      RELEASE: ${VERSION}
      OTHER: ${VERSION:-none}/$VERSION
      PRICE: $${VERSION} and $$VERSION
      KEY: ${SECRET_KEY}
      VERSIONS: ${VERSIONS:-1}
    depends_on:
      db: {condition: service_healthy}
    x-deploy:
      route: {listen: 8080, port: 8000}
`,
	"common.yml": `services:
  python:
    image: ${REGISTRY:-registry.example}/backend:${VERSION}
    stop_grace_period: 20s
`,
	"data.yml": `services:
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
`,
}

func TestRenderedFile(t *testing.T) {
	path := filepath.Join(folder(t, split), "docker-compose.staging.yml")
	model, err := deploy.ReadModel(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]deploy.Image{
		"proxy":   {Reference: "haproxy:3.0", Digest: "sha256:aa"},
		"backend": {Reference: "registry.example:5000/backend:v1", Digest: "sha256:bb"},
		"db":      {Reference: "postgres:17", Digest: "sha256:cc"},
	}
	rendered, err := model.Render(deploy.RenderOptions{Version: "v1", Images: images, Proxy: deploy.ProxyContainer{Group: "1000", DNSOptions: []string{"timeout:1"}, Alias: "unused"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `# Release v1, written by the deploy; the next deploy or rollback replaces it.
name: shop
services:
  backend:
    environment:
      KEY: ${SECRET_KEY}
      OTHER: v1/v1
      PRICE: $${VERSION} and $$VERSION
      RELEASE: v1
      VERSIONS: ${VERSIONS:-1}
    expose:
      - "8000"
    image: registry.example:5000/backend@sha256:bb
    stop_grace_period: 20s
    x-deploy:
      depends_on:
        - db
      route:
        listen: 8080
        port: 8000
  db:
    image: postgres@sha256:cc
    volumes:
      - source: data
        target: /var/lib/postgresql/data
        type: volume
        volume: {}
  proxy:
    dns_opt:
      - timeout:1
    group_add:
      - "99"
      - "1000"
    image: haproxy@sha256:aa
    networks:
      default:
        aliases:
          - unused
    ports:
      - mode: ingress
        protocol: tcp
        published: "80"
        target: 8080
    x-deploy:
      proxy: true
volumes:
  data: {}
`
	if string(rendered) != want {
		t.Errorf("rendered\n%s\nwant\n%s", rendered, want)
	}

	again, err := deploy.ParseModel(t.Context(), path, rendered)
	if err != nil {
		t.Fatal(err)
	}
	same, err := again.Render(deploy.RenderOptions{Version: "v1", Images: map[string]deploy.Image{}})
	if err != nil || string(same) != string(rendered) {
		t.Errorf("rendering the rendered file changes it (%v):\n%s", err, same)
	}

	environment, err := again.Load(t.Context(), deploy.LoadOptions{
		Version: "v1", Variables: map[string]string{"SECRET_KEY": "secret"}, Hash: fake.Hash,
	})
	if err != nil {
		t.Fatal(err)
	}
	backend, _ := environment.Service("backend")
	if !slices.Equal(backend.DependsOn, []string{"db"}) {
		t.Errorf("backend depends on %v", backend.DependsOn)
	}
	values := map[string]string{}
	for key, value := range environment.Project.Services["backend"].Environment {
		values[key] = *value
	}
	wantValues := map[string]string{
		"RELEASE": "v1", "OTHER": "v1/v1", "PRICE": "${VERSION} and $VERSION", "KEY": "secret", "VERSIONS": "1",
	}
	if !maps.Equal(values, wantValues) {
		t.Errorf("backend's environment is %v, not %v", values, wantValues)
	}
}

func TestRenderingForABuildKeepsTheBuild(t *testing.T) {
	model, err := deploy.ReadModel(t.Context(), filepath.Join(folder(t, split), "docker-compose.staging.yml"))
	if err != nil {
		t.Fatal(err)
	}
	environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Build: true})
	if err != nil {
		t.Fatal(err)
	}
	if environment.Name != "staging" || environment.Project.Services["backend"].Build == nil {
		t.Errorf("environment %s has the build %v", environment.Name, environment.Project.Services["backend"].Build)
	}
}

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		name, service string
		want          deploy.Kind
	}{
		{"nothing of its own", `{image: a}`, deploy.KindRolled},
		{"a port inside", `{image: a, expose: ["80"]}`, deploy.KindRolled},
		{"a port of the host", `{image: a, ports: ["80:80"]}`, deploy.KindKept},
		{"a port that the engine chooses", `{image: a, ports: ["80"]}`, deploy.KindRolled},
		{"a volume", `{image: a, volumes: ["data:/data"]}`, deploy.KindKept},
		{"a volume to read", `{image: a, volumes: ["data:/data:ro"]}`, deploy.KindRolled},
		{"a folder of the host", `{image: a, volumes: ["/srv:/data"]}`, deploy.KindKept},
		{"an anonymous volume", `{image: a, volumes: ["/data"]}`, deploy.KindRolled},
		{"a volume in memory", `{image: a, tmpfs: ["/tmp"]}`, deploy.KindRolled},
		{"the host's network", `{image: a, network_mode: host}`, deploy.KindKept},
		{"stop-first", `{image: a, deploy: {update_config: {order: stop-first}}}`, deploy.KindSingleton},
		{"stop-first with a volume", `{image: a, volumes: ["data:/data"], deploy: {update_config: {order: stop-first}}}`, deploy.KindSingleton},
		{"start-first with a volume", `{image: a, volumes: ["data:/data"], deploy: {update_config: {order: start-first}}}`, deploy.KindRolled},
		{"the proxy", `{image: a, ports: ["80:80"], x-deploy: {proxy: true}}`, deploy.KindProxy},
	} {
		t.Run(test.name, func(t *testing.T) {
			made := release(t, "name: kinds\nservices:\n  one: "+test.service+"\nvolumes: {data: {}}\n", "v1")
			if one, _ := made.Service("one"); one.Kind != test.want {
				t.Errorf("it is %s, not %s", one.Kind, test.want)
			}
		})
	}
}

func TestStartOrder(t *testing.T) {
	var names []string
	for _, service := range release(t, shop, "v1").Environment.Services {
		names = append(names, service.Name)
	}
	if want := []string{"db", "backend", "beat", "frontend", "proxy", "worker"}; !slices.Equal(names, want) {
		t.Errorf("the order is %v, not %v", names, want)
	}
}

func TestEnvironmentNames(t *testing.T) {
	for path, want := range map[string]string{
		"compose/docker-compose.staging.yml": "staging", "docker-compose.yml": "default",
		"/opt/shop/compose.production.yaml": "production", "docker-compose.eu.west.yml": "eu.west",
	} {
		if got := deploy.EnvironmentName(path); got != want {
			t.Errorf("%s is %q, not %q", path, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, test := range []struct{ reference, repository, tag string }{
		{"postgres", "postgres", "latest"},
		{"postgres:17", "postgres", "17"},
		{"registry.example:5000/shop/backend", "registry.example:5000/shop/backend", "latest"},
		{"registry.example:5000/shop/backend:v1", "registry.example:5000/shop/backend", "v1"},
		{"registry.example:5000/shop/backend:v1@sha256:aa", "registry.example:5000/shop/backend", "v1"},
	} {
		if got := deploy.Repository(test.reference); got != test.repository {
			t.Errorf("the repository of %s is %s", test.reference, got)
		}
		if got := deploy.Tag(test.reference); got != test.tag {
			t.Errorf("the tag of %s is %s", test.reference, got)
		}
	}
}
