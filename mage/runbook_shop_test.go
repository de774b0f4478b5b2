//go:build integration

package mage_test

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

// bookCompose is the shop of the runbook: the small application in the place
// of the webshop's backend, in production with a database beside it.
const bookCompose = `
name: webshop
x-deploy:
  hosts: ["${HOST_VARIABLE}"]
  directory: /opt/webshop
  tags: TAGS
  checklist: {items: [ci, staging, backup, notified, changelog, rollback]}
  notify: {discord: "${DISCORD_WEBHOOK_URL:-}"}
  verify:
    - {url: "http://127.0.0.1:8000/", interval: 200ms}
  watch: {requests: 50, slowdown: 100}
services:
  proxy:
    image: ${PUBLIC}/haproxy:1
    command: [haproxy, -W, -db, -S, "/var/lib/deploy-proxy/master.sock,mode,660", -f, /var/lib/deploy-proxy/haproxy.cfg]
    volumes: ["./.deploy/proxy:/var/lib/deploy-proxy"]
    ports: ["0.0.0.0:8000:8000"]
    restart: unless-stopped
    x-deploy: {proxy: true}
  backend:
    image: ${REGISTRY}/backend:${VERSION}
    build:
      context: ../backend
      args: {BASE: "${PUBLIC}/app:book-base"}
    expose: ["8080"]
    environment:
      APP_RELEASE: ${VERSION}
      SECRET_KEY: ${SECRET_KEY}
    restart: unless-stopped
    stop_grace_period: 12s
    deploy:
      update_config: {order: start-first, monitor: 5s}
    x-deploy:
      route: {port: 8080, listen: 8000}
      health: {path: /healthz, budget: 10s}
      drain: 10s
`

// bookBackups is what production has more.
const bookBackups = `  backups: {service: postgres, endpoint: "${BACKUP_ENDPOINT}", bucket: backups, prefix: webshop/production, interval: 24h}
`

const bookDatabase = `  postgres:
    image: ${PUBLIC}/postgres:1
    command: [postgres, -c, max_connections=100]
    environment: {POSTGRES_USER: webshop, POSTGRES_DB: webshop, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}"}
    volumes: ["postgres:/var/lib/postgresql/data"]
    restart: unless-stopped
    stop_grace_period: 30s
    healthcheck: {test: [CMD, pg_isready, -q, -h, 127.0.0.1, -U, webshop, -d, webshop], interval: 1s, timeout: 5s, start_period: 60s}
volumes:
  postgres: {}
`

const bookDockerfile = `ARG BASE
FROM ${BASE}
COPY page.txt /page.txt
`

// bookShop is the shop on a laptop and its two servers.
type bookShop struct {
	*deploytest.Laptop
	r                   *reader
	staging, production *deploytest.VPS
	registry            *deploytest.PrivateRegistry
	s3                  *deploytest.S3
	discord             *webhook.Server
	// key lets the laptop in.
	key *deploytest.SSHD
	// known are the servers' keys.
	known []byte
	pages int
}

// newBookShop makes the shop and its servers, on which nothing was deployed yet.
func newBookShop(t *testing.T, r *reader) {
	t.Helper()
	docker := deploytest.Engine(t)
	public := deploytest.Registry(t)
	deploytest.ProxyImage(t, docker)
	deploytest.Build(t, docker, public+"/postgres:1", "compose/images/postgres", nil)
	deploytest.AppImage(t, docker, public+"/app:book-base")
	deploytest.Push(t, docker, public+"/app:book-base")
	s := &bookShop{r: r, registry: deploytest.NewRegistry(t, docker, "only-for-tests"), s3: deploytest.NewS3(t, "backups"), discord: webhook.NewDiscord(t)}
	s.staging = deploytest.NewVPS(t, deploytest.VPSOptions{})
	s.key = deploytest.StartSSHD(s.staging, deploytest.SSHDOptions{})
	s.known = s.key.KnownHosts
	// A disk that can be made a small one.
	s.staging.MustRunIn("/", "sh", "-c", "mkdir /opt/webshop && mount -t tmpfs -o size=8g,mode=0755 tmpfs /opt/webshop")
	s.ready(s.staging)
	s.Laptop = deploytest.NewLaptop(t, s.key.Home)
	s.LogIn(s.registry.Address, deploytest.RegistryUser, s.registry.Password)
	github := webhook.NewGitHub(t)
	github.Runs = []webhook.Run{{Name: "test", Status: "completed", Conclusion: "success"}}
	s.Env = []string{
		"REGISTRY=" + s.registry.Address, "PUBLIC=" + public,
		"GITHUB_API_URL=" + github.Address, "GITHUB_REPOSITORY=" + github.Repository, "GITHUB_TOKEN=" + github.Token,
		"STAGING_HOST=" + s.key.Host,
	}
	s.newProduction()
	s.writeProject()
	r.words.Name("deploy@staging.example", s.key.Host)
	r.words.Name("ghcr.io/freezedesign", s.registry.Address)
	r.prompts = map[string]func([]string) deploytest.Result{"$": s.types, "host$": s.typesOnTheHost}
	r.scenarios = s.scenarios()
}

// ready gives a new server what the shop needs to be reached there: what the
// operator of a real one has in DNS.
func (s *bookShop) ready(server *deploytest.VPS) {
	server.Reach(s.registry.Address)
	server.Reach(strings.TrimPrefix(s.s3.Endpoint, "http://"))
	discord, err := url.Parse(s.discord.Address)
	if err != nil {
		s.r.t.Fatal(err)
	}
	server.Reach(discord.Host)
	server.WriteFile("/etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD:ALL\n", 0o440)
}

// newProduction makes a server that the laptop may log in to, and has
// production be that one.
func (s *bookShop) newProduction() {
	s.production = deploytest.NewVPS(s.r.t, deploytest.VPSOptions{})
	ssh := deploytest.StartSSHD(s.production, deploytest.SSHDOptions{})
	s.ready(s.production)
	s.production.WriteFile("/home/deploy/.ssh/authorized_keys", string(s.key.Public(s.r.t)), 0o600)
	s.production.MustRunIn("/", "chown", "deploy:", "/home/deploy/.ssh/authorized_keys")
	s.known = append(s.known, ssh.KnownHosts...)
	s.WriteHome(".ssh/known_hosts", string(s.known))
	s.Env = slices.DeleteFunc(s.Env, func(one string) bool { return strings.HasPrefix(one, "PRODUCTION_HOST=") })
	s.Env = append(s.Env, "PRODUCTION_HOST="+ssh.Host)
	s.r.words.Name("deploy@shop.example", ssh.Host)
}

func (s *bookShop) writeProject() {
	s.writeCompose()
	s.WriteFile(".gitignore", ".env.*\n")
	s.WriteFile(".env.staging", "SECRET_KEY=only-for-tests\nDISCORD_WEBHOOK_URL="+s.discord.Address+"\n")
	s.WriteFile(".env.production", "SECRET_KEY=only-for-tests\nPOSTGRES_PASSWORD=only-for-tests\nDISCORD_WEBHOOK_URL="+s.discord.Address+
		"\nBACKUP_ENDPOINT="+s.s3.Endpoint+"\nBACKUP_ACCESS_KEY="+s.s3.AccessKey+"\nBACKUP_SECRET_KEY="+s.s3.SecretKey+"\n")
	s.WriteFile("CHANGELOG.md", "# Changes\n\n## v1.16.0\n\nBreaking: none\n\n## v1.15.0\n\nBreaking: none\n")
	s.release("")
}

// writeCompose writes both Compose files, each first text of the pairs replaced
// by the second one.
func (s *bookShop) writeCompose(pairs ...string) {
	s.T.Helper()
	for environment, names := range map[string][]string{
		"staging":    {"HOST_VARIABLE", "STAGING_HOST", "TAGS", `["{branch}", staging]`},
		"production": {"HOST_VARIABLE", "PRODUCTION_HOST", "TAGS", `["{major}.{minor}", latest]`},
	} {
		content := strings.NewReplacer(names...).Replace(bookCompose)
		if environment == "production" {
			content = strings.Replace(content, "  notify:", bookBackups+"  notify:", 1) + bookDatabase
		}
		s.WriteFile("compose/docker-compose."+environment+".yml", strings.NewReplacer(pairs...).Replace(content))
	}
}

// release commits and pushes the next version of the application, with lines
// of its Dockerfile that break it; "" is a good one.
func (s *bookShop) release(broken string) {
	s.T.Helper()
	s.pages++
	s.WriteFile("backend/Dockerfile", bookDockerfile+broken)
	s.WriteFile("backend/page.txt", strings.Repeat("page\n", s.pages))
	s.Commit("page " + strings.Repeat("i", s.pages))
}

// types types a command on the laptop.
func (s *bookShop) types(words []string) deploytest.Result {
	s.T.Helper()
	switch words[0] {
	case "mage":
		return s.Start(words[1:]...).Wait()
	case "git":
		return deploytest.Result{Args: words, Output: s.Git(words[1:]...)}
	}
	s.T.Fatalf("the laptop of the runbook has no %s", words[0])
	return deploytest.Result{}
}

// typesOnTheHost types a command on the production server, as the user who
// logs in there.
func (s *bookShop) typesOnTheHost(words []string) deploytest.Result {
	s.T.Helper()
	return s.production.RunIn("/opt/webshop", append([]string{"setpriv", "--reuid", "deploy", "--regid", "deploy", "--init-groups", "env", "HOME=/home/deploy", "USER=deploy"}, words...)...)
}

// sql runs a statement in production's database.
func (s *bookShop) sql(statement string) string {
	s.T.Helper()
	return s.production.MustRunIn("/", "docker", "exec", "webshop-postgres-1", "psql", "-U", "webshop", "-d", "webshop", "-qtAc", statement).Output
}

// scenarios are what the pages say is so.
func (s *bookShop) scenarios() map[string]func() {
	return map[string]func(){
		"a commit for v1.16.0": func() {
			s.sql("CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL); INSERT INTO orders (item) SELECT 'item ' || n FROM generate_series(1, 42) AS n")
			s.release("")
		},
		"a release that is never healthy":  func() { s.release("ENV APP_HEALTH=never\n") },
		"a release that answers 500":       func() { s.release("ENV APP_FAIL_STATUS=500\n") },
		"a release that misses a variable": func() { s.release("ENV APP_REQUIRE_ENV=PAYMENT_KEY\n") },
		"the database gets another setting": func() {
			s.writeCompose("max_connections=100", "max_connections=120")
		},
		"the database keeps its setting":             func() { s.writeCompose() },
		"the disk is full":                           func() { s.resize("$(du -sk /opt/webshop | cut -f1)k") },
		"there is room again":                        func() { s.resize("8g") },
		"the registry is new and empty":              func() { s.newRegistry() },
		"the backend's process dies again and again": func() { s.restartLoop() },
		"the backend serves again": func() {
			s.production.MustRunIn("/", "sh", "-c", "docker restart -t 1 $(docker ps -aq --filter label=com.docker.compose.service=backend)")
		},
		"the registry is away":    func() { s.registry.Stop() },
		"the registry is back":    func() { s.registry.Start() },
		"the deployer is killed":  func() { s.killDeployer() },
		"somebody deletes orders": func() { s.sql("DELETE FROM orders WHERE id > 20") },
		"the database's volume is gone": func() {
			s.production.MustRunIn("/", "sh", "-c", "docker rm -f webshop-postgres-1 && docker volume rm webshop_postgres")
		},
		"the server is lost, and there is a new one": func() {
			s.production.Background("kill", "1")
			s.newProduction()
		},
		"the orders are counted": func() {
			if count := strings.TrimSpace(s.sql("SELECT count(*) FROM orders")); count != "42" {
				s.T.Errorf("%s of 42 orders are there", count)
			}
		},
	}
}

// resize gives the disk of staging another size; what is on it stays.
func (s *bookShop) resize(size string) {
	s.T.Helper()
	s.staging.MustRunIn("/", "sh", "-c", "mount -o remount,size="+size+" /opt/webshop")
}

// newRegistry puts another one in the place of the one that has the images.
func (s *bookShop) newRegistry() {
	s.T.Helper()
	before := s.registry.Address
	s.registry = deploytest.NewRegistry(s.T, deploytest.Engine(s.T), s.registry.Password)
	s.LogIn(s.registry.Address, deploytest.RegistryUser, s.registry.Password)
	s.Env[slices.Index(s.Env, "REGISTRY="+before)] = "REGISTRY=" + s.registry.Address
	s.r.words.Name("ghcr.io/freezedesign", s.registry.Address)
}

// restartLoop kills the process until the engine has started it three times.
func (s *bookShop) restartLoop() {
	s.T.Helper()
	await(s.T, time.Minute, "three restarts", func() bool {
		said := s.production.Run("sh", "-c", "docker inspect -f '{{.RestartCount}} {{.State.Pid}}' $(docker ps -aq --filter label=com.docker.compose.service=backend)").Output
		var restarts, process int
		if _, err := fmt.Sscan(said, &restarts, &process); err != nil {
			s.T.Fatalf("the backend's container: %v in %s", err, said)
		}
		if restarts < 3 && process > 0 {
			s.production.Run("kill", "-KILL", strconv.Itoa(process)) // it may be gone already
		}
		return restarts >= 3
	})
}

// killDeployer kills all of a deploy's processes on the server, where nobody is
// left to go on.
func (s *bookShop) killDeployer() {
	s.T.Helper()
	s.release("")
	s.WriteFile("CHANGELOG.md", "# Changes\n\n## v1.18.0\n\nBreaking: none\n")
	s.Commit("changes")
	s.MustMage("deploy:staging")
	s.MustMage("release", "v1.18.0")
	deploying := s.Start("deploy:production", "v1.18.0", "-yes")
	deploying.AwaitOutput("✓ switch")
	deploying.Signal(os.Kill)
	deploying.Wait()
	s.production.MustRunIn("/", "sh", "-c", `pids=; for p in /proc/[0-9]*; do
		if [ "$(readlink "$p/exe")" = /opt/webshop/mage ]; then pids="$pids ${p#/proc/}"; fi
	done; kill -KILL $pids`)
}
