package deploy_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// shop is a Compose file with one service of each kind.
const shop = `name: shop
services:
  proxy:
    image: haproxy:3.0
    ports: ["80:8080"]
    x-deploy:
      proxy: true
  backend:
    image: registry.example/shop/backend:${VERSION}
    expose: ["8000"]
    deploy:
      replicas: 2
    depends_on: [db]
    x-deploy:
      route: {listen: 8080, port: 8000, path: /api}
      health: {path: /api/health/}
  frontend:
    image: registry.example/shop/frontend:${VERSION}
    expose: ["3000"]
    x-deploy:
      route: {listen: 8080, port: 3000}
      health: {path: /}
  worker:
    image: registry.example/shop/backend:${VERSION}
    command: [celery, worker]
    stop_grace_period: 60s
    healthcheck:
      test: [CMD, worker-health]
    x-deploy:
      quiet: [worker-quiet]
      resume: [worker-resume]
  beat:
    image: registry.example/shop/backend:${VERSION}
    command: [celery, beat]
    deploy:
      update_config: {order: stop-first}
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD, pg_isready]
volumes:
  data: {}
x-deploy:
  verify:
    - url: http://127.0.0.1:80/
`

// hooked is x-deploy's part with a hook of each kind, for the end of a shop.
const hooked = `  hooks:
    before_switch:
      - {name: warm, service: backend, command: [sleep, "1"], timeout: 20s}
      - {name: look, host: true, command: bin/look --all, timeout: 5s}
    after_success:
      - {name: tell, host: true, command: [echo, "it serves"]}
    on_failure:
      - {name: page, host: true, command: [page]}
    on_rollback:
      - {name: purge, service: backend, command: [purge]}
`

// edit replaces pairs of texts, each of which must be there.
func edit(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for at := 0; at < len(pairs); at += 2 {
		if !strings.Contains(text, pairs[at]) {
			t.Fatalf("the text to edit does not contain %q", pairs[at])
		}
		text = strings.ReplaceAll(text, pairs[at], pairs[at+1])
	}
	return text
}

// made keeps releases, which nothing changes, by version and Compose file:
// decoding one takes longer than most tests of it.
var made sync.Map

// release makes a release of a Compose file without a host.
func release(t *testing.T, compose, version string) *deploy.Release {
	t.Helper()
	if found, ok := made.Load(version + compose); ok {
		copied := *found.(*deploy.Release)
		return &copied // its migrations are what the test's own images say
	}
	const path = "/opt/shop/docker-compose.production.yml"
	options := deploy.LoadOptions{Version: version, Hash: fake.Hash}
	model, err := deploy.ParseModel(t.Context(), path, []byte(compose))
	if err != nil {
		t.Fatal(err)
	}
	environment, err := model.Load(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	release := &deploy.Release{ID: version, Version: version, Images: map[string]deploy.Image{}}
	for _, service := range environment.Services {
		release.Images[service.Name] = fake.Image(service.Image)
	}
	if release.Rendered, err = model.Render(deploy.RenderOptions{Version: version, Images: release.Images}); err != nil {
		t.Fatal(err)
	}
	if model, err = deploy.ParseModel(t.Context(), path, release.Rendered); err != nil {
		t.Fatal(err)
	}
	if release.Environment, err = model.Load(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	made.Store(version+compose, release)
	copied := *release
	return &copied
}

// observed is a state in the making.
type observed struct {
	deploy.State
	t *testing.T
	// releases are those whose containers may be there.
	releases map[string]*deploy.Release
}

// nothing is a host with the images of the releases and nothing else.
func nothing(t *testing.T, releases ...*deploy.Release) *observed {
	t.Helper()
	o := &observed{t: t, releases: map[string]*deploy.Release{}}
	o.Present = map[string]bool{}
	for _, one := range releases {
		o.releases[one.Version] = one
		for _, image := range one.Images {
			o.Present[image.Pinned()] = true
		}
	}
	return o
}

// rest is a host on which the first release serves undisturbed.
func rest(t *testing.T, serving *deploy.Release, others ...*deploy.Release) *observed {
	t.Helper()
	o := nothing(t, append(others, serving)...)
	o.Serving, o.InPlace = serving, true
	o.Proxy.Up, o.Proxy.Current = true, true
	for _, service := range serving.Environment.Services {
		for number := range service.Replicas {
			routed := ""
			if service.Route != nil {
				routed = "routed"
			}
			o.with(fmt.Sprintf("%s-%d %s %s", service.Name, number+1, serving.Version, routed))
		}
	}
	return o
}

// with adds containers, one a line: "backend-3 v2 routed 200MB". The words
// behind the release are statuses, "routed", "draining", "oneoff",
// "unhealthy", and what it uses of memory.
func (o *observed) with(lines ...string) *observed {
	o.t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		at := strings.LastIndex(words[0], "-")
		number, err := strconv.Atoi(words[0][at+1:])
		if err != nil {
			o.t.Fatal(err)
		}
		c := deploy.Container{
			ID: words[0] + words[1], Name: "shop-" + words[0], Service: words[0][:at], Number: number,
			Status: deploy.StatusRunning, ConfigHash: "of no release",
		}
		if of, ok := o.releases[words[1]]; ok {
			if service, ok := of.Service(c.Service); ok {
				c.ConfigHash, c.Image = service.Hash, of.Images[c.Service].Pinned()
			}
		}
		if words[1] == "otherwise" { // configured, with the image that serves
			c.Image = o.Serving.Images[c.Service].Pinned()
		}
		for _, word := range words[2:] {
			o.word(&c, word)
		}
		o.Containers = append(o.Containers, c)
	}
	return o
}

func (o *observed) word(c *deploy.Container, word string) {
	o.t.Helper()
	server := deploy.Server{Service: c.Service, Container: c.Name, Up: true}
	switch word {
	case "exited", "created", "restarting", "dead":
		c.Status = deploy.ContainerStatus(word)
	case "unhealthy":
		c.Health = deploy.HealthUnhealthy
	case "oneoff":
		c.OneOff, c.Ours = true, true
	case "routed":
		server.State = deploy.ServerReady
		o.Proxy.Servers = append(o.Proxy.Servers, server)
	case "draining":
		server.State = deploy.ServerDraining
		o.Proxy.Servers = append(o.Proxy.Servers, server)
	default:
		size, err := strconv.ParseUint(strings.TrimSuffix(word, "MB"), 10, 64)
		if err != nil {
			o.t.Fatalf("%q is no word for a container", word)
		}
		c.MemoryBytes = size * 1_000_000
	}
}

// set changes the container of that name, or takes it away where no word is
// given: "backend-1", "draining".
func (o *observed) set(name string, words ...string) *observed {
	o.t.Helper()
	name = "shop-" + name
	var servers []deploy.Server
	for _, server := range o.Proxy.Servers {
		if server.Container != name {
			servers = append(servers, server)
		}
	}
	o.Proxy.Servers = servers
	for at := range o.Containers {
		if o.Containers[at].Name != name {
			continue
		}
		if len(words) == 0 {
			o.Containers = append(o.Containers[:at:at], o.Containers[at+1:]...)
			return o
		}
		for _, word := range words {
			o.word(&o.Containers[at], word)
		}
		return o
	}
	o.t.Fatalf("no container %s", name)
	return o
}

// free sets what the host has left of memory.
func (o *observed) free(megabytes uint64) *observed {
	o.Memory = deploy.Memory{Total: 2_000_000_000, Available: megabytes * 1_000_000}
	return o
}

// plan plans and gives the text.
func (o *observed) plan(want *deploy.Release, options deploy.PlanOptions) string {
	o.t.Helper()
	plan, err := deploy.NewPlan(o.State, want, options)
	if err != nil {
		return err.Error() + "\n"
	}
	return plan.String()
}
