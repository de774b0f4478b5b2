//go:build integration

package mage_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// shopCompose is a small application that runs on a server of its own, in two
// environments side by side. ENVIRONMENT, PORT and TAGS differ.
const shopCompose = `
name: shop-ENVIRONMENT
x-deploy:
  hosts: ["${VPS}", "${SECOND_VPS:-}"]
  directory: /opt/shop-ENVIRONMENT
  tags: TAGS
  notify: {github: "${TELL_GITHUB:-false}", address: "https://ENVIRONMENT.shop.example"}
  seed: {service: web, command: [healthcheck, "http://web:8080/healthz"]}
  verify:
    - {url: "http://127.0.0.1:PORT/healthz", interval: 200ms}
  watch: {requests: 50, slowdown: 100}
services:
  proxy:
    image: ${PUBLIC}/haproxy:1
    command: [haproxy, -W, -db, -S, "/var/lib/deploy-proxy/master.sock,mode,660", -f, /var/lib/deploy-proxy/haproxy.cfg]
    volumes: ["./.deploy/proxy:/var/lib/deploy-proxy"]
    ports: ["0.0.0.0:PORT:8080"]
    x-deploy: {proxy: true}
  web:
    image: ${REGISTRY}/web:${VERSION}
    build:
      context: ../web
      args: {BASE: "${PUBLIC}/app:shop-base", GREETING: "${GREETING:-hello}", HOG: "${HOG:-}"}
    expose: ["8080"]
    environment:
      APP_RELEASE: ${VERSION}
      APP_BOOT: ${BOOT:-0s}
      APP_EXIT_AFTER: ${EXIT_AFTER:-0s}
      SECRET: ${SECRET}
    volumes: ["orders:/data"]
    stop_grace_period: 12s
    deploy:
      update_config: {order: start-first, monitor: "${MONITOR:-1s}"}
    x-deploy:
      route: {port: 8080}
      health: {path: /healthz, budget: 30s}
      drain: 10s
volumes:
  orders: {}
`

const shopDockerfile = `ARG BASE
FROM ${BASE}
ARG GREETING HOG
ENV APP_HOG_MEMORY=${HOG}
LABEL greeting=${GREETING}
COPY page.txt /page.txt
`

// Secrets that no output, journal, argument or label may show.
const (
	canaryPassword = "canary-registry-7c1e"
	canarySecret   = "canary-variable-9d42"
)

// shop is the application on a laptop and the server that it is deployed to.
type shop struct {
	*deploytest.Laptop
	vps      *deploytest.VPS
	ssh      *deploytest.SSHD
	registry *deploytest.PrivateRegistry
}

func newShop(t testing.TB) *shop {
	t.Helper()
	docker := deploytest.Engine(t)
	deploytest.ProxyImage(t, docker)
	base := deploytest.Registry(t) + "/app:shop-base"
	deploytest.AppImage(t, docker, base)
	deploytest.Push(t, docker, base)
	s := &shop{registry: deploytest.NewRegistry(t, docker, canaryPassword)}
	s.vps = deploytest.NewVPS(t, deploytest.VPSOptions{})
	s.vps.Reach(s.registry.Address)
	s.ssh = deploytest.StartSSHD(s.vps, deploytest.SSHDOptions{})
	s.vps.WriteFile("/etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD:ALL\n", 0o440)
	s.Laptop = deploytest.NewLaptop(t, s.ssh.Home)
	s.LogIn(s.registry.Address, deploytest.RegistryUser, canaryPassword)
	s.Env = []string{"VPS=" + s.ssh.Host, "REGISTRY=" + s.registry.Address, "PUBLIC=" + deploytest.Registry(t)}
	for _, one := range []struct{ environment, port, tags string }{
		{"staging", "8081", `["{branch}", staging]`}, {"production", "8082", `["{major}.{minor}", latest]`},
	} {
		compose := strings.NewReplacer("ENVIRONMENT", one.environment, "PORT", one.port, "TAGS", one.tags).Replace(shopCompose)
		s.WriteFile("compose/docker-compose."+one.environment+".yml", compose)
		s.WriteFile(".env."+one.environment, "SECRET="+canarySecret+"\n")
	}
	s.WriteFile(".gitignore", ".env.*\n")
	s.WriteFile("web/Dockerfile", shopDockerfile)
	return s
}

// page changes the application and commits that.
func (s *shop) page(text string) string {
	s.T.Helper()
	s.WriteFile("web/page.txt", text+"\n")
	return s.Commit(text)
}

// answers gives the release that an environment's port answers with.
func (s *shop) answers(port string) string {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, "http://"+net.JoinHostPort(s.vps.Address, port)+"/", nil)
	if err != nil {
		s.T.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header.Get("X-Release")
}

// traffic sends requests from outside the server.
func (s *shop) traffic(port string) *load.Run {
	run := load.Start(context.WithoutCancel(s.T.Context()), load.Profile{
		Targets:   []load.Target{{Address: net.JoinHostPort(s.vps.Address, port)}},
		Rate:      200,
		Mix:       mix,
		Slow:      load.Loop{Path: "/slow?seconds=3", Count: 2},
		Stream:    load.Loop{Path: "/stream?seconds=3&chunks=30", Count: 2},
		WebSocket: load.Sessions{Path: "/ws", Count: 2, Length: 4 * time.Second, Every: 250 * time.Millisecond},
		Conns:     16, Timeout: 45 * time.Second,
	})
	s.T.Cleanup(func() { run.Stop() })
	await(s.T, time.Minute, "the load's first answers", func() bool { return run.Snapshot().OK() > 100 })
	return run
}

// settle ends the load and sees that nothing of it was lost.
func (s *shop) settle(run *load.Run) load.Report {
	s.T.Helper()
	report := run.Stop()
	s.T.Logf("%s", report)
	if report.Lost() > 0 {
		s.T.Errorf("%d requests were lost", report.Lost())
	}
	return report
}

// serves fails the test unless that release answers.
func (s *shop) serves(port, version string) {
	s.T.Helper()
	if got := s.answers(port); got != version {
		s.T.Errorf("port %s answers with %q, not %q", port, got, version)
	}
}

// prepare makes the server ready for an environment.
func (s *shop) prepare(environment string) {
	s.T.Helper()
	s.MustMage("host:setup", environment)
	s.MustMage("env:push", environment)
}

// TestFromALaptopToAServer is the runbook's flow, under load from outside the
// server: prepare, staging twice, back, a release, production.
func TestFromALaptopToAServer(t *testing.T) {
	alongside(t, apps)
	s := newShop(t)
	stop := s.watchProcesses()
	list := webhook.NewGitHub(t)
	s.Env = append(s.Env, "TELL_GITHUB=true", "GITHUB_API_URL="+list.Address, "GITHUB_REPOSITORY="+list.Repository, "GITHUB_TOKEN="+list.Token)
	first := s.page("one")
	s.prepare("staging")
	if seeded := s.MustMage("deploy:staging"); !strings.Contains(seeded.Output, "✓ seed") {
		t.Error("the first deploy imported no sample data")
	}
	s.serves("8081", first)
	run := s.traffic("8081")
	second := s.page("two")
	s.fewChannels(s.MustMage("-v", "deploy:staging"))
	s.serves("8081", second)
	s.recorded(list, "mage deploy:staging "+first, "in_progress", "success", "mage deploy:staging "+second, "in_progress", "success")
	again := s.MustMage("deploy:staging")
	if !strings.Contains(again.Output, "nothing to do") {
		t.Error("the same commit was rolled out again")
	}
	s.vps.MustRunIn("/", "sh", "-c", "echo ADDED=1 >> /opt/shop-staging/.env")
	if back := s.MustMage("rollback", first, "-env=staging"); !strings.Contains(back.Output, "has changed since "+first+" was made: ADDED") {
		t.Error("the rollback does not warn that a variable is new")
	}
	s.serves("8081", first)
	s.settle(run)
	s.recorded(list, "mage deploy:staging "+second, "in_progress", "success", "mage rollback "+first, "in_progress", "success")
	list.Always(webhook.Fail(http.StatusForbidden, `{"message": "Resource not accessible by integration"}`))
	s.operate(first)
	if followed := s.MustMage("deploy:follow", "-env=staging"); !strings.Contains(followed.Output, first+" serves") {
		t.Errorf("the last rollout was not shown")
	}
	s.looksBack(first, second)

	s.prepare("production")
	if refused := s.MustMage("deploy:staging"); !strings.Contains(refused.Output, "permissions: {deployments: write}") {
		t.Error("it is not said that GitHub was not told")
	}
	list.Always(nil)
	list.Runs = []webhook.Run{{Name: "test", Status: "completed", Conclusion: "success"}}
	s.MustMage("release", "v1.0.0")
	promoted := s.MustMage("deploy:production", "v1.0.0", "-yes")
	if !strings.Contains(promoted.Output, "promoted from "+second) {
		t.Error("what staging ran was built again")
	}
	s.serves("8082", "v1.0.0")
	s.recorded(list, "mage deploy:production v1.0.0", "in_progress", "success")
	s.tagged("v1.0.0", "1.0", "latest", "main", "staging")
	s.changeVariable()
	s.onTheHost()
	s.goesThroughTheChecklist(list)
	s.noCanary(stop())
}

// recorded takes what GitHub's list was told, and compares it with these: the
// description of each deployment, and the states after it.
func (s *shop) recorded(list *webhook.GitHub, wanted ...string) {
	s.T.Helper()
	var told []string
	for _, message := range list.Take() {
		if len(message.Body) == 0 {
			continue // the checklist reads
		}
		var entry struct {
			Ref, Description, State, Environment string
			EnvironmentURL                       string `json:"environment_url"`
		}
		if err := json.Unmarshal(message.Body, &entry); err != nil {
			s.T.Fatal(err)
		}
		if entry.Ref != "" {
			told = append(told, entry.Description)
			if s.Git("cat-file", "-t", entry.Ref) != "commit\n" {
				s.T.Errorf("%s is no commit", entry.Ref)
			}
			continue
		}
		told = append(told, entry.State)
		if !strings.HasSuffix(entry.EnvironmentURL, ".shop.example") {
			s.T.Errorf("the environment's address is %q", entry.EnvironmentURL)
		}
	}
	if !slices.Equal(told, wanted) {
		s.T.Errorf("GitHub was told %q, wanted %q", told, wanted)
	}
}

// operate looks after the release that serves from the laptop: what is typed
// there is done on the server, and ends as it does there.
func (s *shop) operate(version string) {
	s.T.Helper()
	if ran := s.Mage("exec", "web", "/app echo 7 'two words'", "-env=staging"); ran.Status != 7 ||
		!strings.Contains(ran.Output, "release "+version+"\n") || !strings.Contains(ran.Output, "\ntwo words\n") {
		s.T.Errorf("the command ended with %d", ran.Status)
	}
	if stats := s.MustMage("stats", "-env=staging"); !strings.Contains(stats.Output, "staging "+version) || !strings.Contains(stats.Output, "ready") {
		s.T.Error("no figures came")
	}
	logs := s.Start("logs", "-f", "-env=staging", "-grep=release="+version)
	logs.AwaitOutput("shop-staging-web-")
	logs.Signal(os.Interrupt)
	if ended := logs.Wait(); ended.Status != 0 {
		s.T.Errorf("Ctrl-C ended the logs with %d:\n%s", ended.Status, ended.Output)
	}
	s.MustMage("maintenance", "on", "-env=staging", "-message=back soon & later", "-allow=192.0.2.7")
	if got := s.answers("8081"); got != "" {
		s.T.Errorf("%s answers a visitor meanwhile", got)
	}
	if status := s.MustMage("status", "-env=staging"); !strings.Contains(status.Output, "maintenance is on since ") {
		s.T.Error("the status does not say so")
	}
	s.MustMage("maintenance", "off", "-env=staging")
	s.serves("8081", version)
}

// fewChannels fails the test if a deploy opened more SSH channels than a
// server with its usual limit of 10 has to spare.
func (s *shop) fewChannels(result deploytest.Result) {
	s.T.Helper()
	const most = 6
	_, line, found := strings.Cut(result.Output, " SSH channels to ")
	before, _, _ := strings.Cut(result.Output, " SSH channels to ")
	fields := strings.Fields(before)
	count, err := strconv.Atoi(fields[len(fields)-1])
	if !found || err != nil || count > most {
		s.T.Errorf("%d SSH channels, at most %d: %s", count, most, line)
	}
}

// tagged fails the test unless all tags name one image.
func (s *shop) tagged(tags ...string) {
	s.T.Helper()
	keychain := image.Logins(map[string]deploy.Login{s.registry.Address: {Username: deploytest.RegistryUser, Password: canaryPassword}}, nil)
	registries := &image.Registries{Keychain: keychain}
	digests := map[string][]string{}
	for _, tag := range tags {
		found, err := registries.Resolve(s.T.Context(), s.registry.Address+"/web:"+tag)
		if err != nil {
			s.T.Fatal(err)
		}
		digests[found.Digest] = append(digests[found.Digest], tag)
	}
	if len(digests) != 1 {
		s.T.Errorf("the tags name different images: %v", digests)
	}
}

// changeVariable changes a variable and rolls the same release with it.
func (s *shop) changeVariable() {
	s.T.Helper()
	s.WriteFile(".env.production", "SECRET="+canarySecret+"-2\n")
	diff := s.MustMage("env:diff", "production")
	for _, wanted := range []string{"other value: SECRET", "they change web"} {
		if !strings.Contains(diff.Output, wanted) {
			s.T.Errorf("env:diff does not say %q", wanted)
		}
	}
	s.MustMage("env:push", "production", "-roll")
	s.serves("8082", "v1.0.0")
	environment := s.vps.MustRunIn("/", "docker", "inspect", "shop-production-web-2", "--format", "{{.Config.Env}}").Output
	if !strings.Contains(environment, canarySecret+"-2") {
		s.T.Error("the container that was rolled out again does not have the new value")
	}
}

// onTheHost uses the server as an operator does who logged in there.
func (s *shop) onTheHost() {
	s.T.Helper()
	status := s.vps.Run("su", "deploy", "-c", "mage status")
	if status.Status != 0 || !strings.Contains(status.Output, "staging: ") {
		s.T.Errorf("mage status on the server: %d\n%s", status.Status, status.Output)
	}
	unknown := s.vps.Run("su", "deploy", "-c", "cd /opt/shop-production && mage rollback v0.9.0")
	if unknown.Status != deploy.ExitUsage || !strings.Contains(unknown.Output, "v1.0.0") {
		s.T.Errorf("an unknown version on the server: %d\n%s", unknown.Status, unknown.Output)
	}
	back := s.vps.Run("su", "deploy", "-c", "cd /opt/shop-production && mage deploy:here v1.0.0")
	if back.Status != 0 || !strings.Contains(back.Output, "nothing to do") {
		s.T.Errorf("mage deploy:here on the server: %d\n%s", back.Status, back.Output)
	}
}

// watchProcesses notes the command line of everything that runs in the server
// until it is stopped, and gives them.
func (s *shop) watchProcesses() func() string {
	s.T.Helper()
	s.vps.WriteFile("/usr/local/bin/watch-processes", `#!/bin/sh
while ! test -e /tmp/stop; do
  cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '
  sleep 0.05
done > /tmp/processes
touch /tmp/stopped
`, 0o755)
	s.vps.Background("watch-processes")
	return func() string {
		s.T.Helper()
		s.vps.MustRunIn("/", "touch", "/tmp/stop")
		await(s.T, time.Minute, "the end of the watch", func() bool { return s.vps.Run("test", "-e", "/tmp/stopped").Status == 0 })
		return s.vps.MustRunIn("/", "cat", "/tmp/processes").Output
	}
}

// noCanary looks for secrets where they do not belong.
func (s *shop) noCanary(processes string) {
	s.T.Helper()
	if !strings.Contains(processes, "host:serve") {
		s.T.Error("the watch saw no deploy: it would show nothing")
	}
	places := map[string]string{
		"what the commands printed": s.Said(),
		"the arguments of what ran": processes,
		"the proxy's container":     s.vps.MustRunIn("/", "docker", "inspect", "shop-staging-proxy-1", "shop-production-proxy-1").Output,
		"the images' history":       s.vps.MustRunIn("/", "sh", "-c", "docker image history --no-trunc $(docker images -q | sort -u | head -1); docker image inspect $(docker images -q | sort -u)").Output,
		"records and journals":      s.vps.MustRunIn("/", "sh", "-c", "cat /opt/shop-*/.deploy/*.jsonl /opt/shop-*/.deploy/*/*.jsonl; find /opt/shop-*/.deploy/releases /opt/shop-*/.deploy/shipped -type f -exec cat {} +; cat /opt/shop-*/docker-compose.*.yml").Output,
		"the logins' places":        s.vps.MustRunIn("/", "sh", "-c", "find /home /root -type f -exec cat {} +").Output,
	}
	for place, content := range places {
		for _, canary := range []string{canaryPassword, canarySecret, webhook.Secret, string(s.ssh.Key)} {
			if strings.Contains(content, canary) {
				s.T.Errorf("%s: a secret is in %s", canary, place)
			}
		}
	}
}
