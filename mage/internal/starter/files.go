package starter

import (
	"slices"
	"strings"
)

// Environments are those that are proposed.
var Environments = []string{"staging", "production"}

// files are all that is proposed to write, in the order in which people read
// them. Whatever else a project is to begin with, such as its workflows, is one
// more of these.
func (d *drafter) files() []File {
	services := d.servicesFile()
	files := []File{services}
	for _, environment := range Environments {
		files = append(files, d.environmentFile(environment))
	}
	return append(files, d.variablesFile(), magefile(d.Name))
}

// servicesPath is the file with the services, which the environments include.
func (d *drafter) servicesPath() string { return "compose/" + d.Name + ".yml" }

func (d *drafter) servicesFile() File {
	var out strings.Builder
	writeComment(&out, "", "What the environments have: the services of "+d.Source+", extended by what a rollout needs. Change there what a service is, and here how it is deployed.")
	out.WriteString("#\n")
	writeComment(&out, "", "${VERSION} is the release; ${REGISTRY} is set where images are built; every other variable comes from the .env of the host.")
	out.WriteString("\nservices:\n")
	blocks := slices.Clone(d.blocks)
	if proxy, ok := d.proxy(); ok {
		blocks = slices.Insert(blocks, 0, proxy)
	}
	for at, one := range blocks {
		if at > 0 {
			out.WriteString("\n")
		}
		writeComment(&out, "  ", one.comment)
		out.WriteString("  " + scalar(one.name) + ":\n")
		one.pairs.write(&out, 4)
	}
	for _, key := range []string{"volumes", "networks", "secrets", "configs"} {
		if used := d.used(key); len(used) > 0 {
			out.WriteString("\n" + key + ":\n")
			used.write(&out, 2)
		}
	}
	return File{Path: d.servicesPath(), Content: out.String()}
}

// used are the entries of a top-level key that the environments' services use:
// extends does not bring them along.
func (d *drafter) used(key string) pairs {
	var used pairs
	definitions := asMap(d.project.model[key])
	for _, name := range sortedKeys(definitions) {
		if (name != "default" || key != "networks") && !d.uses(key, name) {
			continue
		}
		definition := map[string]any{}
		for field, value := range asMap(definitions[name]) {
			definition[field] = value
		}
		if file := text(definition["file"]); file != "" && !strings.HasPrefix(file, "/") && !strings.HasPrefix(file, "$") {
			d.find(Judge, key+"."+name, "is the file "+file+" of the project, which is not sent to the host", "Put it into the deploy directory on the host, readable for the deploy user alone.")
		}
		if definition["content"] != nil {
			// What is written in it may be anything.
			delete(definition, "content")
			definition["environment"] = contentVariable(name)
			d.find(Changed, key+"."+name+".content", "stands in the Compose file", "The environments take it from the variable "+text(definition["environment"])+" of the host's .env.")
		}
		if text(definition["external"]) == "true" {
			d.find(Judge, key+"."+name, "is external: it must be on the host before the first deploy", "docker "+strings.TrimSuffix(key, "s")+" create "+name)
		}
		used = append(used, pair{key: name, value: d.secrets.without(name, key, definition)})
	}
	return used
}

// contentVariable is the variable that a config's content comes from.
func contentVariable(name string) string {
	return strings.ToUpper(notName.ReplaceAllString(name, "_"))
}

// uses says whether a service of the environments names an entry.
func (d *drafter) uses(key, name string) bool {
	for _, g := range d.kinds {
		f := g.facts
		if d.leaves[f.name] {
			continue
		}
		switch key {
		case "volumes":
			if slices.ContainsFunc(f.mounts, func(m mount) bool { return m.kind == "volume" && m.source == name }) {
				return true
			}
		case "networks":
			if slices.Contains(networksOf(f), name) {
				return true
			}
		default:
			if slices.ContainsFunc(list(f.raw[key]), func(entry any) bool { return text(entry) == name || text(asMap(entry)["source"]) == name }) {
				return true
			}
		}
	}
	return false
}

func (d *drafter) environmentFile(environment string) File {
	var out strings.Builder
	host := strings.ToUpper(environment) + "_HOST"
	writeComment(&out, "", "The "+environment+" environment of "+d.Name+".")
	pairs{{key: "name", value: d.Name}}.write(&out, 0)
	out.WriteString("\n")
	pairs{{key: "include", value: []string{d.Name + ".yml"}}}.write(&out, 0)
	out.WriteString("\n")
	settings := pairs{
		{key: "hosts", value: []string{"${" + host + "}"}, comment: `"deploy@` + environment + `.example", set where the deploy is started.`},
		{key: "directory", value: "/opt/" + d.Name},
	}
	if len(d.verified) > 0 {
		settings = append(settings, pair{key: "verify", value: lines(d.verified), comment: "What must answer after the switch, as the host itself reaches it."})
	}
	pairs{{key: "x-deploy", value: settings}}.write(&out, 0)
	return File{Path: "compose/docker-compose." + environment + ".yml", Content: out.String()}
}

// targets is the package that the magefile imports.
const targets = "github.com/freezedesign/webshop-deploy/mage"

func magefile(name string) File {
	return File{Path: "magefile.go", Content: `//go:build mage

// Build, push, roll out and roll back ` + name + `'s environments.
package main

import (
	//mage:import
	_ "` + targets + `"
)
`}
}

// next are the commands behind the writing, as far as they are needed.
func (d *drafter) next() []string {
	var next []string
	module := d.project.read("go.mod")
	if module == "" {
		next = append(next, "go mod init "+d.Name)
	}
	if !strings.Contains(module, "github.com/magefile/mage") {
		next = append(next, "go get -tool github.com/magefile/mage@latest")
	}
	if !strings.Contains(module, strings.TrimSuffix(targets, "/mage")) {
		next = append(next, "go get "+targets+"@latest")
	}
	if own := d.project.read("magefile.go"); own != "" && !strings.Contains(own, targets) {
		next = append(next, "add to the imports of magefile.go: //mage:import, and below it _ \""+targets+"\"")
	}
	if !strings.Contains(d.project.read(".gitignore"), ".env") {
		next = append(next, "printf '.env\\n.env.staging\\n.env.production\\n' >> .gitignore")
	}
	for _, environment := range Environments[:1] {
		next = append(next, "cp "+variablesPath+" .env."+environment+"    and fill it in",
			"go tool mage host:setup "+environment, "go tool mage env:push "+environment, "go tool mage deploy:"+environment)
	}
	return next
}
