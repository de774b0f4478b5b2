package deploy

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// newEnvironment decodes what the Compose file says into the words of a
// rollout, with defaults for what it leaves out.
func newEnvironment(name string, project *types.Project, mistakes *Mistakes) *Environment {
	environment := &Environment{Name: name, Project: project, Settings: defaultSettings()}
	if value, ok := project.Extensions[ExtensionKey]; ok {
		decodeExtension(value, &environment.Settings, ExtensionKey, mistakes)
	}
	environment.Settings.Notify.setDefaults()
	for at := range environment.Settings.Verify {
		environment.Settings.Verify[at].setDefaults()
	}
	if environment.Settings.Sentry != nil {
		environment.Settings.Sentry.setDefaults()
	}
	environment.Settings.Hooks.setDefaults()
	if environment.Settings.Backups != nil {
		environment.Settings.Backups.setDefaults()
	}
	settings := map[string]ServiceSettings{}
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		var decoded ServiceSettings
		if value, ok := project.Services[name].Extensions[ExtensionKey]; ok {
			decodeExtension(value, &decoded, "services."+name+"."+ExtensionKey, mistakes)
		}
		settings[name] = decoded
		environment.noteMigrations(name, decoded.Migrations, mistakes)
		environment.Services = append(environment.Services, newService(project.Services[name], decoded))
	}
	checkServices(project, settings, mistakes)
	environment.Services = startOrder(environment.Services, mistakes)
	return environment
}

func defaultSettings() Settings {
	return Settings{
		Retain: DefaultRetain,
		Watch:  Watch{ErrorRatio: DefaultErrorRatio, Slowdown: DefaultSlowdown, Requests: DefaultWatchRequests},
	}
}

func (v *Verification) setDefaults() {
	if v.Attempts == 0 {
		v.Attempts = DefaultVerifyAttempts
	}
	if v.Interval == 0 {
		v.Interval = DefaultVerifyInterval
	}
	if v.Timeout == 0 {
		v.Timeout = DefaultVerifyTimeout
	}
}

func newService(service types.ServiceConfig, settings ServiceSettings) *Service {
	decoded := &Service{
		Name:          service.Name,
		Kind:          kindOf(service, settings),
		Image:         service.Image,
		Replicas:      service.GetScale(),
		Monitor:       DefaultMonitor,
		StopGrace:     DefaultStopGrace,
		Health:        settings.Health,
		HealthCommand: healthCommand(service.HealthCheck),
		Quiet:         settings.Quiet,
		Resume:        settings.Resume,
		DependsOn:     settings.DependsOn,
	}
	decoded.DependsOn = append(decoded.DependsOn, slices.Sorted(maps.Keys(service.DependsOn))...)
	if service.StopGracePeriod != nil {
		decoded.StopGrace = time.Duration(*service.StopGracePeriod)
	}
	if update := updateConfig(service); update != nil {
		if update.Parallelism != nil {
			decoded.Parallelism = int(*update.Parallelism) //nolint:gosec // a count of containers
		}
		if update.Monitor != 0 {
			decoded.Monitor = time.Duration(update.Monitor)
		}
	}
	if settings.Route != nil {
		decoded.Route = &Route{
			Service: service.Name, Listen: settings.Route.Listen, Port: settings.Route.Port,
			Hosts: settings.Route.Hosts, Path: settings.Route.Path,
			Replicas: decoded.Replicas, Drain: settings.Drain,
		}
		if decoded.Route.Listen == 0 {
			decoded.Route.Listen = decoded.Route.Port
		}
		if decoded.Route.Drain == 0 {
			decoded.Route.Drain = DefaultDrain
		}
	}
	if decoded.Health != nil {
		decoded.Health.setDefaults(settings.Route)
	}
	return decoded
}

func (h *HealthSettings) setDefaults(route *RouteSettings) {
	if h.Host == "" {
		h.Host = "localhost"
	}
	if h.Port == 0 && route != nil {
		h.Port = route.Port
	}
	if h.Timeout == 0 {
		h.Timeout = DefaultHealthTimeout
	}
	if h.Budget == 0 {
		h.Budget = DefaultHealthBudget
	}
}

// kindOf decides how a service is replaced. What the file says in so many
// words wins; otherwise whoever owns a volume or a port of the host is kept,
// since two of it would share what only one may have.
func kindOf(service types.ServiceConfig, settings ServiceSettings) Kind {
	if settings.Proxy {
		return KindProxy
	}
	if update := updateConfig(service); update != nil {
		switch update.Order {
		case "start-first":
			return KindRolled
		case "stop-first":
			return KindSingleton
		}
	}
	if settings.Route != nil {
		return KindRolled
	}
	if len(publishedPorts(service)) > 0 || ownsVolume(service) || service.NetworkMode == "host" {
		return KindKept
	}
	return KindRolled
}

func updateConfig(service types.ServiceConfig) *types.UpdateConfig {
	if service.Deploy == nil {
		return nil
	}
	return service.Deploy.UpdateConfig
}

func ownsVolume(service types.ServiceConfig) bool {
	return slices.ContainsFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool {
		return !v.ReadOnly && (v.Type == types.VolumeTypeVolume && v.Source != "" || v.Type == types.VolumeTypeBind)
	})
}

func publishedPorts(service types.ServiceConfig) []string {
	var ports []string
	for _, port := range service.Ports {
		if port.Published != "" {
			ports = append(ports, port.Published)
		}
	}
	return ports
}

// healthCommand gives a Compose health check as a command line.
func healthCommand(check *types.HealthCheckConfig) []string {
	if check == nil || check.Disable || len(check.Test) < 2 {
		return nil
	}
	switch check.Test[0] {
	case "CMD":
		return check.Test[1:]
	case "CMD-SHELL":
		return []string{"/bin/sh", "-c", check.Test[1]}
	}
	return nil
}

// startOrder sorts services so that each stands behind what it depends on.
func startOrder(services []*Service, mistakes *Mistakes) []*Service {
	byName := map[string]*Service{}
	for _, service := range services {
		byName[service.Name] = service
	}
	var ordered []*Service
	const visiting, done = 1, 2
	mark := map[string]int{}
	var visit func(service *Service, path []string)
	visit = func(service *Service, path []string) {
		path = append(path, service.Name)
		switch mark[service.Name] {
		case done:
			return
		case visiting:
			mistakes.add("services."+service.Name+".depends_on", "goes in a circle: %s", strings.Join(path, " → "))
			return
		}
		mark[service.Name] = visiting
		for _, name := range service.DependsOn {
			if dependency, ok := byName[name]; ok {
				visit(dependency, path)
			}
		}
		mark[service.Name] = done
		ordered = append(ordered, service)
	}
	for _, service := range services {
		visit(service, nil)
	}
	return ordered
}
