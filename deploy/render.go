package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// RenderOptions say what a rendered file pins.
type RenderOptions struct {
	Version string
	// Images are the pinned images by service; nil leaves the references, and
	// the build sections with them.
	Images map[string]Image
	Proxy  ProxyContainer
}

// ProxyContainer is what the proxy's container needs beyond what its Compose
// service says.
type ProxyContainer struct {
	// Group is a further group of the container, so that sockets in the shared
	// folder belong to whoever deploys.
	Group string
	// DNSOptions bound how long the container waits for a name server.
	DNSOptions []string
	// Alias is a further name of the container in its networks.
	Alias string
}

// Render writes the Compose file of one release. With images, it is the file
// that stands on the host: it builds nothing, names every image by digest, and
// keeps variables other than the version as they are, so that secrets stay in
// .env. `docker compose up -d` with it changes nothing on a host that serves
// the release.
func (m *Model) Render(options RenderOptions) ([]byte, error) {
	content, _ := setVersion(clone(m.content), options.Version).(map[string]any)
	if extension, ok := content[ExtensionKey].(map[string]any); ok && options.Images != nil {
		dropLaptopKeys(extension)
	}
	services, _ := content["services"].(map[string]any)
	for name, entry := range services {
		service, ok := entry.(map[string]any)
		if !ok || options.Images == nil {
			continue
		}
		if image, ok := options.Images[name]; ok {
			service["image"] = image.Pinned()
		}
		settle(service)
		if extension, _ := service[ExtensionKey].(map[string]any); extension["proxy"] == true {
			options.Proxy.complete(service)
		}
	}
	var out bytes.Buffer
	if options.Images != nil {
		fmt.Fprintf(&out, "# Release %s, written by the deploy; the next deploy or rollback replaces it.\n", options.Version)
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("render %s: %w", m.Path, err)
	}
	return out.Bytes(), encoder.Close()
}

// complete adds what the proxy's container needs to its service.
func (p ProxyContainer) complete(service map[string]any) {
	if p.Group != "" {
		groups, _ := service["group_add"].([]any)
		service["group_add"] = append(groups, p.Group)
	}
	if service["dns_opt"] == nil && len(p.DNSOptions) > 0 {
		service["dns_opt"] = p.DNSOptions
	}
	if p.Alias == "" {
		return
	}
	networks := map[string]any{}
	switch value := service["networks"].(type) {
	case map[string]any:
		networks = value
	case []any:
		for _, name := range value {
			networks[fmt.Sprint(name)] = nil
		}
	}
	if len(networks) == 0 {
		networks["default"] = nil
	}
	for name, entry := range networks {
		network, _ := entry.(map[string]any)
		if network == nil {
			network = map[string]any{}
		}
		aliases, _ := network["aliases"].([]any)
		network["aliases"] = append(aliases, p.Alias)
		networks[name] = network
	}
	service["networks"] = networks
}

// settle writes a service so that Compose 2.26, which Debian 13 has, and
// Compose 5 compute one configuration hash of it, and so that neither builds,
// pulls or needs anything but this file. What was found by comparing the two:
// 2.26 counts depends_on and profiles, and leaves out the mode of a port and
// the create_host_path of a bind mount that 5 fills in.
func settle(service map[string]any) {
	for _, key := range []string{"build", "develop", "pull_policy", "profiles"} {
		delete(service, key)
	}
	moveDependsOn(service)
	ports, _ := service["ports"].([]any)
	for _, entry := range ports {
		if port, ok := entry.(map[string]any); ok && port["mode"] == nil {
			port["mode"] = "ingress"
		}
	}
	volumes, _ := service["volumes"].([]any)
	for at, entry := range volumes {
		volumes[at] = settleMount(entry)
	}
}

// settleMount writes a bind mount in full and without create_host_path.
func settleMount(entry any) any {
	mount, ok := entry.(map[string]any)
	if !ok {
		return entry
	}
	// The loader's value is of a type of its own, which no bool equals.
	if bind, ok := mount["bind"].(map[string]any); ok && fmt.Sprint(bind["create_host_path"]) == "true" {
		delete(bind, "create_host_path")
	}
	return mount
}

// moveDependsOn keeps a service's dependencies where both Compose 2.26, which
// counts depends_on in its configuration hash, and Compose 5, which does not,
// leave them out of account. See docs/decisions.md.
func moveDependsOn(service map[string]any) {
	names := dependencyNames(service["depends_on"])
	delete(service, "depends_on")
	if len(names) == 0 {
		return
	}
	extension, _ := service[ExtensionKey].(map[string]any)
	if extension == nil {
		extension = map[string]any{}
		service[ExtensionKey] = extension
	}
	extension["depends_on"] = names
}

func dependencyNames(dependsOn any) []any {
	var names []any
	switch value := dependsOn.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			names = append(names, name)
		}
	case []any:
		names = value
	}
	return names
}
