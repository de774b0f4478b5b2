package starter

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// variablesPath is the list of variables. The project's own .env.example, which
// many have, stays what it is.
const variablesPath = "compose/.env.example"

// variable is one that an environment needs.
type variable struct {
	// needed says that it has no default, building that only images need it.
	needed, building bool
	services         []string
}

// variables are all that the environments need, by name.
type variables map[string]*variable

func (v variables) note(service, name string, needed, building bool) {
	if name == deploy.VersionVariable {
		return
	}
	one := v[name]
	if one == nil {
		one = &variable{building: building}
		v[name] = one
	}
	one.needed = one.needed || needed
	one.building = one.building && building
	if !slices.Contains(one.services, service) {
		one.services = append(one.services, service)
	}
}

// take notes the variables in a value, and in all that is below it.
func (v variables) take(service string, value any, building bool) {
	switch value := value.(type) {
	case string:
		for name, one := range template.ExtractVariables(map[string]any{"": value}, template.DefaultPattern) {
			given := one.DefaultValue != "" || one.PresenceValue != "" || strings.Contains(value, "${"+name+":-}") || strings.Contains(value, "${"+name+"-}")
			v.note(service, name, !given, building)
		}
	case map[string]any:
		for _, entry := range value {
			v.take(service, entry, building)
		}
	case []any:
		for _, entry := range value {
			v.take(service, entry, building)
		}
	case lines:
		v.take(service, []any(value), building)
	case []string:
		for _, entry := range value {
			v.take(service, entry, building)
		}
	case inline:
		v.take(service, pairs(value), building)
	case pairs:
		for _, one := range value {
			v.take(service, one.value, building || one.key == "image")
		}
	}
}

// needed finds the variables of the environments.
func (d *drafter) needed() variables {
	found := variables{}
	for _, b := range d.blocks {
		d.takeService(found, b)
	}
	found.take(d.proxyName(), d.published, false)
	for _, key := range []string{"volumes", "networks", "secrets", "configs"} {
		for name, definition := range asMap(d.project.model[key]) {
			if d.uses(key, name) {
				d.takeDefinition(found, key, name, asMap(definition))
			}
		}
	}
	return found
}

// takeService notes the variables of a service, but for those in what the
// environments say instead.
func (d *drafter) takeService(found variables, b block) {
	f := d.kinds[b.name].facts
	written := maps.Clone(f.raw)
	delete(written, "environment")
	for _, one := range b.pairs {
		if one.tag != "" || one.key == "image" {
			delete(written, one.key)
		}
	}
	for key, value := range written {
		found.take(b.name, value, key == "build" || key == "image")
	}
	replaced := asMapOf(b.pairs, "environment")
	for key, value := range f.environment {
		if _, instead := replaced[key]; instead {
			continue
		}
		if value == nil {
			found.note(b.name, key, false, false) // Compose leaves it out where it is not set
		}
		found.take(b.name, value, false)
	}
	found.take(b.name, b.pairs, false)
	for _, name := range d.fileNames(f) {
		found.note(b.name, name, false, false)
	}
}

// takeDefinition notes the variables of a volume, a network, a secret or a
// config.
func (d *drafter) takeDefinition(found variables, key, name string, definition map[string]any) {
	found.take(key, d.secrets.without(name, key, definition), false)
	if variable := text(definition["environment"]); variable != "" {
		found.note(key, variable, true, false)
	}
	if definition["content"] != nil {
		found.note(key, contentVariable(name), true, false)
	}
}

func asMapOf(p pairs, key string) map[string]any {
	found := map[string]any{}
	for _, one := range p {
		if inner, ok := one.value.(pairs); ok && one.key == key {
			for _, entry := range inner {
				found[entry.key] = entry.value
			}
		}
	}
	return found
}

var assignment = regexp.MustCompile(`(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=`)

// fileNames are the names, and nothing but the names, in a service's env files.
func (d *drafter) fileNames(f *facts) []string {
	var names []string
	for _, entry := range list(f.raw["env_file"]) {
		for _, found := range assignment.FindAllStringSubmatch(d.project.read(path.Clean(text(asMap(entry)["path"]))), -1) {
			names = append(names, found[1])
		}
	}
	return names
}

func (d *drafter) variablesFile() File {
	found := d.needed()
	var out strings.Builder
	writeComment(&out, "", "The variables of "+d.Name+". Copy this to .env.staging and .env.production, which stay out of git, and fill them in: `mage env:push` makes them the .env of the hosts. VERSION is what you deploy.")
	out.WriteString("\n")
	writeComment(&out, "", "Where the deploy is started.")
	for _, environment := range Environments {
		out.WriteString(strings.ToUpper(environment) + "_HOST=\n")
	}
	section := func(title string, is func(*variable) bool, prefix string) {
		first := true
		for _, name := range sortedKeys(found) {
			if !is(found[name]) {
				continue
			}
			if first {
				out.WriteString("\n")
				writeComment(&out, "", title)
				first = false
			}
			slices.Sort(found[name].services)
			// No comment behind it: it would be taken for the value.
			out.WriteString("# " + strings.Join(found[name].services, ", ") + "\n" + prefix + name + "=\n")
		}
	}
	section("Where images are built.", func(v *variable) bool { return v.building && v.needed }, "")
	section("Where images are built; each has a default.", func(v *variable) bool { return v.building && !v.needed }, "#")
	section("On the host; without one of them nothing is deployed.", func(v *variable) bool { return !v.building && v.needed }, "")
	section("On the host; each has a default, or may be missing.", func(v *variable) bool { return !v.building && !v.needed }, "#")
	return File{Path: variablesPath, Content: out.String()}
}
