package starter

import (
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// one is a Compose file with a web service that has these further keys.
func one(keys string) string {
	return "services:\n  web:\n    image: registry.example/web:1\n    ports: [\"8000:8000\"]\n    restart: always\n" + keys
}

// TestFindings has one obstacle each: what is found of it, and what the
// environments say instead.
func TestFindings(t *testing.T) {
	for _, test := range []struct {
		name, keys string
		level      Level
		where      string
		// said is in the finding, written in the services' file, gone is not.
		said, written, gone string
	}{
		{"published ports", "", Changed, "services.web.ports", "The proxy publishes them", "ports: !reset []", ""},
		{"container_name", "    container_name: web\n", Changed, "services.web.container_name", "only one container can have", "container_name: !reset null", ""},
		{"network_mode", "    network_mode: host\n", Changed, "services.web.network_mode", "is host", "network_mode: !reset null", ""},
		{"links", "    links: [db]\n", Changed, "services.web.links", "by name", "links: !reset []", ""},
		{"volumes_from", "    volumes_from: [db]\n", Changed, "services.web.volumes_from", "name the volumes", "volumes_from: !reset []", ""},
		{"devices", "    devices: [/dev/ttyUSB0]\n", Blocks, "services.web.devices", "by itself", "devices: !reset []", ""},
		{"latest", "  tool:\n    image: acme/tool\n    expose: [\"1\"]\n", Judge, "services.tool.image", "Name the version", "", ""},
		{"grace", "    stop_grace_period: 5s\n", Changed, "services.web.stop_grace_period", "is 5s", "stop_grace_period: 40s", ""},
		{"grace that is long", "    stop_grace_period: 2m\n", Judge, "services.web.healthcheck", "asks / for a 2xx", "route: {port: 8000}", "stop_grace_period"},
		{"no restart", "  db:\n    image: postgres:17\n", Changed, "services.db.restart", "would stay down", "restart: unless-stopped", ""},
		{"no health check of Postgres", "  db:\n    image: postgres:17\n", Changed, "services.db.healthcheck", "pg_isready", "test: [CMD-SHELL, \"pg_isready", ""},
		{"a database without a volume", "  db:\n    image: postgres:17\n", Blocks, "services.db.volumes", "named volume", "deploy: {update_config: {order: stop-first}}", ""},
		{"a database in the rolled set", "  db:\n    image: mysql:8\n    volumes: [\"db:/var/lib/mysql\"]\n    deploy: {replicas: 1}\nvolumes: {db: }\n", Changed, "services.db.healthcheck", "mysqladmin", "left alone, and replaced only with consent", "order: stop-first"},
		{"SQLite", "    volumes: [\"data:/data\"]\n    environment: {DB: \"sqlite:////data/app.db\"}\nvolumes: {data: }\n", Blocks, "services.web", "DB names the file", "left alone", "route:"},
		{"a file database", "    volumes: [\"data:/data\"]\n    environment: {DATABASE_URL: \"file:/data/app.db\"}\nvolumes: {data: }\n", Blocks, "services.web", "SQLite", "", "route:"},
		{"sessions", "    environment: {SESSION_DRIVER: \"${SESSION_DRIVER:-file}\"}\n", Blocks, "services.web.environment.SESSION_DRIVER", "signed out", "", ""},
		{"sessions in Redis", "    environment: {SESSION_DRIVER: redis}\n", Judge, "services.web.healthcheck", "asks /", "", "SESSION_DRIVER"},
		{"a server for developers", "    command: flask --app shop run --debug\n", Blocks, "services.web.command", "developers", "", ""},
		{"a shell before the process", "    command: sh -c \"start\"\n", Judge, "services.web.command", "Write exec", "", ""},
		{"a password in a command", "    command: start --password s3cret\n", Judge, "services.web.command", "secret", "", "s3cret"},
		{"a password of MySQL in a check", "    healthcheck: {test: mysqladmin ping -ps3cret}\n", Judge, "services.web.healthcheck.test", "secret", "", "s3cret"},
		{"a secret in a build", "    build: {context: ., args: {NPM_TOKEN: s3cret}}\n", Judge, "services.web.build.args.NPM_TOKEN", "layers", "", "s3cret"},
		{"a stage for developers", "    build: {context: ., target: dev}\n", Blocks, "services.web.build.target", "for developers", "", ""},
		{"Traefik's labels", "    labels: [\"traefik.http.routers.web.rule=Host(`x`)\"]\n", Blocks, "services.web.labels", "past the proxy", "", ""},
		{"nginx-proxy's variable", "    environment: {VIRTUAL_HOST: shop.example}\n", Blocks, "services.web.environment.VIRTUAL_HOST", "service proxy instead", "", ""},
		{"Swarm's mode", "    deploy: {mode: global}\n", Changed, "services.web.deploy.mode", "Swarm", "mode: replicated", ""},
		{"another failure action", "    deploy: {update_config: {failure_action: continue}}\n", Changed, "services.web.deploy.update_config.failure_action", "continue", "failure_action: rollback", ""},
		{"a published database", "  db:\n    image: redis:8\n    ports: [\"6379:6379\"]\n", Judge, "services.db.ports", "6379 to everybody", "", ""},
		{"source code", "    build: .\n    volumes: [\".:/app\", \"/app/node_modules\", \"up:/app/uploads\"]\nvolumes: {up: }\n", Changed, "services.web.volumes", "over /app", "- \"up:/app/uploads\"", "node_modules"},
		{"a configuration file", "    volumes: [\"./app.conf:/etc/app.conf:ro\"]\n", Judge, "services.web.volumes", "not sent to the host", "- \"./app.conf:/etc/app.conf:ro\"", ""},
		{"another port", "    expose: [\"9000\"]\n    networks: [a]\nnetworks: {a: {internal: true}}\n", Changed, "services.web.ports", "proxy", "networks: [a, default]", ""},
		{"a port that is not HTTP", "  git:\n    image: acme/git:1\n    ports: [\"2222:22\", \"3000:3000\"]\n", Blocks, "services.git", "port 22", "it publishes port 22", ""},
		{"TLS", "  site:\n    image: acme/site:1\n    ports: [\"443:443\", \"80:80\"]\n", Blocks, "services.site", "port 443", "", ""},
		{"a scheduler in a worker", "  worker:\n    build: .\n    command: celery -A shop worker -B\n", Blocks, "services.worker.command", "celery beat as a service of its own", "order: stop-first", ""},
		{"a database that is to start first", "  db:\n    image: postgres:17\n    volumes: [\"db:/d\"]\n    deploy: {update_config: {order: start-first, parallelism: 1}}\nvolumes: {db: }\n", Changed, "services.db.deploy.update_config.order", "two of it at once", "deploy: {update_config: !reset null}", ""},
		{"a web service that is to stop first", "    deploy: {update_config: {order: stop-first}}\n", Changed, "services.web.deploy.update_config.order", "gap", "order: start-first", ""},
		{"SQLite in the container", "    environment: {DATABASE_URL: \"sqlite:////tmp/app.db\"}\n", Blocks, "services.web.environment.DATABASE_URL", "gone with every release", "", ""},
		{"SQLite in the source", "    build: .\n    volumes: [\".:/app\"]\n    environment: {DATABASE_URL: \"sqlite:///app.db\"}\n", Blocks, "services.web.volumes", "may be in the folder that is left out", "", "route:"},
		{"a worker with SQLite", "  worker:\n    build: .\n    command: rq worker\n    volumes: [\"data:/data\"]\n    environment: {DATABASE_URL: \"sqlite:////data/a.db\"}\nvolumes: {data: }\n", Changed, "services.worker.build", "REGISTRY", "order: stop-first", ""},
		{"data beside the source", "    build: .\n    volumes: [\"./src:/app/src\", \"./pgdata:/app/pgdata\", \"./keys:/keys\"]\n", Changed, "services.web.volumes", "over /app/src,", "- \"./pgdata:/app/pgdata\"\n      - \"./keys:/keys\"", "./src"},
		{"an image that a task builds", "  migrate:\n    build: .\n    image: acme/app\n    command: npm run migrate\n  worker:\n    image: acme/app\n    command: rq worker\n", Blocks, "services.worker.image", "is built by migrate", "", ""},
		{"a variable for a tag", "  worker:\n    image: acme/app:${TAG}\n    command: rq worker\n", Judge, "services.worker.image", "${VERSION} for the tag", "", ""},
		{"a health check of another port", "    healthcheck: {test: curl http://localhost:9000/metrics}\n", Judge, "services.web.healthcheck", "asks / for a 2xx", "health: {path: /}", "metrics"},
		{"profiles", "  debug:\n    image: busybox:1\n    profiles: [debug]\n", Changed, "services.debug.profiles", "leave it out", "", "service: debug"},
		{"an override file", "", Judge, "compose.override.yml", "no part of the environments", "", ""},
		{"an external network", "    networks: [edge]\nnetworks: {edge: {external: true}}\n", Judge, "networks.edge", "docker network create edge", "edge: {external: true}", ""},
		{"a folder that a variable names", "    volumes: [\"${DATA}:/data\"]\n", Judge, "services.web.volumes", "${DATA} is written", `{read_only: false, source: "${DATA}", target: /data, type: bind}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			compose := one(test.keys)
			if strings.Contains(test.keys, "[db]") {
				compose += "  db:\n    image: redis:8\n"
			}
			root := folder(t, compose)
			put(t, root, "compose.override.yml", "services: {}\n")
			proposal, printed := carried(t, root)
			at := slices.IndexFunc(proposal.Findings, func(f Finding) bool {
				return f.Level == test.level && f.Where == test.where && strings.Contains(f.What+" "+f.How, test.said)
			})
			if at < 0 {
				t.Errorf("no finding %s of %s with %q:\n%s", test.level, test.where, test.said, printed)
			}
			written := services(t, proposal)
			if !strings.Contains(written, test.written) {
				t.Errorf("it does not write %q:\n%s", test.written, written)
			}
			if test.gone != "" && strings.Contains(written, test.gone) {
				t.Errorf("it writes %q:\n%s", test.gone, written)
			}
			for _, guess := range proposal.Guesses {
				if service, ok := release(t, root, "production").Environment.Service(guess.Service); ok && misplaced(guess.Kind, service) != "" {
					t.Errorf("%s is a %s, and %s", guess.Service, guess.Kind, misplaced(guess.Kind, service))
				}
			}
			if strings.Contains(printed, "s3cret") {
				t.Errorf("it prints a secret:\n%s", printed)
			}
		})
	}
}

// Two services that listen on one port get two of the proxy's.
func TestTwoServicesOnOnePort(t *testing.T) {
	root := folder(t, one("  admin:\n    image: acme/admin:1\n    ports: [\"127.0.0.1:8001:8000\"]\n"))
	carried(t, root)
	environment := release(t, root, "production").Environment
	listens := map[string]int{}
	for _, route := range environment.Routes() {
		listens[route.Service] = route.Listen
	}
	if listens["admin"] != 8000 || listens["web"] != 8001 {
		t.Errorf("%v", listens)
	}
	var addresses []string
	for _, verification := range environment.Settings.Verify {
		addresses = append(addresses, verification.URL)
	}
	if wanted := []string{"http://127.0.0.1:8001/", "http://127.0.0.1:8000/"}; !slices.Equal(addresses, wanted) {
		t.Errorf("%v, not %v", addresses, wanted)
	}
	proxy := environment.Project.Services["proxy"]
	if len(proxy.Ports) != 2 || proxy.Ports[0].HostIP != "127.0.0.1" || proxy.Ports[0].Published != "8001" || proxy.Ports[1].Published != "8000" || proxy.Ports[1].Target != 8001 {
		t.Errorf("%+v", proxy.Ports)
	}
}

// A service of the user's own may be called proxy.
func TestProxyOfAnotherName(t *testing.T) {
	root := folder(t, one("  proxy:\n    image: nginx:1\n    ports: [\"443:443\"]\n"))
	carried(t, root)
	environment := release(t, root, "production").Environment
	if environment.Proxy() == nil || environment.Proxy().Name != "deploy-proxy" {
		t.Errorf("%+v", environment.Proxy())
	}
	if service, ok := environment.Service("proxy"); !ok || service.Kind != deploy.KindKept {
		t.Errorf("%+v", service)
	}
}

// What the environments do not have needs no variable.
func TestVariablesOfWhatIsLeftOut(t *testing.T) {
	root := folder(t, strings.Replace(one("  migrate:\n    image: \"x:${MIGRATE_TAG}\"\n"), `"8000:8000"`, `"8000:8000", "${DEBUG_PORT}:9229"`, 1))
	proposal, _ := carried(t, root)
	for _, file := range proposal.Files {
		if strings.Contains(file.Content, "DEBUG_PORT") || strings.Contains(file.Content, "MIGRATE_TAG") {
			t.Errorf("%s:\n%s", file.Path, file.Content)
		}
	}
}

// Variables stay as they are written.
func TestVariablesStay(t *testing.T) {
	root := folder(t, strings.Replace(one("    environment: {LEVEL: \"${LEVEL:-info}\"}\n    volumes: [\"data:/data\"]\nvolumes: {data: {name: \"${VOLUME}\"}}\n"), `"8000:8000"`, `"${BIND:-127.0.0.1}:${PORT}:8000"`, 1))
	proposal, _ := carried(t, root)
	all := ""
	for _, file := range proposal.Files {
		all += file.Content
	}
	for _, text := range []string{`- "${BIND:-127.0.0.1}:${PORT}:8000"`, `data: {name: "${VOLUME}"}`, `url: "http://127.0.0.1:${PORT}/"`, "\nPORT=\n", "\nVOLUME=\n", "\n#LEVEL=\n", "\n#BIND=\n"} {
		if !strings.Contains(all, text) {
			t.Errorf("it does not write %q:\n%s", text, all)
		}
	}
}

// What takes work gets an init, unless the Compose file says otherwise: a worker
// that does not hear that it is to stop takes tasks until it is killed.
func TestWorkersHaveAnInit(t *testing.T) {
	const worker = "  worker:\n    image: acme/web:1\n    command: celery -A shop worker\n"
	for keys, wanted := range map[string]bool{worker: true, worker + "    init: false\n": false} {
		root := folder(t, one(keys))
		proposal, _ := carried(t, root)
		if got := strings.Contains(services(t, proposal), "init: true"); got != wanted {
			t.Errorf("%s: has an init: %t", keys, got)
		}
		service := release(t, root, "production").Environment.Project.Services["worker"]
		if service.Init == nil || *service.Init != wanted {
			t.Errorf("%s: init is %v", keys, service.Init)
		}
	}
}
