package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// Ship writes the Compose file as it is sent to a host: nothing to build, the
// names of the images complete but for the version, and only what the host
// itself is to know. variables are those of whoever builds; all others stay as
// they are and come from the host's .env.
func (m *Model) Ship(directory string, variables map[string]string) ([]byte, error) {
	mistakes := &Mistakes{File: m.Path}
	content, _ := clone(m.content).(map[string]any)
	services, _ := content["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, ok := services[name].(map[string]any)
		if !ok {
			continue
		}
		delete(service, "build")
		image, ok := service["image"].(string)
		if !ok {
			continue
		}
		path := "services." + name + ".image"
		completed, missing := complete(image, variables)
		for _, variable := range missing {
			mistakes.add(path, "the variable %s is not set: export it, or write %s=… into .env.%s", variable, variable, EnvironmentName(m.Path))
		}
		service["image"] = completed
	}
	if err := mistakes.err(); err != nil {
		return nil, err
	}
	extension, _ := content[ExtensionKey].(map[string]any)
	if extension == nil {
		extension = map[string]any{}
		content[ExtensionKey] = extension
	}
	if len(m.hosts(variables)) > 1 {
		tellHost(extension)
	}
	dropLaptopKeys(extension)
	extension["directory"] = directory
	written, err := yaml.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("write the Compose file for the host: %w", err)
	}
	return written, nil
}

// dropLaptopKeys takes out of x-deploy what only whoever ships needs. The
// variables in it are set there, and not on the host.
func dropLaptopKeys(extension map[string]any) {
	delete(extension, "hosts")
	delete(extension, "tags")
}

// complete replaces the variables of an image's name, all but the version, and
// names those that have no value.
func complete(image string, variables map[string]string) (completed string, missing []string) {
	completed, err := template.SubstituteWithOptions(image, func(name string) (string, bool) {
		if name == VersionVariable {
			return "${" + VersionVariable + "}", true
		}
		value, ok := variables[name]
		return value, ok
	}, template.WithoutLogging)
	if err != nil {
		return image, []string{fmt.Sprintf("in %s (%v)", image, err)}
	}
	found := template.ExtractVariables(map[string]any{"": image}, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		variable := found[name]
		_, set := variables[name]
		if !set && name != VersionVariable && cmp.Or(variable.DefaultValue, variable.PresenceValue) == "" {
			missing = append(missing, name)
		}
	}
	return completed, missing
}

// Settings decodes the top-level x-deploy alone, with the variables of whoever
// ships: those of the host are not known there. What is not set stays empty,
// but in the hosts' addresses it is a mistake.
func (m *Model) Settings(variables map[string]string) (Settings, error) {
	settings := defaultSettings()
	mistakes := &Mistakes{File: m.Path}
	extension, _ := clone(m.content[ExtensionKey]).(map[string]any)
	lookup := func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
	known := maps.Clone(variables)
	if known == nil {
		known = map[string]string{}
	}
	hosts := map[string]any{ExtensionKey: map[string]any{"hosts": extension["hosts"]}}
	for _, use := range missingVariables(hosts, known, anywhere) {
		mistakes.add(use.Path, "the variable %s is not set: export it, or write %s=… into .env.%s", use.Name, use.Name, EnvironmentName(m.Path))
	}
	substituted := substitute(extension, lookup)
	decodeExtension(substituted, &settings, ExtensionKey, mistakes)
	settings.Hosts = splitHosts(settings.Hosts)
	settings.Notify.setDefaults()
	m.checkSecretAddresses(mistakes)
	checkNotify(settings.Notify, mistakes)
	return settings, mistakes.err()
}

func substitute(model any, lookup template.Mapping) any {
	switch value := model.(type) {
	case string:
		if done, err := template.SubstituteWithOptions(value, lookup, template.WithoutLogging); err == nil {
			return done
		}
		return value // the loader says what is wrong with it
	case map[string]any:
		for key, entry := range value {
			value[key] = substitute(entry, lookup)
		}
	case []any:
		for at, entry := range value {
			value[at] = substitute(entry, lookup)
		}
	}
	return model
}

// splitHosts lets one variable hold several hosts: "a.example, b.example".
func splitHosts(hosts []string) []string {
	var split []string
	for _, host := range hosts {
		split = append(split, strings.FieldsFunc(host, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return split
}

// Images gives the names of all images of a version, and of those that are
// built, as whoever ships knows them, sorted.
func (m *Model) Images(version string, variables map[string]string) (all, built []string) {
	services, _ := m.content["services"].(map[string]any)
	for _, entry := range services {
		service, _ := entry.(map[string]any)
		image, ok := service["image"].(string)
		if !ok {
			continue
		}
		completed, _ := complete(image, variables)
		completed, _ = setVersion(completed, version).(string)
		all = append(all, completed)
		if service["build"] != nil {
			built = append(built, completed)
		}
	}
	slices.Sort(all)
	slices.Sort(built)
	return slices.Compact(all), slices.Compact(built)
}

// PublishedBy gives the ports that a service publishes, as the file says them
// in one line, with these variables.
func (m *Model) PublishedBy(service string, variables map[string]string) []string {
	services, _ := m.content["services"].(map[string]any)
	entry, _ := services[service].(map[string]any)
	ports, _ := clone(entry["ports"]).([]any)
	lookup := func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
	var published []string
	for _, port := range ports {
		switch port := substitute(port, lookup).(type) {
		case string:
			published = append(published, port)
		case map[string]any:
			if port["published"] != nil {
				published = append(published, fmt.Sprintf("%v:%v", port["published"], port["target"]))
			}
		}
	}
	return published
}
