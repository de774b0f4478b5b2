package starter

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// mount is one volume of a service.
type mount struct {
	kind, source, target string
	readOnly             bool
	// variable says that it is a folder which a variable names.
	variable bool
	raw      map[string]any
}

// relative says whether it is a folder of the project.
func (m mount) relative() bool {
	return m.kind == "bind" && !path.IsAbs(m.source) && !strings.HasPrefix(m.source, "~") && !strings.HasPrefix(m.source, "$")
}

func parseMount(long map[string]any) mount {
	m := mount{
		kind: text(long["type"]), source: text(long["source"]), target: text(long["target"]),
		readOnly: text(long["read_only"]) == "true", raw: long,
	}
	if m.kind == "volume" && strings.HasPrefix(m.source, "$") {
		m.kind, m.variable = "bind", true // the name of a volume cannot be a variable
		m.raw = map[string]any{"type": "bind", "source": m.source, "target": m.target, "read_only": m.readOnly}
	}
	return m
}

// owns says whether it has a volume or a folder that it writes.
func (f *facts) owns() bool {
	return slices.ContainsFunc(f.mounts, func(m mount) bool { return !m.readOnly && (m.kind == "bind" || m.kind == "volume" && m.source != "") })
}

// dataFolder are names of folders whose content outlives a release.
var dataFolder = regexp.MustCompile(`(?i)data|sqlite|mysql|postgres|mongo|redis|(?:^|/)(?:media|uploads?|storage|logs?|backups?|volumes?|files|content|db|var|state|cache|certs?|persist\w*)(?:/|$)`)

// codeFolder is where images have the source of what they run.
var codeFolder = regexp.MustCompile(`^/(?:app|code|src|source|usr/src|usr/share/nginx|var/www|opt|workspaces?|srv|home|web|backend|frontend|api|project|rails|go)(?:/|$)`)

// source says whether a mount lays a developer's source code over the image's.
func (f *facts) source(m mount) bool {
	if !f.built || !m.relative() {
		return false
	}
	context := path.Clean(expand(text(asMap(f.raw["build"])["context"])))
	source := path.Clean(m.source)
	if source == context {
		return true
	}
	inside := context == "." || source == "." || strings.HasPrefix(source, context+"/")
	code := codeFolder.MatchString(m.target) || underAny(m.target, []string{text(f.raw["working_dir"])})
	return inside && code && path.Ext(source) == "" && !dataFolder.MatchString(source)
}

var languageImage = regexp.MustCompile(`^(?:node|python|php|ruby|golang|openjdk|eclipse-temurin|bun|deno|rust|elixir|maven|gradle|sdk|aspnet)$`)

// volumes takes the source code away that developers mount over the image, and
// keeps the other folders of the project as they will be on the host.
func (d *drafter) volumes(g *guess, tagged func(key, tag string, value any, comment string)) {
	f := g.facts
	at := "services." + f.name + ".volumes"
	var kept lines
	var sources []string
	rewritten := false
	for _, m := range f.mounts {
		if f.source(m) {
			sources = append(sources, m.target)
		}
	}
	for _, m := range f.mounts {
		if f.source(m) || underAny(m.target, sources) && m.kind == "volume" && (m.source == "" || installed.MatchString(m.target)) {
			continue
		}
		if m.relative() {
			rewritten = true
			d.lookAtFolder(g, m)
		}
		// Without a value of the variable, the short form is read as a volume's name.
		rewritten = rewritten || m.variable
		kept = append(kept, d.secrets.without(f.name, "volumes", m.short()))
		if g.kind == KindWeb && m.source != "" && !m.readOnly && path.Ext(m.source) == "" && (m.kind == "volume" || m.kind == "bind") {
			d.find(Judge, at, m.source+" is written by old and new containers at once during a rollout", "That is right for uploaded files, and wrong for a database file, an index or a lock.")
		}
	}
	if len(sources) > 0 {
		d.find(Changed, at, "mounts source code over "+strings.Join(sources, " and ")+", so that the image's own is not what runs", "The environments leave it out: the image has its code.")
		if key := sqliteIn(f); key != "" {
			d.find(Blocks, at, "the SQLite file of "+key+" may be in the folder that is left out", "Keep it in a named volume of its own, and move it there before the first deploy.")
		}
	}
	switch {
	case len(sources) == 0 && !rewritten:
	case len(kept) == 0:
		tagged("volumes", "!reset", []any{}, "")
	default:
		tagged("volumes", "!override", kept, "Folders of the project start in the deploy directory on the host.")
	}
}

func (d *drafter) lookAtFolder(g *guess, m mount) {
	at := "services." + g.facts.name + ".volumes"
	switch {
	case !g.facts.built && languageImage.MatchString(g.facts.software) && !m.readOnly && path.Ext(m.source) == "":
		d.find(Blocks, at, "runs code out of the folder "+m.source+" of this machine, and its image has none", "Write a Dockerfile that copies the code into an image, and say build.")
	case path.Clean(m.source) == ".env": // is on the host
	case !m.readOnly && (dataFolder.MatchString(m.source) || !g.facts.built && path.Ext(m.source) == ""):
		d.find(Judge, at, "keeps what it writes in "+m.source+", which is below the deploy directory on the host", "Move what is there now to that place before the first deploy, or use a named volume.")
	default:
		d.find(Judge, at, "mounts "+m.source+" of the project, which is not sent to the host", "Copy it into the deploy directory on the host, or better into an image.")
	}
}

var installed = regexp.MustCompile(`node_modules|/vendor$|\.next|\.venv|/venv|/deps$|/_build$`)

func underAny(target string, folders []string) bool {
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if target == folder || strings.HasPrefix(target, strings.TrimSuffix(folder, "/")+"/") {
			return true
		}
	}
	return false
}

// short is a mount in Compose's short form, where that says all of it.
func (m mount) short() any {
	if m.variable {
		return m.raw
	}
	for key, value := range m.raw {
		switch key {
		case "type", "source", "target", "read_only":
		case "bind":
			if bind := asMap(value); len(bind) > 1 || len(bind) == 1 && fmt.Sprint(bind["create_host_path"]) != "true" {
				return m.raw
			}
		case "volume":
			if len(asMap(value)) > 0 {
				return m.raw
			}
		default:
			return m.raw
		}
	}
	if m.kind != "bind" && m.kind != "volume" {
		return m.raw
	}
	short := m.target
	if m.source != "" {
		short = m.source + ":" + m.target
		if m.relative() && !strings.HasPrefix(m.source, ".") {
			short = "./" + short // else it would be the name of a volume
		}
	}
	if m.readOnly {
		short += ":ro"
	}
	return short
}
