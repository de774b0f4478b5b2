package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Violations gives every promise that was broken: a container stopped while it
// was routed to or had requests in flight before its drain deadline, a routed
// service left without a healthy server, requests sent to what is not healthy
// or to a release that a worker does not know, a singleton twice at once, a
// release that gets requests on a database that it does not run on.
func (h *Host) Violations() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.violations)
}

func (h *Host) violated(format string, args ...any) {
	h.violations = append(h.violations, fmt.Sprintf(format, args...))
}

// Quiet gives the running workers that take no new work.
func (h *Host) Quiet() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	var quiet []string
	for _, c := range h.containers {
		if c.quiet && c.Running() {
			quiet = append(quiet, c.Name)
		}
	}
	return quiet
}

// judgeStop looks at a container in the instant before its stop signal.
func (h *Host) judgeStop(c *container) {
	if h.Proxy.up() && h.Proxy.routed(c.Name) && !h.Consent {
		h.violated("%s was stopped while the proxy routed to it", c.Name)
	}
	if c.open == 0 {
		return
	}
	drain := deploy.DefaultDrain
	if c.service.Route != nil {
		drain = c.service.Route.Drain
	}
	since, draining := h.Proxy.drains[c.Name]
	c.late = draining && time.Since(since) >= drain
	if !c.late && !h.Consent {
		h.violated("%s was stopped with %d requests in flight", c.Name, c.open)
	}
}

func (h *Host) judgeSingleton(made *container) {
	for _, c := range h.containers {
		if c != made && c.project == made.project && c.Service == made.Service && c.Running() && !c.OneOff {
			h.violated("%s was started while %s runs", made.Name, c.Name)
		}
	}
}

// change does what a deployer asked for and compares before with after.
func (h *Host) change(what string, do func()) {
	served := h.served()
	routed := h.routedTo()
	do()
	now := h.served()
	for service := range served {
		if !now[service] && h.routes(service) && !h.Consent {
			h.violated("%s left %s without a healthy server", what, service)
		}
	}
	for _, c := range h.routedTo() {
		if !slices.Contains(routed, c) && !c.healthy(time.Now()) {
			h.violated("%s sent requests to %s, which is not healthy", what, c.Name)
		}
		if !slices.Contains(routed, c) {
			h.judgeWorkers(what, c)
		}
	}
	h.judgeSchema(what)
}

// judgeWorkers looks for workers of older releases that still take work while
// a newer release begins to get requests: they would lose a task of its.
func (h *Host) judgeWorkers(what string, routed *container) {
	for _, c := range h.containers {
		older := slices.Index(h.versions, c.version) < slices.Index(h.versions, routed.version)
		if !older || !c.Running() || c.quiet || !c.signalled.IsZero() || len(c.service.Quiet) == 0 {
			continue
		}
		replaced := slices.ContainsFunc(h.containers, func(other *container) bool {
			return other.Service == c.Service && other.version == routed.version && other.ConfigHash != c.ConfigHash
		})
		if replaced {
			h.violated("%s sent requests to %s while %s of an older release takes work", what, routed.Name, c.Name)
		}
	}
}

// judgeSchema looks whether those that get requests run on the database as it is:
// it has all that they need, and nothing that they do not survive.
func (h *Host) judgeSchema(what string) {
	applied := h.Django.applied
	for _, c := range h.routedTo() {
		contained, ok := h.Django.Contained[c.version]
		if !ok || c.Service != h.Django.Service || h.Consent {
			continue
		}
		var known []deploy.MigrationID
		for _, one := range contained {
			known = append(known, one.MigrationID)
			if one.Needed() && !slices.Contains(applied, one.MigrationID) {
				h.violated("%s: %s gets requests, and %s is not applied", what, c.Name, one)
			}
		}
		for _, one := range h.Django.of(applied) {
			if !slices.Contains(known, one.MigrationID) && !one.Survived() && !one.Unknown() {
				h.violated("%s: %s gets requests, and does not survive %s", what, c.Name, one)
			}
		}
	}
}

// served are the services with a healthy server.
func (h *Host) served() map[string]bool {
	served := map[string]bool{}
	for _, c := range h.routedTo() {
		if c.healthy(time.Now()) && c.signalled.IsZero() {
			served[c.Service] = true
		}
	}
	return served
}

// routes says whether a service is to be routed to: in the running process's
// routes, or in the file's where none runs.
func (h *Host) routes(service string) bool {
	f := h.Proxy.file
	return f != nil && slices.ContainsFunc(f.routes, func(r deploy.Route) bool { return r.Service == service })
}

func (h *Host) routedTo() []*container {
	if !h.Proxy.up() {
		return nil
	}
	var found []*container
	for _, s := range h.Proxy.running.servers {
		if c := h.find(s.Container); c != nil && s.State == deploy.ServerReady {
			found = append(found, c)
		}
	}
	return found
}

// Settled says what of a host at rest is not as it should be: what does not
// run, and workers that were left quiet.
func (h *Host) Settled() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	for _, c := range h.containers {
		if !c.Running() {
			return fmt.Errorf("%s is left behind, %s", c.Name, c.Status)
		}
		if c.quiet {
			return fmt.Errorf("%s is left quiet", c.Name)
		}
	}
	return h.commandsLeft()
}

// Kill ends a container as the kernel or a person would, without a deployer.
func (h *Host) Kill(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	if c := h.find(name); c != nil && c.Running() {
		c.end(137)
	}
	h.Proxy.follow()
}

// Names gives the names of all containers, sorted.
func (h *Host) Names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, c := range h.containers {
		all = append(all, c.Name)
	}
	slices.Sort(all)
	return all
}
