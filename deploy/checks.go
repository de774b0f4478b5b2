package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// checkServices applies the rules for single services.
func checkServices(project *types.Project, settings map[string]ServiceSettings, mistakes *Mistakes) {
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		service, path := project.Services[name], "services."+name
		checkUpdateConfig(service, path, mistakes)
		checkDependsOn(service, path, mistakes)
		checkShared(service, path, mistakes)
		set := settings[name]
		kind := kindOf(service, set)
		if kind == KindRolled {
			checkRolled(service, path, mistakes)
		}
		if set.Route != nil {
			checkRoute(service, *set.Route, path, mistakes)
			if kind == KindSingleton {
				mistakes.add(path+".deploy.update_config.order", "is stop-first, which would leave the service's route without a server: use start-first, or remove the route")
			}
		}
		if set.Health != nil {
			at := path + "." + ExtensionKey + ".health"
			if !strings.HasPrefix(set.Health.Path, "/") {
				mistakes.add(at+".path", "is %q: a path starts with /", set.Health.Path)
			}
			if set.Health.Port == 0 && set.Route == nil {
				mistakes.add(at+".port", "is missing: a service without a route needs the port to ask")
			}
			checkStatus(set.Health.Status, at, mistakes)
		}
		if len(set.Resume) > 0 && len(set.Quiet) == 0 {
			mistakes.add(path+"."+ExtensionKey+".resume", "undoes quiet, which is missing")
		}
	}
}

// checkShared refuses what no two versions of Compose agree on, so that
// `docker compose up -d` by hand, with whichever version the host has, would
// replace containers that are as they should be. Each was tried with Compose
// 2.26 and 5.6.
func checkShared(service types.ServiceConfig, path string, mistakes *Mistakes) {
	refuse := func(present bool, key, instead string) {
		if present {
			mistakes.add(path+"."+key, "means another configuration to each version of Compose, which would replace the container on the next `docker compose up`: %s", instead)
		}
	}
	refuse(len(service.Devices) > 0, "devices", "there is no other way to say it; leave it out")
	refuse(len(service.Links) > 0, "links", "services reach each other by name without it")
	refuse(len(service.VolumesFrom) > 0, "volumes_from", "name the volumes in both services")
	refuse(strings.HasPrefix(service.NetworkMode, "service:"), "network_mode", "use a network of the project")
	refuse(len(service.PostStart) > 0, "post_start", "run it in the container's own command")
	refuse(len(service.PreStop) > 0, "pre_stop", "handle the stop signal, or use "+ExtensionKey+".quiet")
	if check := service.HealthCheck; check != nil && check.StartInterval != nil && check.StartPeriod == nil {
		mistakes.add(path+".healthcheck.start_interval", "needs start_period beside it")
	}
}

func checkUpdateConfig(service types.ServiceConfig, path string, mistakes *Mistakes) {
	if service.StopGracePeriod != nil && *service.StopGracePeriod < 0 {
		mistakes.add(path+".stop_grace_period", "is negative: a duration is 0s or more")
	}
	if service.Deploy == nil {
		return
	}
	if mode := service.Deploy.Mode; mode != "" && mode != "replicated" {
		mistakes.add(path+".deploy.mode", "is %q; allowed: replicated", mode)
	}
	update := service.Deploy.UpdateConfig
	if update == nil {
		return
	}
	at := path + ".deploy.update_config"
	if order := update.Order; order != "" && order != "start-first" && order != "stop-first" {
		mistakes.add(at+".order", "is %q; allowed: start-first, stop-first", order)
	}
	if action := update.FailureAction; action != "" && action != "rollback" {
		mistakes.add(at+".failure_action", "is %q; allowed: rollback, which is also what happens without it", action)
	}
	if update.Monitor < 0 {
		mistakes.add(at+".monitor", "is negative: a duration is 0s or more")
	}
}

func checkDependsOn(service types.ServiceConfig, path string, mistakes *Mistakes) {
	for name, dependency := range service.DependsOn {
		if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
			mistakes.add(path+".depends_on."+name, "waits for service_completed_successfully, which a rollout has no place for; allowed: service_started, service_healthy. For migrations use %s.migrations", ExtensionKey)
		}
	}
}

func checkRolled(service types.ServiceConfig, path string, mistakes *Mistakes) {
	if service.ContainerName != "" {
		mistakes.add(path+".container_name", "is %q, but old and new containers run side by side and need names of their own: remove it, or set deploy.update_config.order: stop-first", service.ContainerName)
	}
	if ports := publishedPorts(service); len(ports) > 0 {
		mistakes.add(path+".ports", "publishes %s on the host, which old and new containers cannot share: use expose and a route, and let the proxy publish it", strings.Join(ports, ", "))
	}
	if service.NetworkMode == "host" {
		mistakes.add(path+".network_mode", "is host, whose ports old and new containers cannot share: use the project's network")
	}
}

func checkRoute(service types.ServiceConfig, route RouteSettings, path string, mistakes *Mistakes) {
	at := path + "." + ExtensionKey + ".route"
	if route.Port <= 0 || route.Port > 65535 {
		mistakes.add(at+".port", "is %d; allowed: 1 to 65535, a port that the service exposes", route.Port)
		return
	}
	if route.Listen < 0 || route.Listen > 65535 {
		mistakes.add(at+".listen", "is %d; allowed: 1 to 65535", route.Listen)
	}
	if !slices.Contains(service.Expose, strconv.Itoa(route.Port)) {
		exposed := "exposes no port"
		if len(service.Expose) > 0 {
			exposed = "exposes only " + strings.Join(service.Expose, ", ")
		}
		mistakes.add(at+".port", "is %d, but %s %s: add expose: [\"%d\"]", route.Port, service.Name, exposed, route.Port)
	}
	if route.Path != "" && !strings.HasPrefix(route.Path, "/") {
		mistakes.add(at+".path", "is %q: a path starts with /", route.Path)
	}
}

func checkStatus(status int, path string, mistakes *Mistakes) {
	if status != 0 && (status < 100 || status > 599) {
		mistakes.add(path+".status", "is %d; allowed: 100 to 599", status)
	}
}

// validate applies the rules that look at the whole environment.
func validate(environment *Environment, mistakes *Mistakes) {
	checkProxy(environment, mistakes)
	checkSettings(environment, mistakes)
}

func checkProxy(environment *Environment, mistakes *Mistakes) {
	routes := environment.Routes()
	var proxies []string
	for _, service := range environment.Services {
		if service.Kind == KindProxy {
			proxies = append(proxies, service.Name)
		}
	}
	if len(proxies) > 1 {
		mistakes.add("services", "%s are all marked %s.proxy; allowed: one", strings.Join(proxies, " and "), ExtensionKey)
		return
	}
	if len(routes) == 0 {
		return
	}
	if len(proxies) == 0 {
		mistakes.add("services", "%s has a route, but no service is the proxy: add one with image haproxy and %s: {proxy: true}", routes[0].Service, ExtensionKey)
		return
	}
	proxy := environment.Project.Services[proxies[0]]
	taken := map[string]string{}
	for _, route := range routes {
		at := "services." + route.Service + "." + ExtensionKey + ".route"
		if !slices.ContainsFunc(proxy.Ports, func(p types.ServicePortConfig) bool { return int(p.Target) == route.Listen }) {
			mistakes.add(at+".listen", "is %d, which %s does not publish: add it to services.%s.ports", route.Listen, proxy.Name, proxy.Name)
		}
		key := fmt.Sprintf("%d %v %s", route.Listen, route.Hosts, strings.TrimSuffix(route.Path, "/"))
		if other, ok := taken[key]; ok {
			mistakes.add(at, "takes the same requests as services.%s's: give one of them other hosts, path or listen", other)
		}
		taken[key] = route.Service
		if !shareNetwork(proxy, environment.Project.Services[route.Service]) {
			mistakes.add("services."+route.Service+".networks", "has no network in common with %s, which routes to it", proxy.Name)
		}
	}
}

func shareNetwork(a, b types.ServiceConfig) bool {
	for name := range a.Networks {
		if _, ok := b.Networks[name]; ok {
			return true
		}
	}
	return false
}

func checkSettings(environment *Environment, mistakes *Mistakes) {
	settings := environment.Settings
	if settings.Retain < 1 {
		mistakes.add(ExtensionKey+".retain", "is %d; allowed: 1 or more releases", settings.Retain)
	}
	checkMigrations(environment, mistakes)
	checkBackups(environment, mistakes)
	checkSeed(environment, mistakes)
	checkHooks(environment, mistakes)
	checkChecklist(settings.Checklist, mistakes)
	checkNotify(settings.Notify, mistakes)
	checkVerify(settings.Verify, mistakes)
	checkSentry(settings.Sentry, mistakes)
	checkMaintenance(environment, mistakes)
	watch := settings.Watch
	if watch.ErrorRatio < 0 || watch.ErrorRatio > 1 {
		mistakes.add(ExtensionKey+".watch.error_ratio", "is %g; allowed: 0 to 1", watch.ErrorRatio)
	}
	if watch.Slowdown < 1 {
		mistakes.add(ExtensionKey+".watch.slowdown", "is %g; allowed: 1 or more", watch.Slowdown)
	}
	if watch.Tracebacks != nil && *watch.Tracebacks < 0 {
		mistakes.add(ExtensionKey+".watch.tracebacks", "is %d; allowed: 0 or more; leave it out to be warned only", *watch.Tracebacks)
	}
	if watch.Requests < 0 {
		mistakes.add(ExtensionKey+".watch.requests", "is %d; allowed: 0 or more", watch.Requests)
	}
}

func checkSeed(environment *Environment, mistakes *Mistakes) {
	seed := environment.Settings.Seed
	if seed == nil {
		return
	}
	if _, ok := environment.Service(seed.Service); !ok {
		mistakes.add(ExtensionKey+".seed.service", "is %q; allowed: %s", seed.Service, strings.Join(serviceNames(environment), ", "))
	}
	if len(seed.Command) == 0 {
		mistakes.add(ExtensionKey+".seed.command", "is missing: the command that imports sample data, such as [python3, manage.py, seed]")
	}
}

func serviceNames(environment *Environment) []string {
	var names []string
	for _, service := range environment.Services {
		names = append(names, service.Name)
	}
	slices.Sort(names)
	return names
}
