package starter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// proxyImage is the proxy that these targets drive.
const proxyImage = "haproxy:3.0"

// proxyName is the proxy's service; the name is the user's if it is taken.
func (d *drafter) proxyName() string {
	if d.project.service("proxy") != nil {
		return "deploy-proxy"
	}
	return "proxy"
}

// route has the proxy take a web service's requests, and gives its settings.
func (d *drafter) route(g *guess, add func(string, any, string)) pairs {
	if g.kind == KindAlone && !g.facts.checked && g.software != nil && g.software.health != "" {
		return pairs{{key: "health", value: inline{{key: "path", value: g.software.health}, {key: "port", value: g.port}}, comment: "What " + g.software.what + " has for it."}}
	}
	if g.kind != KindWeb {
		return nil
	}
	f := g.facts
	if !slices.Contains(f.expose, g.port) || f.fromDockerfile {
		add("expose", []string{strconv.Itoa(g.port)}, "")
	}
	listen := d.listen(g.port)
	if g.entry != nil && g.entry.published != "" {
		d.published = append(d.published, g.entry.on(listen))
	} else {
		// Whoever asks it now, by its name or from before the project, can ask
		// the proxy instead, and loses nothing at a switch.
		inside := port{host: "127.0.0.1", published: strconv.Itoa(listen)}
		g.entry = &inside
		d.published = append(d.published, inside.on(listen))
		d.find(Judge, "services."+f.name, "publishes no port: whatever asks it by its name loses requests when it is replaced",
			fmt.Sprintf("Have it asked through the proxy: http://%s:%d inside the project, http://127.0.0.1:%d on the host.", d.proxyName(), listen, listen))
	}
	path, why, sure := healthPath(g)
	if !sure {
		d.find(Judge, "services."+f.name+".healthcheck", "no address is known that says whether it is well: the proposal asks / for a 2xx",
			"Change x-deploy.health.path to one that answers 200 only when the database can be reached, too.")
	}
	if d.migrating == f.name && d.migration == any(deploy.FrameworkDjango) {
		d.find(Judge, "services."+f.name+".environment", "Django answers only for the names in ALLOWED_HOSTS, and the health check asks for localhost",
			"Have localhost among them, or name another one as x-deploy.health.host, and as host under verify.")
	}
	d.verified = append(d.verified, inline{{key: "url", value: g.entry.asked() + path}, {key: "host", value: "localhost"}})
	route := inline{{key: "port", value: g.port}}
	if listen != g.port {
		route = append(route, pair{key: "listen", value: listen})
	}
	return pairs{
		{key: "route", value: route},
		{key: "health", value: inline{{key: "path", value: path}}, comment: capital(why) + "."},
		{key: "drain", value: "30s"},
	}
}

// listen is the proxy's own port for a service's: the same one, unless another
// service has it or only root may have it.
func (d *drafter) listen(port int) int {
	if port < 1024 {
		port = 8080
	}
	for d.listens[port] {
		port++
	}
	d.listens[port] = true
	return port
}

// proxy is the service of the proxy itself; nothing where nothing is routed.
func (d *drafter) proxy() (block, bool) {
	if len(d.published) == 0 {
		return block{}, false
	}
	var ports lines
	for _, one := range d.published {
		ports = append(ports, one)
	}
	b := block{name: d.proxyName(), comment: "Requests come in here. It is never replaced in passing.", pairs: pairs{
		{key: "image", value: proxyImage},
		{key: "command", value: []string{"haproxy", "-W", "-db", "-S", "/var/lib/deploy-proxy/master.sock,mode,660", "-f", "/var/lib/deploy-proxy/haproxy.cfg"}},
		{key: "volumes", value: []string{"./.deploy/proxy:/var/lib/deploy-proxy"}},
		{key: "ports", value: ports},
		{key: "restart", value: "unless-stopped"},
	}}
	if networks := d.proxyNetworks(); len(networks) > 0 {
		b.pairs = append(b.pairs, pair{key: "networks", value: networks})
	}
	b.pairs = append(b.pairs,
		pair{key: "deploy", value: inline{{key: "resources", value: inline{{key: "limits", value: inline{{key: "memory", value: "192M"}}}}}}},
		pair{key: "x-deploy", value: inline{{key: "proxy", value: true}}})
	return b, true
}

// proxyNetworks are those in which the proxy reaches what it routes to; none
// where that is the project's own.
func (d *drafter) proxyNetworks() []string {
	var networks []string
	inside := true
	for _, name := range d.project.services() {
		g := d.kinds[name]
		if g.kind != KindWeb || d.leaves[name] {
			continue
		}
		own := networksOf(g.facts)
		if len(own) == 0 {
			own = []string{"default"}
		}
		for _, network := range own {
			definition := asMap(asMap(d.project.model["networks"])[network])
			inside = inside && fmt.Sprint(definition["internal"]) == "true"
			if !slices.Contains(networks, network) {
				networks = append(networks, network)
			}
		}
	}
	if inside && !slices.Contains(networks, "default") {
		networks = append(networks, "default") // ports are published into no internal network
	}
	slices.Sort(networks)
	if strings.Join(networks, "") == "default" {
		return nil
	}
	return networks
}

func networksOf(f *facts) []string {
	if f.raw["network_mode"] != nil {
		return nil
	}
	names := sortedKeys(asMap(f.raw["networks"]))
	for _, entry := range list(f.raw["networks"]) {
		names = append(names, text(entry))
	}
	return names
}
