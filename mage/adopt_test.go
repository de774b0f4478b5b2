//go:build integration

package mage_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// handmadeCompose is how the webshop ran before: an ordinary Compose file in
// the folder that gives the project its name.
const handmadeCompose = `
x-backend: &backend
  image: ${REGISTRY}/webshop-backend:v0.9.0
  environment:
    DATABASE_URL: "postgres://webshop:${POSTGRES_PASSWORD}@postgres:5432/webshop"
    REDIS_URL: redis://redis:6379/0
    SECRET_KEY: ${SECRET_KEY}
    ALLOWED_HOSTS: localhost,127.0.0.1
  restart: unless-stopped
  depends_on: [postgres, redis]
services:
  backend:
    <<: *backend
    ports: ["8000:8000"]
  frontend:
    image: ${REGISTRY}/webshop-frontend:v0.9.0
    restart: unless-stopped
    ports: ["3000:3000"]
  worker:
    <<: *backend
    command: [celery, -A, shop, worker, --loglevel=INFO]
  beat:
    <<: *backend
    command: [celery, -A, shop, beat, --loglevel=INFO, --pidfile=]
    volumes: ["beat:/var/lib/beat"]
  postgres:
    image: ${REGISTRY}/postgres:1
    environment: {POSTGRES_USER: webshop, POSTGRES_DB: webshop, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}"}
    restart: unless-stopped
    volumes: ["postgres:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD, pg_isready, -q, -h, 127.0.0.1, -U, webshop, -d, webshop], interval: 5s}
  redis:
    image: ${REGISTRY}/redis:1
    restart: unless-stopped
    volumes: ["redis:/data"]
volumes: {postgres: {}, redis: {}, beat: {}}
`

// adoptedCompose is the environment that takes it over.
const adoptedCompose = `
name: webshop
x-deploy:
  hosts: ["${VPS}"]
  directory: /opt/webshop
  verify:
    - {url: "http://127.0.0.1:8000/api/health/", host: localhost, interval: 500ms}
    - {url: "http://127.0.0.1:3000/", interval: 500ms}
  watch: {slowdown: 100} # what else this machine does is not the release's fault
services:
  proxy: {extends: {file: webshop.yml, service: proxy}, image: "${REGISTRY}/haproxy:1"}
  backend:
    extends: {file: webshop.yml, service: backend}
    deploy: {update_config: {monitor: 2s}}
    environment:
      DATABASE_URL: "postgres://webshop:${POSTGRES_PASSWORD}@postgres:5432/webshop?connect_timeout=20"
  frontend: {extends: {file: webshop.yml, service: frontend}, deploy: {update_config: {monitor: 2s}}}
  worker: {extends: {file: webshop.yml, service: worker}}
  beat: {extends: {file: webshop.yml, service: beat}}
  postgres: {extends: {file: webshop.yml, service: postgres}, image: "${REGISTRY}/postgres:1"}
  redis: {extends: {file: webshop.yml, service: redis}, image: "${REGISTRY}/redis:1"}
volumes: {postgres: {}, redis: {}, beat: {}}
`

const webshopFolder = "/opt/webshop"

// canaryDatabase is a secret that only its owner may read.
const canaryDatabase = "canary-database-51ab"

// adoption is a server on which the webshop runs, started by hand, and the
// laptop from which it is taken over.
type adoption struct {
	*deploytest.Laptop
	vps  *deploytest.VPS
	shop *webshop
}

func newAdoption(t *testing.T) *adoption {
	t.Helper()
	docker := deploytest.Engine(t)
	deploytest.ProxyImage(t, docker)
	deploytest.Webshop(t, docker, deploytest.WebshopVersion{Name: "v0.9.0"}, deploytest.WebshopVersion{Name: "v1.0.0"}, deploytest.WebshopVersion{Name: "v1.1.0"})
	a := &adoption{vps: deploytest.NewVPS(t, deploytest.VPSOptions{Memory: 2 << 30})}
	ssh := deploytest.StartSSHD(a.vps, deploytest.SSHDOptions{})
	a.vps.WriteFile("/etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD:ALL\n", 0o440)
	a.shop = &webshop{Project: &deploytest.Project{T: t}, backend: a.vps.Address + ":8000", frontend: a.vps.Address + ":3000"}
	a.Laptop = deploytest.NewLaptop(t, ssh.Home)
	a.Env = []string{"VPS=" + ssh.Host, "REGISTRY=" + deploytest.Registry(t)}
	services, err := os.ReadFile(filepath.Join(deploytest.Root(t), "compose", "webshop.yml"))
	if err != nil {
		t.Fatal(err)
	}
	a.WriteFile("compose/webshop.yml", string(services))
	a.WriteFile("compose/docker-compose.production.yml", adoptedCompose)
	a.vps.WriteFile(webshopFolder+"/docker-compose.yml", handmadeCompose, 0o644)
	a.vps.WriteFile(webshopFolder+"/.env", "REGISTRY="+deploytest.Registry(t)+"\nPOSTGRES_PASSWORD="+canaryDatabase+"\nSECRET_KEY="+canarySecret+"\nBIND=0.0.0.0\n", 0o600)
	a.vps.MustRunIn("/", "chown", "-R", "deploy:deploy", webshopFolder)
	a.user("docker compose up -d")
	await(t, time.Minute, "the migrations", func() bool {
		return a.vps.RunIn(webshopFolder, "docker", "compose", "exec", "-T", "backend", "python3", "manage.py", "migrate", "--noinput").Status == 0
	})
	return a
}

// user runs a command as the one who has started the webshop.
func (a *adoption) user(command string) string {
	a.T.Helper()
	return a.vps.MustRunIn(webshopFolder, "su", "deploy", "-c", command).Output
}

// stands lists the server's containers with all that must stay as it is.
func (a *adoption) stands(format string) []string {
	a.T.Helper()
	output := a.vps.MustRunIn("/", "sh", "-c", "docker inspect --format '"+format+"' $(docker ps --all --quiet)").Output
	return slices.Sorted(strings.Lines(output))
}

// What a container is, and what it is before and after it was parked.
const (
	identity  = `{{.Name}} {{.Id}} {{.State.StartedAt}}`
	character = `{{.Name}} {{.Image}} {{.State.Status}} {{index .Config.Labels "com.docker.compose.config-hash"}} {{json .HostConfig.PortBindings}} {{json .Config.Env}}`
)

// unchanged checks that a command by hand changes nothing.
func (a *adoption) unchanged(command string) {
	a.T.Helper()
	before := a.stands(identity)
	output := a.user(command)
	if now := a.stands(identity); !slices.Equal(before, now) {
		a.T.Errorf("%s changed what runs:\n%s\nbefore %v\nnow    %v", command, output, before, now)
	}
}

// traffic asks the shop seldom enough that every failure of a gap is told.
func (a *adoption) traffic(rate float64) []*load.Run {
	a.T.Helper()
	var runs []*load.Run
	for _, profile := range []load.Profile{
		{
			Targets: []load.Target{{Address: a.shop.backend, Host: "localhost"}}, Rate: rate,
			Mix: []load.Request{{Kind: load.Get, Path: "/api/products/"}, {Kind: load.Post, Path: "/api/orders/"}},
		},
		{
			Targets: []load.Target{{Address: a.shop.frontend, Host: "localhost"}}, Rate: rate,
			Mix: []load.Request{{Kind: load.Get, Path: "/"}},
		},
	} {
		profile.Timeout, profile.Drain = 30*time.Second, time.Minute
		run := load.Start(context.WithoutCancel(a.T.Context()), profile)
		a.T.Cleanup(func() { run.Stop() })
		await(a.T, time.Minute, "the load's first answers", func() bool { return run.Snapshot().OK() >= 5 })
		runs = append(runs, run)
	}
	return runs
}

// gap is when the ports were nobody's, by the host's journal.
func (a *adoption) gap(since time.Time) load.Window {
	a.T.Helper()
	var window load.Window
	journal := a.vps.MustRunIn("/", "cat", webshopFolder+"/.deploy/journal.jsonl").Output
	scanner := bufio.NewScanner(strings.NewReader(journal))
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var event deploy.Event
		if json.Unmarshal(scanner.Bytes(), &event) != nil || event.Step == nil || !event.Step.Gap || event.At.Before(since) {
			continue
		}
		switch {
		case event.Kind == deploy.EventStart && window.From.IsZero():
			window.From = event.At
		case event.Kind == deploy.EventDone:
			window.To = event.At
		}
	}
	return window
}

// reported is the gap as the command says it.
var reported = regexp.MustCompile(`gap (\d+\.\d) s`)

// within checks that requests failed only while the ports were nobody's, that
// this was not long, and that every order stands.
func (a *adoption) within(runs []*load.Run, result deploytest.Result) {
	a.T.Helper()
	window := a.gap(result.Began)
	said := reported.FindStringSubmatch(result.Output)
	if said == nil {
		a.T.Fatalf("the report says no gap:\n%s", result.Output)
	}
	a.T.Logf("gap %s s, from %s to %s", said[1], window.From.Format("15:04:05.00"), window.To.Format("15:04:05.00"))
	// A request is late by what its way through the machine takes.
	const slack = 300 * time.Millisecond
	for _, run := range runs {
		report := run.Stop()
		a.T.Logf("%s", report)
		if report.OK() < 10 || len(report.Failures) >= 50 {
			a.T.Errorf("%d requests went well and %d are told as failed", report.OK(), len(report.Failures))
		}
		for _, failure := range report.Failures {
			if failure.End.Before(window.From.Add(-slack)) || failure.Begin.After(window.To.Add(slack)) {
				a.T.Errorf("outside of the gap, from %s to %s: %+v", failure.Begin.Format("15:04:05.00"), failure.End.Format("15:04:05.00"), failure)
			}
		}
		if len(report.Accepted) > 0 {
			if err := report.Ledger(a.shop.orders(report.Prefix)).Err(); err != nil {
				a.T.Error(err)
			}
		}
	}
}

// rows counts the orders in the database.
func (a *adoption) rows() int {
	a.T.Helper()
	return a.shop.summary("").Total
}

// secret checks that what was parked shows its secrets to nobody else.
func (a *adoption) secret(outputs ...string) {
	a.T.Helper()
	modes := a.vps.MustRunIn(webshopFolder+"/.deploy/adopted", "sh", "-c", "stat -c '%a %n' containers/*").Output
	for line := range strings.Lines(modes) {
		if !strings.HasPrefix(line, "600 ") {
			a.T.Errorf("others may read %s", line)
		}
	}
	others := a.vps.RunIn(webshopFolder+"/.deploy", "grep", "-rlE", canaryDatabase+"|"+canarySecret, "--exclude-dir=adopted", ".").Output
	if others != "" {
		a.T.Errorf("secrets are in %s", others)
	}
	for _, output := range outputs {
		if strings.Contains(output, canaryDatabase) || strings.Contains(output, canarySecret) {
			a.T.Errorf("secrets are shown:\n%s", output)
		}
	}
}

// killed kills an adoption in the middle of its gap: the other commands must
// say so.
func (a *adoption) killed() {
	a.T.Helper()
	command := a.Start("host:adopt", "production", "-version=v1.0.0", "-accept-downtime")
	command.AwaitOutput("✓ park      webshop-postgres-1")
	a.vps.MustRunIn(webshopFolder, "sh", "-c", `kill -KILL $(sed 's/.*"pid":\([0-9]*\).*/\1/' .deploy/lock)`)
	if result := command.Wait(); result.Status == 0 {
		a.T.Errorf("the killed adoption went well:\n%s", result.Output)
	}
	ended(a.T, a.Mage("status", "-env=production"), 0, "the adoption by v1.0.0 is not finished", "-undo")
	ended(a.T, a.Mage("deploy:plan", "production", "v1.0.0"), deploy.ExitFailed, "the adoption by v1.0.0 is not finished")
}

// TestAdoptARunningShop takes the webshop over that somebody has started by
// hand, goes back, and takes it over again.
func TestAdoptARunningShop(t *testing.T) {
	alongside(t, webshops)
	a := newAdoption(t)
	before := a.stands(character)
	a.MustMage("host:setup", "production")

	plan := a.MustMage("host:adopt", "production", "-version=v1.0.0", "-plan")
	ended(t, plan, 0, "park      webshop-backend-1", "! backend is interrupted for about", "nothing was touched")
	ended(t, a.Mage("host:adopt", "production", "-version=v1.0.0"), deploy.ExitConsent, "-accept-downtime")
	ended(t, a.Mage("deploy:plan", "production", "v1.0.0"), deploy.ExitFailed, "no deploy has started", "mage host:adopt production")
	if now := a.stands(character); !slices.Equal(now, before) {
		t.Fatalf("something was touched: %v", now)
	}

	runs := a.traffic(2)
	adopt := a.MustMage("host:adopt", "production", "-version=v1.0.0", "-accept-downtime")
	a.within(runs, adopt)
	release, _ := a.shop.ask("GET", "/api/health/", nil)
	if release != "v1.0.0" {
		t.Errorf("%q answers", release)
	}
	a.secret(adopt.Output)
	a.unchanged("docker compose -f docker-compose.production.yml up -d")
	rows := a.rows()

	runs = a.traffic(2)
	undo := a.MustMage("host:adopt", "production", "-undo", "-accept-downtime")
	a.within(runs, undo)
	if now := a.stands(character); !slices.Equal(now, before) {
		t.Errorf("it stands as %v\nand stood as %v", now, before)
	}
	a.unchanged("docker compose up -d")
	if now := a.rows(); now < rows {
		t.Errorf("%d orders are left of %d", now, rows)
	}
	ended(t, a.Mage("deploy:plan", "production", "v1.0.0"), deploy.ExitFailed, "mage host:adopt production")

	a.killed()
	again := a.MustMage("host:adopt", "production", "-version=v1.0.0", "-accept-downtime")
	if said := reported.FindStringSubmatch(again.Output); said != nil {
		t.Logf("the gap from before the kill on: %s s", said[1])
	} else {
		t.Error("the report says no gap")
	}
	a.unchanged("docker compose -f docker-compose.production.yml up -d")
	if now := a.rows(); now < rows {
		t.Errorf("%d orders are left of %d", now, rows)
	}
	runs = a.traffic(40)
	t.Log(a.user("./mage deploy:here v1.1.0"))
	for _, run := range runs {
		report := run.Stop()
		if err := report.Check(); err != nil {
			t.Error(err)
		}
		if len(report.Accepted) > 0 {
			if err := report.Ledger(a.shop.orders(report.Prefix)).Err(); err != nil {
				t.Error(err)
			}
			a.shop.processed(report.Prefix+"-", len(report.Accepted))
		}
	}
}
