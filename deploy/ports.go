package deploy

import (
	"context"
	"io"
	"regexp"
	"time"
)

// Engine is the container engine of one host. Every method is safe to repeat:
// what is already so is left as it is.
type Engine interface {
	// Observe lists the project's containers, one-off ones included, and the
	// host's memory.
	Observe(ctx context.Context, project string) ([]Container, Memory, error)
	// Check says whether the release could be created without replacing a
	// network or a volume that exists, which would stop what uses it.
	Check(ctx context.Context, release *Release) error
	// Create makes and starts count new containers of one service of the
	// release, beside whatever runs of it already, which is not touched;
	// networks and volumes that are missing are made first. It returns the
	// new containers.
	Create(ctx context.Context, release *Release, service string, count int) ([]Container, error)
	// Inspect looks at one container; ErrNoContainer if it is gone.
	Inspect(ctx context.Context, name string) (Container, error)
	// Stop asks a container to end with its own stop signal, waits for the
	// grace period, kills it after that, and says which of both it was.
	Stop(ctx context.Context, name string, grace time.Duration) (killed bool, err error)
	// Remove removes a stopped container with its anonymous volumes.
	Remove(ctx context.Context, name string) error
	// Evidence gives the container's last log lines and its whole inspection.
	Evidence(ctx context.Context, name string, lines int) (Evidence, error)
	// Run runs one command in a new one-off container of the release's
	// service, copies what it prints to out, and removes it.
	Run(ctx context.Context, release *Release, command OneOff, out io.Writer) error
	// Exec runs one command in a running container.
	Exec(ctx context.Context, name string, command []string, out io.Writer) error
}

// OneOff is one command in a container of its own.
type OneOff struct {
	// Service is the one whose image and configuration the container has.
	Service string
	Command []string
	// Environment stands beside the service's own variables, and wins.
	Environment map[string]string
	// Expendable says that what a killed deployer left of it may be stopped. A
	// migration's may not: it is waited for.
	Expendable bool
}

// HostCommands runs commands on the host itself.
type HostCommands interface {
	// Run runs a command in the deploy directory, with these variables and no
	// others but those that every program needs, and copies what it prints to
	// out. When ctx ends, it ends the command with all that it has started.
	Run(ctx context.Context, command []string, environment map[string]string, out io.Writer) error
	// EndLeft ends what the commands of a killed deployer have left running.
	EndLeft(ctx context.Context) error
}

// Images are those that a host has of its releases.
type Images interface {
	// Present says which of the images are on the host under their own names.
	Present(ctx context.Context, images []Image) (map[string]bool, error)
	// Pull brings an image by its digest, unless it is here, and tags it
	// locally with its reference's own repository and version, so that
	// pruning dangling images never takes a release away.
	Pull(ctx context.Context, image Image, progress func(current, total int64)) error
	// Forget takes the names away that Pull gave, and with the last name the
	// image, but for those that are kept under the same name or with the same
	// content and those that a container of anybody uses.
	Forget(ctx context.Context, images, kept []Image) (Pruned, error)
}

// Evidence is what is kept of a container before it is removed.
type Evidence struct {
	Logs    []byte
	Inspect []byte
}

// Proxy routes requests to the containers of routed services. Containers are
// given by name; the proxy resolves them itself, so that an address that the
// engine gives to another container later never gets this one's requests.
type Proxy interface {
	// Observe reads what the running proxy does, and whether its structure is
	// the one that these routes need; Up is false, without an error, where
	// none answers.
	Observe(ctx context.Context, routes []Route) (ProxyState, error)
	// Configure writes the file for these routes and this routing, and makes
	// a running proxy whose structure differs load it without dropping a
	// connection. Where no proxy runs, the file waits for its start.
	Configure(ctx context.Context, routes []Route, routing Routing) error
	// Prepare gives each container a place that gets no requests yet, and
	// waits until the proxy has resolved its name to that address.
	Prepare(ctx context.Context, routes []Route, containers []Container) error
	// Switch makes the containers of the routing, and only those, get new
	// requests: first the file, fsynced, then one batch of runtime commands,
	// checked by reading back. The containers that are no longer in it drain.
	// It returns how long the batch took.
	Switch(ctx context.Context, routes []Route, routing Routing) (time.Duration, error)
	// Release frees the places of containers that no longer drain. One that
	// gets new requests is an error.
	Release(ctx context.Context, containers []string) error
	// Vacate frees the places of containers that are gone, as after a crash or
	// by somebody's hand, whatever the proxy still makes of them.
	Vacate(ctx context.Context, containers []string) error
	// Maintain answers all requests with the maintenance's page and 503, but
	// those that it lets through; nil ends that. It is so from the next request
	// on, also after the proxy's restart; what is open goes on. Where no proxy
	// runs, the next one finds it at its start.
	Maintain(ctx context.Context, maintenance *Maintenance) error
}

// Routing says for each routed service which containers, by name and sorted,
// get new requests.
type Routing map[string][]string

// Route is how requests reach a service.
type Route struct {
	Service string
	// Listen is the port that the proxy's container listens on.
	Listen int
	// Port is the port that the service's containers listen on.
	Port int
	// Hosts limits the route to requests for these names; empty takes all.
	// "*.shop.example" takes every name below it.
	Hosts []string
	// Path limits the route to paths with this prefix; empty or "/" takes all.
	Path string
	// Replicas is how many containers serve in rest; the proxy keeps places
	// for several times as many.
	Replicas int
	// Drain is how long what is still open may take to finish.
	Drain time.Duration
}

// Prober asks an HTTP endpoint.
type Prober interface {
	// Probe sends one request and says what was wrong with the answer: nil
	// when it was as expected.
	Probe(ctx context.Context, check HTTPCheck) error
	// Walk sends a flow's requests one after another, with the cookies that the
	// answers set, and says which step was not answered as it must be. A
	// redirect is an answer and is not followed.
	Walk(ctx context.Context, flow HTTPFlow) error
}

// FlowRandom is the name of a word that each walk through a flow has of its own,
// so that what one walk leaves behind is not in the way of the next.
const FlowRandom = "random"

// HTTPFlow is what one visitor asks, in order.
type HTTPFlow struct{ Steps []HTTPRequest }

// HTTPRequest is one request of a flow. In its address, headers, body and in
// what its answer must contain, {name} is what an earlier step saved under it.
type HTTPRequest struct {
	HTTPCheck
	// Method is GET where empty, and POST where there is a body.
	Method  string
	Headers map[string]string
	Body    string
	// Latency is how long the whole answer may take; 0 for any time.
	Latency time.Duration
	// Save is what is kept of the answer.
	Save []HTTPSave
}

// HTTPSave keeps what the one group of a pattern matches in an answer's body
// or, where it does not match there, in a line of its head.
type HTTPSave struct {
	Name    string
	Pattern *regexp.Regexp
}

// HTTPCheck is one request and what its answer must be.
type HTTPCheck struct {
	// URL is the whole address: "http://172.18.0.5:8000/api/health/".
	URL string
	// Host is sent as the Host header; the URL's own where empty. Django
	// refuses names that are not in ALLOWED_HOSTS.
	Host string
	// Status is the status that is wanted; 0 takes every 2xx.
	Status int
	// Contains must stand in the body; empty takes every body.
	Contains string
	// Timeout bounds the one request.
	Timeout time.Duration
	// Pass is sent as PassHeader; empty for none.
	Pass string
}
