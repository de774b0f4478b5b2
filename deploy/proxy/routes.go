package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// layout is what only a reload can change: frontends with their rules, and
// backends with their number of places.
type layout struct {
	frontends []frontend
	backends  []backend
	// hardStop ends an old worker this long after a reload.
	hardStop time.Duration
}

// frontend is one port that the proxy listens on.
type frontend struct {
	port  int
	rules []rule
}

// rule sends the requests of one host and path to a service. The first rule
// that fits decides.
type rule struct {
	host    string
	path    string
	service string
}

// backend is one service with its places.
type backend struct {
	service string
	port    int
	slots   int
}

// What goes into the file stands there unquoted, so it is held to the
// characters that names, hosts and paths need.
var (
	serviceForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	containerForm = serviceForm
	hostForm      = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	pathForm      = regexp.MustCompile(`^/[A-Za-z0-9._~%!&*+:@=,/-]*$`)
)

// The number of places of a service: for its replicas in rest, the new ones
// beside them, and as many draining from two releases before.
const (
	leastSlots      = 8
	slotsPerReplica = 4
)

// newLayout checks the routes and names every mistake in them.
func newLayout(routes []deploy.Route) (*layout, error) {
	var mistakes []error
	rules := map[int][]rule{}
	backends := map[string]backend{}
	made := &layout{hardStop: drainDefault}
	for _, route := range routes {
		mistake := func(format string, args ...any) {
			mistakes = append(mistakes, fmt.Errorf("route of service %q: "+format, append([]any{route.Service}, args...)...))
		}
		checkRoute(route, mistake)
		for _, next := range rulesOf(route) {
			for _, other := range rules[route.Listen] {
				if other.host == next.host && other.path == next.path && other.service != next.service {
					mistake("the same host and path go to service %q", other.service)
				}
			}
			rules[route.Listen] = append(rules[route.Listen], next)
		}
		known, ok := backends[route.Service]
		if ok && known.port != route.Port {
			mistake("container port %d differs from %d in another of its routes", route.Port, known.port)
		}
		slots := max(leastSlots, slotsPerReplica*route.Replicas, known.slots)
		backends[route.Service] = backend{service: route.Service, port: route.Port, slots: slots}
		made.hardStop = max(made.hardStop, route.Drain)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	made.hardStop += hardStopSlack
	for port, of := range rules {
		slices.SortFunc(of, compareRules)
		made.frontends = append(made.frontends, frontend{port: port, rules: slices.Compact(of)})
	}
	slices.SortFunc(made.frontends, func(a, b frontend) int { return cmp.Compare(a.port, b.port) })
	made.backends = slices.SortedFunc(maps.Values(backends), func(a, b backend) int { return cmp.Compare(a.service, b.service) })
	return made, nil
}

// checkRoute names what is wrong with one route by itself.
func checkRoute(route deploy.Route, mistake func(format string, args ...any)) {
	if !serviceForm.MatchString(route.Service) {
		mistake("this name cannot stand in the proxy's file")
	}
	if route.Listen < 1 || route.Listen > 65535 {
		mistake("listen port %d is not between 1 and 65535", route.Listen)
	}
	if route.Port < 1 || route.Port > 65535 {
		mistake("container port %d is not between 1 and 65535", route.Port)
	}
	if route.Path != "" && !pathForm.MatchString(route.Path) {
		mistake("path %q is not a plain path such as /api", route.Path)
	}
	for _, host := range route.Hosts {
		if !hostForm.MatchString(host) {
			mistake("host %q is not a name such as shop.example or *.shop.example", host)
		}
	}
}

// rulesOf gives the rules of one route: one for each host.
func rulesOf(route deploy.Route) []rule {
	path := strings.TrimRight(route.Path, "/") + "/"
	if len(route.Hosts) == 0 {
		return []rule{{path: path, service: route.Service}}
	}
	var rules []rule
	for _, host := range route.Hosts {
		rules = append(rules, rule{host: strings.ToLower(host), path: path, service: route.Service})
	}
	return rules
}

// compareRules puts the rule that decides first first: a whole host name before
// a wildcard, a longer wildcard before a shorter, any host last; then the
// longer path. So a host is one site with its paths, and a path without a host
// counts only where no route names the host.
func compareRules(a, b rule) int {
	return cmp.Or(
		cmp.Compare(hostRank(a.host), hostRank(b.host)),
		cmp.Compare(len(b.host), len(a.host)),
		cmp.Compare(a.host, b.host),
		cmp.Compare(len(b.path), len(a.path)),
		cmp.Compare(a.path, b.path),
		cmp.Compare(a.service, b.service),
	)
}

// hostRank orders the kinds of hosts.
func hostRank(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*."):
		return 1
	default:
		return 0
	}
}

// seats says which container holds which place: by service, by the place's
// index; "" holds none.
type seats map[string][]string

// seat gives each container of the routing a place: the one that it holds in
// the running proxy, so that a restart finds what runs, or else a free one.
func (l *layout) seat(routing deploy.Routing, running []slot) (seats, error) {
	given := seats{}
	for _, of := range l.backends {
		places := make([]string, of.slots)
		taken := make([]bool, of.slots)
		wanted := slices.Clone(routing[of.service])
		for _, held := range running {
			index, ok := slotIndex(held.name)
			if held.backend != of.service || !ok || index >= of.slots || held.container == "" {
				continue
			}
			taken[index] = true
			if at := slices.Index(wanted, held.container); at >= 0 {
				places[index] = held.container
				wanted = slices.Delete(wanted, at, at+1)
			}
		}
		for _, container := range wanted {
			if !containerForm.MatchString(container) {
				return nil, fmt.Errorf("container %q: this name cannot stand in the proxy's file", container)
			}
			index := slices.Index(taken, false)
			if index < 0 {
				// A place that a container holds outside the routing is as good.
				index = slices.Index(places, "")
			}
			if index < 0 {
				return nil, fmt.Errorf("service %q: its %d places do not hold %d containers", of.service, of.slots, len(routing[of.service]))
			}
			places[index], taken[index] = container, true
		}
		given[of.service] = places
	}
	for service := range routing {
		if _, ok := given[service]; !ok {
			return nil, fmt.Errorf("service %q has containers in the routing and no route", service)
		}
	}
	return given, nil
}
