package deploy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// mistaken loads a Compose file and gives what is wrong with it.
func mistaken(t *testing.T, compose string) string {
	t.Helper()
	model, err := deploy.ParseModel(t.Context(), "docker-compose.production.yml", []byte(compose))
	if err == nil {
		_, err = model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Directory: "/opt/shop"})
	}
	if err == nil {
		return ""
	}
	if exitStatus(err) != deploy.ExitUsage {
		t.Errorf("the exit status is %d, not %d", exitStatus(err), deploy.ExitUsage)
	}
	return err.Error()
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		name  string
		edits []string
		want  []string
	}{
		{"unknown key", []string{"quiet: [", "quite: [", "resume: [worker-resume]", "drain: 1s"}, []string{
			`services.worker.x-deploy.quite: unknown key (did you mean quiet?); allowed here: depends_on, drain, health, migrations, proxy, quiet, resume, route`,
		}},
		{"unknown key deep", []string{"route: {listen: 8080, port: 3000}", "route: {listen: 8080, prot: 3000}"}, []string{
			`services.frontend.x-deploy.route.port: is 0; allowed: 1 to 65535, a port that the service exposes`,
			`services.frontend.x-deploy.route.prot: unknown key (did you mean port?); allowed here: hosts, listen, path, port`,
		}},
		{"unknown key at the top", []string{"  verify:\n", "  retian: 3\n  verify:\n"}, []string{
			`x-deploy.retian: unknown key (did you mean retain?); allowed here: backups, checklist, directory, hooks, hosts, maintenance, notify, retain, seed, sentry, tags, verify, watch`,
		}},
		{"unknown key of Compose", []string{"stop_grace_period", "stop_grace_perod"}, []string{
			`services.worker.stop_grace_perod: unknown key (did you mean stop_grace_period?)`,
		}},
		{"negative time", []string{"health: {path: /}", "health: {path: /, timeout: -3s}"}, []string{
			`services.frontend.x-deploy.health.timeout: -3s is negative: a duration is 0s or more`,
		}},
		{"number without unit", []string{"health: {path: /}", "health: {path: /, budget: 90}"}, []string{
			`services.frontend.x-deploy.health.budget: 90 is not a duration: write a unit, such as 30s or 5m`,
		}},
		{"no number at all", []string{"route: {listen: 8080, port: 3000}", "route: {listen: 8080, port: web}"}, []string{
			`services.frontend.x-deploy.health.port: is missing: a service without a route needs the port to ask`,
			`services.frontend.x-deploy.route.port: cannot parse value as 'int': strconv.ParseInt: invalid syntax`,
		}},
		{"nobody exposes", []string{"    expose: [\"3000\"]\n", ""}, []string{
			`services.frontend.x-deploy.route.port: is 3000, but frontend exposes no port: add expose: ["3000"]`,
		}},
		{"another port exposed", []string{"port: 3000", "port: 3001"}, []string{
			`services.frontend.x-deploy.route.port: is 3001, but frontend exposes only 3000: add expose: ["3001"]`,
		}},
		{"container_name", []string{"command: [celery, worker]", "container_name: worker"}, []string{
			`services.worker.container_name: is "worker", but old and new containers run side by side and need names of their own: remove it, or set deploy.update_config.order: stop-first`,
		}},
		{"published port", []string{"expose: [\"3000\"]", "expose: [\"3000\"]\n    ports: [\"3000:3000\"]"}, []string{
			`services.frontend.ports: publishes 3000 on the host, which old and new containers cannot share: use expose and a route, and let the proxy publish it`,
		}},
		{"network of the host", []string{"command: [celery, worker]", "network_mode: host\n    deploy: {update_config: {order: start-first}}"}, []string{
			`services.worker.network_mode: is host, whose ports old and new containers cannot share: use the project's network`,
		}},
		{"missing variable", []string{"command: [celery, worker]", "environment: {KEY: \"${SECRET_KEY}\", OK: \"${LEVEL:-info}\", EMPTY: \"${NONE:-}\", NOT: \"$${HOME}\"}"}, []string{
			`services.worker.environment.KEY: the variable SECRET_KEY is not set: write SECRET_KEY=… into .env, or give it a default as ${SECRET_KEY:-…}`,
		}},
		{"not YAML", []string{"name: shop", "name: [shop"}, []string{
			`failed to parse go-yaml load error in parser (while parsing a flow sequence) at L1.C7-L2.C9: did not find expected ',' or ']'`,
		}},
		{"not a Compose file", []string{"command: [celery, worker]", "command: {run: celery}"}, []string{
			`services.worker.command: must be a null`,
		}},
		{"update order", []string{"order: stop-first", "order: stop-last"}, []string{
			`services.beat.deploy.update_config.order: value must be one of 'start-first', 'stop-first'`,
		}},
		{"failure action", []string{"order: stop-first", "order: stop-first, failure_action: pause"}, []string{
			`services.beat.deploy.update_config.failure_action: is "pause"; allowed: rollback, which is also what happens without it`,
		}},
		{"global mode", []string{"replicas: 2", "mode: global"}, []string{
			`services.backend.deploy.mode: is "global"; allowed: replicated`,
		}},
		{"route stops first", []string{"replicas: 2", "update_config: {order: stop-first}"}, []string{
			`services.backend.deploy.update_config.order: is stop-first, which would leave the service's route without a server: use start-first, or remove the route`,
		}},
		{"missing proxy", []string{"      proxy: true\n", "      drain: 1s\n"}, []string{
			`services: backend has a route, but no service is the proxy: add one with image haproxy and x-deploy: {proxy: true}`,
		}},
		{"two proxies", []string{"command: [celery, beat]", "x-deploy: {proxy: true}", "order: stop-first", "parallelism: 1"}, []string{
			`services: beat and proxy are all marked x-deploy.proxy; allowed: one`,
		}},
		{"not published", []string{"80:8080", "80:80"}, []string{
			`services.backend.x-deploy.route.listen: is 8080, which proxy does not publish: add it to services.proxy.ports`,
			`services.frontend.x-deploy.route.listen: is 8080, which proxy does not publish: add it to services.proxy.ports`,
		}},
		{"the same requests", []string{", path: /api", ""}, []string{
			`services.frontend.x-deploy.route: takes the same requests as services.backend's: give one of them other hosts, path or listen`,
		}},
		{"no common network", []string{"expose: [\"3000\"]", "expose: [\"3000\"]\n    networks: [back]", "volumes:\n  data", "networks: {back: {}}\nvolumes:\n  data"}, []string{
			`services.frontend.networks: has no network in common with proxy, which routes to it`,
		}},
		{"maintenance", []string{"x-deploy:\n  verify", "x-deploy:\n  maintenance: {message: \"a\\tb\", retry_after: 1ms, admins: [10.0.0.1/8, anna]}\n  verify"}, []string{
			`x-deploy.maintenance.admins[0]: "10.0.0.1/8" has bits behind its mask: write 10.0.0.0/8, or one address without a mask`,
			`x-deploy.maintenance.admins[1]: "anna" is no address; allowed: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32`,
			`x-deploy.maintenance.message: the message has control characters; allowed: text and line ends`,
			`x-deploy.maintenance.retry_after: retry after 1ms; allowed: 1s to 168h0m0s`,
		}},
		{"migrations without a command", []string{"path: /api/health/}", "path: /api/health/}\n      migrations: {order: during, manage: [manage], attempts: -1}"}, []string{
			`services.backend.x-deploy.migrations.apply: is missing: the command that applies what is pending; or say migrations: django`,
			`services.backend.x-deploy.migrations.attempts: is -1; allowed: 1 or more`,
			`services.backend.x-deploy.migrations.manage: is Django's: say framework: django, too`,
			`services.backend.x-deploy.migrations.order: is "during"; allowed: auto, before, after`,
		}},
		{"migrations of a framework that is not known", []string{"path: /api/health/}", "path: /api/health/}\n      migrations: rails"}, []string{
			`services.backend.x-deploy.migrations.framework: is "rails"; allowed: django, or none and the commands pending, apply and revert`,
		}},
		{"migrations of Django with commands", []string{"path: /api/health/}", "path: /api/health/}\n      migrations: {framework: django, apply: [manage, migrate]}"}, []string{
			`services.backend.x-deploy.migrations.apply: is for other frameworks: Django's own commands are known`,
		}},
		{"migrations twice", []string{"path: /api/health/}", "path: /api/health/}\n      migrations: django", "quiet: [worker-quiet]", "migrations: django\n      quiet: [worker-quiet]"}, []string{
			`services.worker.x-deploy.migrations: is said by backend already: one service's image has the migrations`,
		}},
		{"backups", []string{"x-deploy:\n  verify", "x-deploy:\n  backups: {service: postgres, endpoint: s3.example}\n  verify"}, []string{
			`x-deploy.backups.bucket: is missing: the S3 bucket that the backups are in`,
			`x-deploy.backups.endpoint: is "s3.example"; allowed: the S3 server's http:// or https:// address`,
			`x-deploy.backups.service: is "postgres", which must be the Postgres server; allowed: backend, beat, db, frontend, proxy, worker`,
		}},
		{"backups with a login in the address", []string{"x-deploy:\n  verify", "x-deploy:\n  backups: {service: db, bucket: b, endpoint: \"https://key:c4nary@s3.example\"}\n  verify"}, []string{
			`x-deploy.backups.endpoint: has a login in it: that belongs into .env, as BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY`,
		}},
		{"depends_on in a circle", []string{"image: postgres:17", "image: postgres:17\n    depends_on: [backend]"}, []string{
			`dependency cycle detected: backend -> db -> backend`,
		}},
		{"depends_on nobody", []string{"depends_on: [db]", "depends_on: [database]"}, []string{
			`service "backend" depends on undefined service "database": invalid compose project`,
		}},
		{"waits for an end", []string{"depends_on: [db]", "depends_on: {db: {condition: service_completed_successfully}}"}, []string{
			`services.backend.depends_on.db: waits for service_completed_successfully, which a rollout has no place for; allowed: service_started, service_healthy. For migrations use x-deploy.migrations`,
		}},
		{"resume alone", []string{"      quiet: [worker-quiet]\n", ""}, []string{
			`services.worker.x-deploy.resume: undoes quiet, which is missing`,
		}},
		{"paths", []string{"path: /api}", "path: api}", "health: {path: /}", "health: {path: health}"}, []string{
			`services.backend.x-deploy.route.path: is "api": a path starts with /`,
			`services.frontend.x-deploy.health.path: is "health": a path starts with /`,
		}},
		{"ports", []string{"listen: 8080, port: 3000", "listen: 80800, port: 3000", "port: 8000,", "port: 0,"}, []string{
			`services.backend.x-deploy.route.port: is 0; allowed: 1 to 65535, a port that the service exposes`,
			`services.frontend.x-deploy.route.listen: is 80800; allowed: 1 to 65535`,
			`services.frontend.x-deploy.route.listen: is 80800, which proxy does not publish: add it to services.proxy.ports`,
		}},
		{"health without port", []string{"resume: [worker-resume]", "health: {path: /}"}, []string{
			`services.worker.x-deploy.health.port: is missing: a service without a route needs the port to ask`,
		}},
		{"settings", []string{"x-deploy:\n  verify:\n    - url: http://127.0.0.1:80/", "x-deploy:\n  retain: -1\n  watch: {error_ratio: 5, slowdown: 0.5, requests: -1}\n  verify:\n    - url: shop.example\n      status: 1000\n      attempts: -1"}, []string{
			`x-deploy.retain: is -1; allowed: 1 or more releases`,
			`x-deploy.verify[0].attempts: is -1; allowed: 1 or more`,
			`x-deploy.verify[0].status: is 1000; allowed: 100 to 599`,
			`x-deploy.verify[0].url: is "shop.example"; allowed: an http:// or https:// address`,
			`x-deploy.watch.error_ratio: is 5; allowed: 0 to 1`,
			`x-deploy.watch.requests: is -1; allowed: 0 or more`,
			`x-deploy.watch.slowdown: is 0.5; allowed: 1 or more`,
		}},
		{"hooks", []string{"x-deploy:\n  verify", `x-deploy:
  hooks:
    before_switch: [{name: a, host: true, service: backend, command: [x]}, {name: a, service: api, command: ""}, {shell: sh}]
    on_failure: [{name: b, host: true, command: [x], timeout: 5}]
  verify`}, []string{
			`x-deploy.hooks.before_switch[0].service: is "backend", and host is true: a hook runs in one of the two`,
			`x-deploy.hooks.before_switch[1].command: is missing: a list such as [bin/warm, --all], or one text for /bin/sh`,
			`x-deploy.hooks.before_switch[1].name: is "a", as another one's of the list`,
			`x-deploy.hooks.before_switch[1].service: is "api"; allowed: backend, beat, db, frontend, proxy, worker`,
			`x-deploy.hooks.before_switch[2].command: is missing: a list such as [bin/warm, --all], or one text for /bin/sh`,
			`x-deploy.hooks.before_switch[2].name: is missing: plans and journals call the hook by it`,
			`x-deploy.hooks.before_switch[2].service: is missing: say in whose image the hook runs, one of backend, beat, db, frontend, proxy, worker, or host: true`,
			`x-deploy.hooks.before_switch[2].shell: unknown key; allowed here: command, host, name, service, timeout`,
			`x-deploy.hooks.on_failure[0].timeout: 5 is not a duration: write a unit, such as 30s or 5m`,
		}},
		{"flows", []string{"  verify:\n    - url: http://127.0.0.1:80/", `  verify:
    - {url: "http://127.0.0.1:80/", method: FETCH, latency: 1m, headers: {"a b": c}}
    - {url: "http://127.0.0.1:80/", steps: [{url: "http://127.0.0.1:80/", body: x, method: GET, save: {token: "(a)(b)", "a-b": "(a)", c: "("}}, {url: "{token}/x"}, {url: "{other}/x", statos: 3}]}
  sentry: {url: sentry.example, new_issues: -1, token: c4nary}`}, []string{
			`x-deploy.sentry.new_issues: is -1; allowed: 0 or more; leave it out to be warned only`,
			`x-deploy.sentry.organization: is missing: its short name, as in Sentry's addresses`,
			`x-deploy.sentry.project: is missing: its short name, as in Sentry's addresses`,
			`x-deploy.sentry.url: is "sentry.example"; allowed: an http:// or https:// address`,
			`x-deploy.verify[0].headers: has "a b", which is no header`,
			`x-deploy.verify[0].latency: is 1m0s, and a request is given up after 10s (timeout): nothing slower can be told apart`,
			`x-deploy.verify[0].method: is "FETCH"; allowed: GET, HEAD, POST, PUT, PATCH, DELETE`,
			`x-deploy.verify[1].name: is missing: errors call the flow by it`,
			`x-deploy.verify[1].steps[0].body: is nothing that a GET has`,
			`x-deploy.verify[1].steps[0].save: has the name "a-b"; allowed: letters, digits and _`,
			"x-deploy.verify[1].steps[0].save.c: is no regular expression: error parsing regexp: missing closing ): `(`",
			`x-deploy.verify[1].steps[0].save.token: has 2 groups; allowed: one, around what is saved`,
			`x-deploy.verify[1].steps[2].statos: unknown key (did you mean status?); allowed here: body, contains, headers, host, latency, method, save, status, url`,
			`x-deploy.verify[1].steps[2].url: is "{other}/x"; allowed: an http:// or https:// address`,
			`x-deploy.verify[1].url: stands beside steps: say it in the steps`,
		}},
		{"negative grace period", []string{"stop_grace_period: 60s", "stop_grace_period: -60s"}, []string{
			`services.worker.stop_grace_period: is negative: a duration is 0s or more`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := mistaken(t, edit(t, shop, test.edits...))
			noun := "mistakes"
			if len(test.want) == 1 {
				noun = "mistake"
			}
			want := fmt.Sprintf("docker-compose.production.yml has %d %s; nothing was touched:\n  %s", len(test.want), noun, strings.Join(test.want, "\n  "))
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
