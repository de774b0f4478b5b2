package deploy

import (
	"time"
)

// ExtensionKey is the Compose extension under which stands all that Compose
// itself has no word for, at the top level and in services.
const ExtensionKey = "x-deploy"

// Defaults of what a Compose file does not say.
const (
	DefaultDrain          = 30 * time.Second
	DefaultMonitor        = 30 * time.Second
	DefaultStopGrace      = 10 * time.Second // Compose's own
	DefaultHealthBudget   = 150 * time.Second
	DefaultHealthTimeout  = 5 * time.Second
	DefaultSettle         = 3 * time.Second
	DefaultVerifyAttempts = 5
	DefaultVerifyInterval = 5 * time.Second
	DefaultVerifyTimeout  = 10 * time.Second
	DefaultRetain         = 3
	DefaultErrorRatio     = 0.05
	DefaultWatchRequests  = 20
	DefaultSlowdown       = 3.0
)

// Settings is x-deploy at the top level of a Compose file.
type Settings struct {
	// Directory is where the environment lives on its host: "/opt/shop". A
	// relative one starts at the project's root, which it is where empty. It is
	// read before the variables, which are in it, so that it cannot have any.
	Directory string `mapstructure:"directory"`
	// Hosts are the machines that the environment runs on, reached over SSH:
	// "deploy@shop.example", "ssh://deploy@shop.example:2222" or an alias of
	// ~/.ssh/config. One text may hold several, with commas between. Without any
	// the environment runs on the machine where the command is typed.
	Hosts []string `mapstructure:"hosts"`
	// Tags are further names under which the images of a deploy are pushed
	// once it is complete: "staging", "{branch}", "{major}.{minor}". Without any
	// they have the version's alone.
	Tags []string `mapstructure:"tags"`
	// Seed imports what a test environment needs to be looked at, after each
	// deploy that changes its service.
	Seed *Seed `mapstructure:"seed"`
	// Retain is how many releases that served keep their images, records and
	// logs, so that a rollback can go to them; 1 or more.
	Retain int `mapstructure:"retain"`
	// Checklist is what must hold before `mage deploy:production`.
	Checklist Checklist `mapstructure:"checklist"`
	// Backups says where backups of the database are, and what must hold of them.
	Backups *Backups `mapstructure:"backups"`
	// Verify are the public endpoints and flows that must answer after the
	// switch.
	Verify []Verification `mapstructure:"verify"`
	// Hooks are commands of your own around a deploy.
	Hooks Hooks `mapstructure:"hooks"`
	// Sentry is the error tracker that is told of releases and asked for new
	// issues; without it there is none.
	Sentry *Sentry `mapstructure:"sentry"`
	// Watch says when the new release is taken back after the switch.
	Watch Watch `mapstructure:"watch"`
	// Notify says who is told what is done.
	Notify Notify `mapstructure:"notify"`
	// Maintenance is what `mage maintenance on` shows, and to whom not.
	Maintenance MaintenanceSettings `mapstructure:"maintenance"`
}

// Seed is a command that imports sample data. It runs after every deploy, so
// it must not matter how often.
type Seed struct {
	// Service is the one in whose image the command runs.
	Service string `mapstructure:"service"`
	// Command is the program and its arguments; no shell looks at them.
	Command []string `mapstructure:"command"`
}

// Watch holds the lines that the new servers' figures must not cross.
type Watch struct {
	// ErrorRatio is the share of 5xx responses, from 0 to 1, that is still right.
	ErrorRatio float64 `mapstructure:"error_ratio"`
	// Slowdown is how many times the old servers' response time is still right;
	// 1 or more.
	Slowdown float64 `mapstructure:"slowdown"`
	// Requests is how many must have been answered before the figures count;
	// below it the deployer's own requests decide.
	Requests int `mapstructure:"requests"`
	// Tracebacks is how many errors with a traceback the new containers' logs
	// may have at the end of the watch. Without it they are only warned of.
	Tracebacks *int `mapstructure:"tracebacks"`
}

// ServiceSettings is x-deploy in a service.
type ServiceSettings struct {
	// Proxy marks the service that is HAProxy. Where a service has a route there
	// must be one, and never more.
	Proxy bool `mapstructure:"proxy"`
	// Route sends requests to the service.
	Route *RouteSettings `mapstructure:"route"`
	// Health is the request that a new container must answer, twice in a
	// row, before it gets any other.
	Health *HealthSettings `mapstructure:"health"`
	// Drain is how long requests, streams and WebSockets that are open at the
	// switch may take to finish on the old containers of a service with a route.
	Drain time.Duration `mapstructure:"drain"`
	// Quiet is the command that is run in an old worker's container before the
	// switch: from then on it must take no new work.
	Quiet []string `mapstructure:"quiet"`
	// Resume is the command that undoes quiet when the release is taken back.
	Resume []string `mapstructure:"resume"`
	// Migrations says how the database follows a release, in the one service
	// whose image contains the migrations: "django", or more about it, or the
	// commands of another framework.
	Migrations *Migrations `mapstructure:"migrations"`
	// DependsOn is where rendering keeps Compose's depends_on: Compose 2.26
	// counts that in its configuration hash and 5.x does not, so a file that
	// both are to agree on cannot have it. People write Compose's own.
	DependsOn []string `mapstructure:"depends_on"`
}

// RouteSettings is a route as the Compose file says it: which requests the
// service gets.
type RouteSettings struct {
	// Listen is the port that the proxy's container listens on, which it
	// publishes; the route's own port where 0.
	Listen int `mapstructure:"listen"`
	// Port is the one that the service's containers listen on, which the service
	// exposes.
	Port int `mapstructure:"port"`
	// Hosts limits the route to requests for these names: "shop.example",
	// "*.shop.example". Without any it takes all.
	Hosts []string `mapstructure:"hosts"`
	// Path limits the route to paths that begin with this one: "/api". Where
	// empty it takes all.
	Path string `mapstructure:"path"`
}

// HealthSettings is the deployer's own check of a new container, beside
// Compose's healthcheck.
type HealthSettings struct {
	// Path is asked at the container's own address: "/api/health/".
	Path string `mapstructure:"path"`
	// Port is the one that is asked; the route's where 0.
	Port int `mapstructure:"port"`
	// Host is the Host header: Django answers no other than those in its
	// ALLOWED_HOSTS.
	Host string `mapstructure:"host"`
	// Status is the one that is right, 100 to 599; every 2xx where 0.
	Status int `mapstructure:"status"`
	// Timeout is when one request is given up.
	Timeout time.Duration `mapstructure:"timeout"`
	// Budget is how long a new container may take until it has answered.
	Budget time.Duration `mapstructure:"budget"`
}
