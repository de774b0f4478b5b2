package deploy

import (
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// Environment is one place where the application runs, as its Compose file
// and the variables of its host describe it.
type Environment struct {
	// Name is the file's: docker-compose.<name>.yml.
	Name string
	// Project is the Compose project, interpolated and validated.
	Project  *types.Project
	Settings Settings
	// Services are those that run, in the order in which they may start: a
	// service stands behind everything it depends on.
	Services []*Service
	// Migrations is what the one service says whose image contains them; nil
	// where no database follows the releases.
	Migrations *Migrations
}

// Service is one service of an environment, with its place in a rollout.
type Service struct {
	Name string
	Kind Kind
	// Hash is Compose's hash of the configuration, the image included. Two
	// containers with one hash are interchangeable.
	Hash string
	// Image is the reference as the Compose file says it.
	Image    string
	Replicas int
	// Parallelism bounds how many containers start at once; 0 is no bound.
	Parallelism int
	// Monitor is how long the service is watched after the switch.
	Monitor time.Duration
	// StopGrace is the time between the stop signal and the kill.
	StopGrace time.Duration
	// Route is nil for what gets no requests.
	Route *Route
	// Health is the HTTP check that the deployer itself makes; nil for none.
	Health *HealthSettings
	// HealthCommand is the Compose health check as a command to run in the
	// container; nil for none.
	HealthCommand []string
	// Quiet and Resume make a worker stop and start taking work.
	Quiet, Resume []string
	// DependsOn names the services that must be healthy first.
	DependsOn []string
}

// Kind is how a service takes part in a rollout.
type Kind string

const (
	// KindProxy is HAProxy itself. It is never replaced in passing.
	KindProxy Kind = "proxy"
	// KindRolled starts the new containers beside the old ones.
	KindRolled Kind = "rolled"
	// KindSingleton stops the old containers, sees them gone, and starts the
	// new ones: for schedulers and whatever must never run twice.
	KindSingleton Kind = "singleton"
	// KindKept owns a volume or a port of the host, so that two of it cannot
	// run side by side. It is left alone unless its configuration changes,
	// and then replaced only with the user's consent.
	KindKept Kind = "kept"
)

// Service gives the service of that name.
func (e *Environment) Service(name string) (*Service, bool) {
	at := slices.IndexFunc(e.Services, func(s *Service) bool { return s.Name == name })
	if at < 0 {
		return nil, false
	}
	return e.Services[at], true
}

// Routes gives the routes of all routed services, by service name.
func (e *Environment) Routes() []Route {
	var routes []Route
	for _, service := range e.Services {
		if service.Route != nil {
			routes = append(routes, *service.Route)
		}
	}
	slices.SortFunc(routes, func(a, b Route) int {
		if a.Service < b.Service {
			return -1
		}
		return 1
	})
	return routes
}

// Proxy gives the service that is the proxy; nil where nothing is routed.
func (e *Environment) Proxy() *Service {
	for _, service := range e.Services {
		if service.Kind == KindProxy {
			return service
		}
	}
	return nil
}

// Monitor is the longest watch window that a routed service asks for.
func (e *Environment) Monitor() time.Duration {
	var longest time.Duration
	for _, service := range e.Services {
		if service.Route != nil {
			longest = max(longest, service.Monitor)
		}
	}
	return longest
}
