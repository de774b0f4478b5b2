package deploy

import (
	"slices"
	"time"
)

// State is what was observed on one host at one moment. A plan is made from
// it and from nothing else.
type State struct {
	// Serving is the last release that was committed; nil on a first deploy.
	Serving *Release
	// Containers are the project's containers, running or not.
	Containers []Container
	// Proxy is what the proxy says it does.
	Proxy ProxyState
	// Memory is the head-room of the host.
	Memory Memory
	// Present are the images that are on the host, by pinned reference.
	Present map[string]bool
	// InPlace says whether the deploy directory's Compose file is the
	// rendered one of the serving release.
	InPlace bool
	// Older are the identifiers of containers whose image only releases had
	// that were made before the wanted one: they do not know what that queues.
	Older map[string]bool
	// Schema is the database as the wanted release's image sees it; nil where
	// that was not asked: the database does not run, or nothing of it changes.
	Schema *Schema
	// Ahead are the migrations that the database has and the wanted release does
	// not know, in the order in which they would be undone, and AheadOf where
	// that would lead.
	Ahead   []Migration
	AheadOf []MigrationID
	// Retention is what of the recorded releases stays once the wanted one
	// serves; nil for all.
	Retention *Retention
}

// Of gives the containers of one service, oldest number first.
func (s State) Of(service string) []Container {
	var found []Container
	for _, container := range s.Containers {
		if container.Service == service && !container.OneOff {
			found = append(found, container)
		}
	}
	slices.SortFunc(found, func(a, b Container) int { return a.Number - b.Number })
	return found
}

// Memory is in bytes. Zero in Available means that it is not known.
type Memory struct {
	Total     uint64
	Available uint64
}

// Container is one observed container of the project.
type Container struct {
	ID      string
	Name    string
	Service string
	// Number is Compose's container number within the service.
	Number int
	// ConfigHash is Compose's hash of the service configuration that the
	// container was created from. The image is part of it, by digest: two
	// containers of one service with the same hash are the same release of it.
	ConfigHash string
	// Image is the reference that the container was created from; in what a
	// deploy created a pinned one.
	Image string
	// OneOff marks a container made for one command, such as a migration.
	OneOff bool
	// Ours marks a one-off container that a deploy made, not a person.
	Ours bool
	// Expendable marks one of ours that may be stopped: a hook's, not a
	// migration's.
	Expendable bool
	// Stopping marks one that was told to stop by a command that did not see
	// its end: it runs, but not for long.
	Stopping bool
	// Foreign marks one that no deploy has made. It is found only where no
	// release serves yet, and while an adoption is on its way.
	Foreign bool
	Status  ContainerStatus
	Health  HealthStatus
	// ExitCode and OOMKilled are meaningful once the container has exited.
	ExitCode  int
	OOMKilled bool
	// Restarts counts how often the engine restarted it.
	Restarts int
	// Address is the container's IP address in the network that it shares
	// with the proxy or, without one, in its first network by name.
	Address string
	Created time.Time
	Started time.Time
	// MemoryBytes is what it uses now, without the page cache; 0 if unknown.
	MemoryBytes uint64
	// Published are the host's ports that it has, or has when it runs.
	Published []Port
	// Mounts are its volumes and the folders of the host that it uses.
	Mounts []Mount
	// StopGrace is its own; 0 for the engine's.
	StopGrace time.Duration
	// HealthCommand is its own health check; nil for none.
	HealthCommand []string
}

// Running says whether the container's process is alive.
func (c Container) Running() bool { return c.Status == StatusRunning }

// ContainerStatus is the engine's word for a container's life.
type ContainerStatus string

// The engine's statuses.
const (
	StatusCreated    ContainerStatus = "created"
	StatusRunning    ContainerStatus = "running"
	StatusPaused     ContainerStatus = "paused"
	StatusRestarting ContainerStatus = "restarting"
	StatusRemoving   ContainerStatus = "removing"
	StatusExited     ContainerStatus = "exited"
	StatusDead       ContainerStatus = "dead"
)

// HealthStatus is the result of the container's own health check.
type HealthStatus string

// The engine's health statuses; HealthNone where no check is declared.
const (
	HealthNone      HealthStatus = ""
	HealthStarting  HealthStatus = "starting"
	HealthHealthy   HealthStatus = "healthy"
	HealthUnhealthy HealthStatus = "unhealthy"
)

// ProxyState is what the proxy's own socket answers.
type ProxyState struct {
	// Up says whether the proxy answers on its socket.
	Up bool
	// Current says whether its running structure (frontends, backends,
	// slots) is the one that the wanted routes need; when not, a reload does.
	Current bool
	Servers []Server
	// Leaving counts the clients' idle connections to processes that a reload
	// has replaced: each may bring one more request, to any container that was
	// ready before. What is open in those processes counts as in flight.
	Leaving int
	// Maintained says whether it answers with a maintenance's page.
	Maintained bool
}

// Routed gives the containers of a service that receive new requests.
func (p ProxyState) Routed(service string) []string {
	var names []string
	for _, server := range p.Servers {
		if server.Service == service && server.State == ServerReady {
			names = append(names, server.Container)
		}
	}
	slices.Sort(names)
	return names
}

// Server is one place in a proxy backend, taken by one container.
type Server struct {
	Service   string
	Slot      string
	Container string
	State     ServerState
	// Up says whether the proxy's own checks pass.
	Up bool
	ServerCounters
}

// ServerState is what the proxy does with a server.
type ServerState string

// A ready server gets new requests, a draining one finishes those it has, one
// in maintenance gets nothing.
const (
	ServerReady       ServerState = "ready"
	ServerDraining    ServerState = "drain"
	ServerMaintenance ServerState = "maint"
)

// ServerCounters are counted by the proxy since the server's slot was filled.
type ServerCounters struct {
	// InFlight counts requests, streams and WebSockets that are open now.
	InFlight int
	Requests int64
	// Failed counts responses with a 5xx status.
	Failed int64
	// ConnectErrors, Retries and Redispatches are the proxy's own repairs:
	// they happen only where no connection to the server came about.
	ConnectErrors int64
	Retries       int64
	Redispatches  int64
	// ResponseTime is the average over the last 1,024 requests.
	ResponseTime time.Duration
}
