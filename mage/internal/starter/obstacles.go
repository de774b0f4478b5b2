package starter

import (
	"fmt"
	"regexp"
	"strings"
)

var development = regexp.MustCompile(`runserver|flask\b.*\brun|next dev|npm run dev|yarn dev|pnpm dev|nodemon|--reload|artisan serve|vite\b|webpack`)

// look finds what stands in the way of a service, and what only a person can
// judge, without changing it.
func (d *drafter) look(g *guess) {
	f := g.facts
	at := "services." + f.name
	if g.kind == KindAlone {
		how := "A new version needs -accept-downtime, and interrupts as long as a restart takes."
		if g.instead != "" {
			how = capital(g.instead) + ", and give it a route; until then a new version needs -accept-downtime."
		}
		d.find(Blocks, at, "must not run twice: "+g.why, how)
	}
	if g.kind == KindUpstream {
		d.find(Blocks, at, "is asked by a web server of the project, which the proxy does not switch: requests are lost when it is replaced",
			"Put the web server and PHP into one image (FrankenPHP, or nginx and PHP-FPM under one supervisor), and route that.")
	}
	if g.kind == KindEdge {
		d.find(Judge, at, "stands before the other services, and ends TLS", "In its configuration, have it send to http://"+d.proxyName()+" and the port that the environment's proxy listens on, in the place of the services' own names.")
	}
	if g.kind == KindOther {
		d.find(Judge, at, "nothing says what it is: it never runs twice, and stands still while it is replaced", "Where two may run, say deploy: {update_config: {order: start-first}}; where it answers HTTP, give it expose and a route.")
	}
	if mode := text(f.raw["network_mode"]); mode == "host" && !g.kind.rolled() {
		d.find(Judge, at+".network_mode", "is host: its ports are the host's own, so it is left alone, and replaced only with consent", "Where old and new are to run side by side, use the project's network.")
	}
	if seen := discovered(f); g.kind == KindWeb && seen != "" {
		d.find(Blocks, at+"."+seen, "has a reverse proxy find the containers, so that it sends requests past the proxy, and to containers that end",
			"Say it of the service "+d.proxyName()+" instead, with the port that this one's route listens on.")
	}
	if key := sqliteIn(f); g.kind == KindWeb && key != "" {
		d.find(Blocks, at+".environment."+key, "names an SQLite file in the container itself, which is gone with every release", "Use a database server.")
	}
	d.lookAtImage(g)
	d.lookAtProcess(g)
	d.lookAtSessions(g)
	if g.kind == KindWorker {
		d.find(Judge, at, "old and new workers run side by side for a moment", "Where an old worker loses a task that it does not know, as Celery's do, name a command under x-deploy.quiet that stops it from taking more, and one under resume.")
	}
	if g.kind.stores() {
		for _, p := range f.ports {
			if p.published != "" && !strings.HasPrefix(p.host, "127.") {
				d.find(Judge, at+".ports", fmt.Sprintf("publishes %d to everybody, past the host's firewall", p.target), "Publish it on 127.0.0.1, or not at all: services reach it by its name.")
			}
		}
		switch {
		case f.owns():
		case g.kind == KindCache || g.kind == KindBroker:
			d.find(Judge, at+".volumes", "has no volume of its own: what it holds is gone when it is replaced, queued tasks and sessions included", "Give it a named volume, unless it is a cache and nothing else.")
		default:
			d.find(Blocks, at+".volumes", "has no volume of its own: what it keeps is gone when its container is replaced", "Give it a named volume, and move the data before the first deploy.")
		}
	}
}

// discovered says where a service tells Traefik, nginx-proxy or
// caddy-docker-proxy of itself.
func discovered(f *facts) string {
	for _, key := range sortedKeys(environmentOf(f.raw["labels"])) {
		if strings.HasPrefix(key, "traefik.http.") || key == "caddy" || strings.HasPrefix(key, "caddy.") {
			return "labels"
		}
	}
	if _, ok := f.environment["VIRTUAL_HOST"]; ok {
		return "environment.VIRTUAL_HOST"
	}
	return ""
}

func (d *drafter) lookAtProcess(g *guess) {
	f := g.facts
	at := "services." + f.name + ".command"
	if found := development.FindString(f.process); found != "" && (g.kind == KindWeb || g.kind == KindAlone) {
		d.find(Blocks, at, "starts a server for developers", "Say in the environments the command that serves in production, one that finishes open requests on SIGTERM.")
	}
	for _, key := range []string{"command", "entrypoint"} {
		if holds(words(f.raw[key])) {
			d.find(Judge, "services."+f.name+"."+key, "has a secret in it, which is in git and in every list of processes", "Write a variable of the host's .env for it: ${…}.")
		}
	}
	if holds(words(asMap(f.raw["healthcheck"])["test"])) {
		d.find(Judge, "services."+f.name+".healthcheck.test", "has a secret in it, which is in git", "Write $${…} with the container's own variable for it.")
	}
	if g.kind == KindScheduler && strings.Contains(f.process, "celery") && strings.Contains(f.process, "worker") {
		d.find(Blocks, at, "runs Celery's worker with its scheduler in it, so that no worker takes tasks while it is replaced", "Run celery beat as a service of its own, and the worker without -B.")
	}
	if line := words(f.raw["command"]); g.kind.rolled() && strings.HasPrefix(line, "sh -c") && !strings.Contains(line, "exec ") {
		d.find(Judge, at, "runs under a shell, which does not hand SIGTERM on: the process is killed after the grace period", "Write exec before the last program of the command.")
	}
}

var sessionKeys = map[string]*regexp.Regexp{
	"SESSION_DRIVER": regexp.MustCompile(`^(?:file|array)$`), "SESSION_STORE": regexp.MustCompile(`(?i)^(?:memory|file|memorystore)$`),
	"CACHE_DRIVER": regexp.MustCompile(`^(?:file|array)$`), "CACHE_STORE": regexp.MustCompile(`^(?:file|array|memory)$`),
	"SESSION_TYPE": regexp.MustCompile(`^(?:filesystem|memory)$`), "CACHE_TYPE": regexp.MustCompile(`(?i)^(?:simple|filesystem|simplecache|filesystemcache)$`),
	"CACHE_URL": regexp.MustCompile(`^(?:locmem|filecache)`), "SESSION_ENGINE": regexp.MustCompile(`(?:\.file|\.cache)$`),
}

// lookAtSessions finds what is kept in one container, and missing in the next.
func (d *drafter) lookAtSessions(g *guess) {
	if g.kind != KindWeb && g.kind != KindUpstream {
		return
	}
	for _, key := range sortedKeys(g.facts.environment) {
		if pattern := sessionKeys[key]; pattern != nil && pattern.MatchString(g.facts.value(key)) {
			d.find(Blocks, "services."+g.facts.name+".environment."+key, "keeps sessions or its cache in the container: visitors are signed out with every deploy", "Keep them in Redis or in the database.")
		}
	}
}

// reset takes away what two containers side by side cannot have, or what no two
// versions of Compose agree on.
func (d *drafter) reset(g *guess, tagged func(key, tag string, value any, comment string)) {
	f := g.facts
	at := "services." + f.name + "."
	away := func(key string, empty any, what, how string) {
		if f.raw[key] == nil {
			return
		}
		tagged(key, "!reset", empty, "")
		d.find(Changed, at+key, what, how)
	}
	const disagreed = "means another configuration to each version of Compose, which would replace the container"
	away("links", []any{}, disagreed, "The environments leave it out: services reach each other by name.")
	away("volumes_from", []any{}, disagreed, "The environments leave it out: name the volumes in both services.")
	away("post_start", []any{}, disagreed, "The environments leave it out: run it in the container's own command.")
	away("pre_stop", []any{}, disagreed, "The environments leave it out: handle the stop signal instead.")
	if f.raw["devices"] != nil {
		tagged("devices", "!reset", []any{}, "")
		d.find(Blocks, at+"devices", disagreed, "The environments leave it out, and there is no other way to say it: run what needs the device by itself.")
	}
	if mode := text(f.raw["network_mode"]); mode != "" && (g.kind.rolled() || strings.HasPrefix(mode, "service:")) {
		away("network_mode", nil, "is "+mode+", in which old and new containers cannot both be reached", "The environments use the project's network.")
	}
	if !g.kind.rolled() {
		return
	}
	away("container_name", nil, "is a name that only one container can have", "The environments leave it out; `mage exec` and `mage logs` take the service's name.")
	if f.raw["ports"] == nil {
		return
	}
	how := "The environments publish nothing of it; services reach it by its name."
	if g.kind == KindWeb {
		how = "The proxy publishes them in its place."
	}
	away("ports", []any{}, "are ports of the host, which old and new containers cannot both have", how)
	for _, p := range f.ports {
		what := debugging[p.target]
		switch {
		case g.entry == nil || p.target == g.entry.target:
		case what != "":
			d.find(Changed, at+"ports", fmt.Sprintf("publishes %d, the port of %s", p.target, what), "The environments do not.")
		default:
			d.find(Judge, at+"ports", fmt.Sprintf("publishes %d, too, and a service has one route", p.target), "The environments do not publish it: services reach it by name.")
		}
	}
}
