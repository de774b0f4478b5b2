package starter

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What old containers get to finish in: the drain of a web service and some
// time to end, and the longest task that people have in mind.
const (
	webGrace    = deploy.DefaultDrain + 10*time.Second
	workerGrace = 60 * time.Second
)

// drafter writes a proposal, service by service.
type drafter struct {
	*Proposal
	project *Project
	kinds   map[string]*guess
	secrets *secrets
	blocks  []block
	// published are the proxy's ports, as the Compose file will say them, and
	// listens its own side of them that is taken.
	published []string
	listens   map[int]bool
	// verified are the addresses that must answer after the switch.
	verified []any
	// migrating is the service whose image has the migrations.
	migrating string
	migration any
	because   string
	// images are the names of what is built, by their build section.
	images map[string]string
	// leaves are the services that the environments do not have.
	leaves map[string]bool
}

// block is one service as it is written.
type block struct {
	name, comment string
	pairs         pairs
}

func (d *drafter) draft(guesses []*guess) {
	d.listens, d.images, d.leaves = map[int]bool{}, map[string]string{}, map[string]bool{}
	for _, one := range guesses {
		d.leave(one)
	}
	var kept []*guess
	for _, one := range guesses {
		if !d.leaves[one.facts.name] {
			kept = append(kept, one)
		}
	}
	d.migrations(guesses)
	served := slices.Clone(kept)
	slices.SortStableFunc(served, func(a, b *guess) int { return behind(a) - behind(b) })
	d.nameImages(served)
	// The passwords of databases are known before the addresses that have them.
	environments := map[string]pairs{}
	order := slices.Clone(kept)
	slices.SortStableFunc(order, func(a, b *guess) int { return rank(a) - rank(b) })
	for _, one := range order {
		environments[one.facts.name] = d.environment(one)
	}
	for _, one := range kept {
		d.service(one, environments[one.facts.name])
	}
	if len(d.images) == 0 {
		d.find(Judge, "services", "no image is built here, so a version is only the deploy's name",
			"Where an image's tag is to be the version that you deploy, write ${VERSION} for the tag.")
	}
	if slices.ContainsFunc(kept, func(g *guess) bool { return g.kind == KindWeb }) {
		return
	}
	d.find(Blocks, "services", "nothing can be rolled out beside what runs, so every new version interrupts, and needs -accept-downtime", "See what stands in the way of each service.")
}

// rank has databases first.
func rank(g *guess) int {
	if g.kind.stores() {
		return 0
	}
	return 1
}

// behind has what serves requests first: an image is named after that.
func behind(g *guess) int {
	if g.kind == KindWeb || g.kind == KindAlone {
		return 0
	}
	return 1
}

// leave decides whether the environments have a service.
func (d *drafter) leave(g *guess) {
	f := g.facts
	at := "services." + f.name
	switch {
	case g.kind == KindTask:
		d.leaves[f.name] = true
		d.find(Changed, at, "is a task that ends, which a rollout has no place for: the environments leave it out", "Migrations stand under x-deploy.migrations; run other tasks with x-deploy.hooks or `mage exec`.")
	case g.kind == KindTool:
		d.leaves[f.name] = true
		d.find(Changed, at, g.reason+": the environments leave it out", "Add it to an environment with extends, as the others, if it is wanted there.")
	case len(list(f.raw["profiles"])) > 0:
		d.leaves[f.name] = true
		d.find(Changed, at+".profiles", "has profiles, so that it does not start by itself: the environments leave it out", "Add it to an environment with extends, as the others, if it is wanted there.")
	}
}

// service writes one service.
func (d *drafter) service(g *guess, environment pairs) {
	f := g.facts
	b := block{name: f.name, comment: capital(g.reason) + ": " + fate(g) + "."}
	add := func(key string, value any, comment string) {
		b.pairs = append(b.pairs, pair{key: key, value: value, comment: comment})
	}
	tagged := func(key, tag string, value any, comment string) {
		b.pairs = append(b.pairs, pair{key: key, value: value, comment: comment, tag: tag})
	}
	add("extends", inline{{key: "file", value: "../" + d.Source}, {key: "service", value: f.name}}, "")
	if image := d.image(f); image != "" {
		add("image", image, "")
	}
	d.look(g)
	d.reset(g, tagged)
	d.dependsOn(g, tagged)
	d.envFiles(g, tagged)
	d.volumes(g, tagged)
	if len(environment) > 0 {
		add("environment", environment, "What the Compose file says is in git: here it comes from the host's .env.")
	}
	settings := d.route(g, add)
	if f.raw["restart"] == nil {
		d.find(Changed, "services."+f.name+".restart", "has no restart: it would stay down after a crash or a reboot", "The environments say restart: unless-stopped.")
		add("restart", "unless-stopped", "")
	}
	if (g.kind == KindWorker || g.kind == KindScheduler) && g.facts.raw["init"] == nil {
		add("init", true, "Told to stop while it boots, most programs as process 1 do not hear it.")
	}
	d.grace(g, add)
	d.check(g, add)
	if said := d.deployment(g); len(said) > 0 {
		add("deploy", said, "")
	}
	if d.migrating == f.name {
		settings = append(settings, pair{key: "migrations", value: d.migration, comment: d.because})
	}
	if len(settings) > 0 {
		add("x-deploy", settings, "")
	}
	d.blocks = append(d.blocks, b)
}

// fate says how a service is replaced.
func fate(g *guess) string {
	switch {
	case g.kind == KindWeb:
		return "new containers start beside the old ones, and the proxy switches"
	case g.kind == KindAlone:
		return "left alone, since " + g.why
	case g.kind == KindEdge:
		return "left alone; it hands requests to the proxy"
	case g.kind.rolled():
		return "new containers start beside the old ones"
	case g.kind == KindScheduler:
		return "never two at once, so it is stopped before the new one starts"
	case !g.facts.owns() && !g.facts.publishes():
		return "replaced in its place, and only when it changes"
	}
	return "left alone, and replaced only with consent"
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// deployment is Compose's own deploy section.
func (d *drafter) deployment(g *guess) inline {
	f := g.facts
	written := asMap(f.raw["deploy"])
	update := pairs{}
	at := "services." + f.name + ".deploy."
	order := text(asMap(written["update_config"])["order"])
	switch {
	case order == "start-first" && !g.kind.rolled() && (f.owns() || f.publishes()):
		d.find(Changed, at+"update_config.order", "is start-first, which would have two of it at once", "The environments leave it alone, and replace it only with consent.")
		return inline{{key: "update_config", tag: "!reset"}}
	case g.kind.rolled():
		update = append(update, pair{key: "order", value: "start-first"})
		if order == "stop-first" {
			d.find(Changed, at+"update_config.order", "is stop-first, which leaves a gap at every deploy", "The environments say start-first.")
		}
	case g.kind == KindScheduler, !f.owns() && !f.publishes() && f.raw["network_mode"] != "host":
		update = append(update, pair{key: "order", value: "stop-first"})
	}
	if action := asMap(written["update_config"])["failure_action"]; action != nil && action != "rollback" {
		update = append(update, pair{key: "failure_action", value: "rollback"})
		d.find(Changed, at+"update_config.failure_action", "is "+text(action)+", and a failed deploy always goes back here", "The environments say rollback.")
	}
	said := inline{}
	if len(update) > 0 {
		said = append(said, pair{key: "update_config", value: update})
	}
	if mode := written["mode"]; mode != nil && mode != "replicated" {
		said = append(said, pair{key: "mode", value: "replicated"})
		d.find(Changed, at+"mode", "is "+text(mode)+", which is Swarm's", "The environments say replicated.")
	}
	if len(said) == 0 {
		return nil
	}
	return said
}

// grace gives containers the time that the end of their work takes.
func (d *drafter) grace(g *guess, add func(string, any, string)) {
	wanted, why := time.Duration(0), ""
	switch g.kind {
	case KindWeb:
		wanted, why = webGrace, "requests get 30 s to finish"
	case KindWorker:
		wanted, why = workerGrace, "a task that runs is killed after it"
	case KindDatabase:
		wanted, why = workerGrace, "a database that is killed while it writes recovers at its next start"
	default:
		return
	}
	at := "services." + g.facts.name + ".stop_grace_period"
	seconds := strconv.Itoa(int(wanted.Seconds())) + "s"
	written := expand(text(g.facts.raw["stop_grace_period"]))
	if grace, err := time.ParseDuration(written); err == nil {
		if grace >= wanted {
			return
		}
		d.find(Changed, at, fmt.Sprintf("is %s, and %s", written, why), "The environments say "+seconds+".")
	}
	add("stop_grace_period", seconds, "")
}

// check gives a service the health check of its kind where it has none.
func (d *drafter) check(g *guess, add func(string, any, string)) {
	f := g.facts
	if f.checked || g.kind == KindWeb || g.kind == KindAlone && g.software != nil && g.software.health != "" {
		return
	}
	at := "services." + f.name + ".healthcheck"
	test := commandCheck(g)
	if test == nil {
		if g.kind != KindEdge {
			d.find(Judge, at, "has no health check, and none is known for what it is: a container that runs counts as healthy",
				"Give it healthcheck: {test: […]} with a command of its image.")
		}
		return
	}
	d.find(Changed, at, "has no health check", "The environments ask it as "+g.what()+" is usually asked: "+words(test[1:])+".")
	timeout := "5s"
	if g.kind == KindWorker {
		timeout = "15s" // the whole application is loaded for it
	}
	add("healthcheck", pairs{
		{key: "test", value: test}, {key: "interval", value: "10s"}, {key: "timeout", value: timeout}, {key: "start_period", value: "60s"},
	}, "It had none.")
}

// what is a service in one word or two.
func (g *guess) what() string {
	if g.software != nil {
		return g.software.what
	}
	return "a " + string(g.kind)
}

// dependsOn takes the services away that the environments do not have.
func (d *drafter) dependsOn(g *guess, tagged func(key, tag string, value any, comment string)) {
	left := pairs{}
	gone := false
	written := asMap(g.facts.raw["depends_on"])
	for _, name := range sortedKeys(written) {
		if d.leaves[name] {
			gone = true
			continue
		}
		condition := text(asMap(written[name])["condition"])
		left = append(left, pair{key: name, value: pairs{{key: "condition", value: condition}}})
	}
	switch {
	case !gone:
	case len(left) == 0:
		tagged("depends_on", "!reset", map[string]any{}, "")
	default:
		tagged("depends_on", "!override", left, "")
	}
}

// envFiles has the values of all env files come from the host's .env.
func (d *drafter) envFiles(g *guess, tagged func(key, tag string, value any, comment string)) {
	files := list(g.facts.raw["env_file"])
	if len(files) == 0 {
		return
	}
	var names []string
	for _, entry := range files {
		if name := path.Clean(text(asMap(entry)["path"])); name != ".env" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		d.find(Changed, "services."+g.facts.name+".env_file", "is "+strings.Join(names, " and ")+", which is not on the host", "The environments read the host's .env instead: put the variables into it.")
	}
	tagged("env_file", "!override", []any{map[string]any{"path": ".env", "required": false}}, "The host has one file with variables.")
}

// environment is what of a service's environment comes from the host instead.
func (d *drafter) environment(g *guess) pairs {
	var replaced pairs
	for _, key := range sortedKeys(g.facts.environment) {
		value, ok := g.facts.environment[key].(string)
		if !ok {
			continue
		}
		value, variables := d.secrets.replace(g.facts.name, key, value)
		if len(variables) == 0 {
			continue
		}
		replaced = append(replaced, pair{key: key, value: value})
		how := "The environments take " + strings.Join(variables, " and ") + " from the host's .env. Choose a new value: the old one is known."
		if g.kind.stores() {
			how += " What is there already keeps the old one until it is changed in it."
		}
		d.find(Changed, "services."+g.facts.name+".environment."+key, "has a secret's value in the Compose file, which is in git", how)
	}
	return replaced
}
