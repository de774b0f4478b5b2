package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Why a container does not start, or does not stay.
const (
	CauseOutOfMemory        = Cause(deploy.SymptomMemory)
	CauseSyntax             = Cause(deploy.SymptomSyntax)
	CauseDependency         = Cause(deploy.SymptomDependency)
	CauseVariable           = Cause(deploy.SymptomVariable)
	CauseCommand            = Cause(deploy.SymptomCommand)
	CausePlatform           = Cause(deploy.SymptomPlatform)
	CausePermission         = Cause(deploy.SymptomPermission)
	CausePortInUse          = Cause(deploy.SymptomPort)
	CauseTraceback          = Cause(deploy.SymptomTraceback)
	CauseSegmentation Cause = "segmentation-fault"
	CausePaused       Cause = "container-paused"
	CauseStopped      Cause = "container-stopped"
	CauseMissing      Cause = "container-missing"
	CauseKilled       Cause = "killed-from-outside"
	CauseRestartLoop  Cause = "restart-loop"
	CauseExits        Cause = "exits-at-start"
)

// startRules are about containers that do not start, and those that start
// again and again.
var startRules = []rule{
	{CauseOutOfMemory, "restart loop: the container is killed for memory", program, outOfMemory},
	{CauseSyntax, "won't start: a syntax error", program, saying(deploy.SymptomSyntax, func(_ *Evidence, h heard) Finding {
		return Finding{Title: h.who() + " does not start: its code has a syntax error"}
	})},
	{CauseDependency, "won't start: a dependency is missing from the image", program, saying(deploy.SymptomDependency, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: h.who() + " does not start: its image lacks " + orElse(dependencyOf(h.line), "a dependency"),
			Fix:   "Add it to what the image installs (requirements, package.json, Dockerfile), build and deploy again",
		}
	})},
	{CauseVariable, "won't start: a variable is missing", program, saying(deploy.SymptomVariable, func(e *Evidence, h heard) Finding {
		name := orElse(variableOf(h.line), "a variable")
		return Finding{
			Title: h.who() + " does not start: " + name + " is missing from its environment",
			Fix:   "Name it under environment of the service, write it into .env, and push that: mage env:push " + e.Environment,
		}
	})},
	{CauseCommand, "won't start: the image has no such command (exit status 127)", program, commandMissing},
	{CausePlatform, "won't start: exec format error", program, saying(deploy.SymptomPlatform, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: h.who() + " does not start: its image is for another processor",
			Fix:   "Build it for the host's platform: mage build does; by hand: docker build --platform linux/amd64 (uname -m on the host says which)",
		}
	})},
	{CausePermission, "won't start: permission denied (or exit status 126)", program, saying(deploy.SymptomPermission, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: h.who() + " may not use a file or a folder",
			Fix:   "Give it to the image's user: chown in the Dockerfile, chmod +x for a script; of a volume: docker run --rm -v VOLUME:/v IMAGE chown -R USER /v",
		}
	})},
	{CausePortInUse, "won't start: address already in use", program, saying(deploy.SymptomPort, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: h.who() + " does not start: its port is in use",
			Fix:   "In one container: two processes take one port. On the host: sudo ss -ltnp shows who has it; give one of them another",
		}
	})},
	{CauseSegmentation, "won't start: exit status 139", program, exitedWith(139, "crashes with a segmentation fault",
		"A library does not fit the image or the processor: build it anew without cache; look at what it loads last")},
	{CausePaused, "no answer: somebody paused the container", program, inStatus(deploy.StatusPaused, "is paused", "docker unpause ")},
	{CauseStopped, "no answer: the container was stopped, and nobody started it again", program, stopped},
	{CauseMissing, "fewer containers run than the Compose file wants", program, missing},
	{CauseTraceback, "won't start: the program ends with an error of its own", program, saying(deploy.SymptomTraceback, func(_ *Evidence, h heard) Finding {
		return Finding{
			Title: h.who() + " fails with an error of its own",
			Fix:   "Read it whole: " + whole(h) + "; mend it and deploy again",
		}
	})},
	{CauseKilled, "restart loop: exit status 137, and the limit was not reached", program, exitedWith(137, "was killed from outside (exit status 137)",
		"The host ran out of memory, or somebody killed it: sudo dmesg | grep -i 'killed process'; free -m")},
	{CauseRestartLoop, "restart loop: it ends soon after each start", program, restartLoop},
	{CauseExits, "won't start: it ends at once", program, exits},
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// whole says where the whole of somebody's words stands.
func whole(h heard) string {
	if h.past {
		return "less .deploy/releases/*/containers/*.log"
	}
	return "mage logs " + orElse(h.service, "SERVICE")
}

var dependencyName = regexp.MustCompile(`(?:No module named|Cannot find module|Cannot find package|cannot import name) '([^']+)'|libraries: ([^ :]+)`)

func dependencyOf(line string) string { return firstGroup(dependencyName, line) }

var variableName = regexp.MustCompile(`KeyError: '([A-Z][A-Z0-9_]+)'|\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b|\b([A-Z][A-Z0-9_]{2,}) (?:is|was) (?:not set|missing|required)`)

func variableOf(line string) string { return firstGroup(variableName, line) }

func firstGroup(pattern *regexp.Regexp, line string) string {
	for _, group := range pattern.FindStringSubmatch(line) {
		if group != "" && group != line && !strings.ContainsAny(group, " '") {
			return group
		}
	}
	return ""
}

// ends gives how a container ended: its own, and those of its last starts.
func (c Container) ends() []Death {
	ends := slices.Clone(c.Deaths)
	if !c.Running() && c.Status != deploy.StatusPaused && c.Status != deploy.StatusCreated {
		ends = append(ends, Death{ExitCode: c.ExitCode, OOMKilled: c.OOMKilled})
	}
	return ends
}

// ended says in words how a container ended.
func (c Container) ended() string {
	switch {
	case c.Error != "":
		return c.Error
	case c.OOMKilled:
		return "killed for memory"
	case c.Status == deploy.StatusExited || c.Status == deploy.StatusDead:
		return fmt.Sprintf("exited with status %d", c.ExitCode)
	}
	return "is " + string(c.Status)
}

// about makes a finding of a container.
func (e *Evidence) about(c Container, finding Finding) Finding {
	finding.Past, finding.root = c.Gone, e.role(c.Service) != RoleNone
	if c.Service != "" {
		finding.Services = []string{c.Service}
	}
	return finding
}

// called is a container's service in a sentence.
func (c Container) called() string {
	switch {
	case c.Gone && c.Service != "":
		return "the new " + c.Service
	case c.Service != "":
		return c.Service
	}
	return c.Name
}

func outOfMemory(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.Containers {
		if !slices.ContainsFunc(container.ends(), func(d Death) bool { return d.OOMKilled }) {
			continue
		}
		limit := "its limit"
		if container.Usage.MemoryLimit > 0 {
			limit = "its limit of " + bytes(container.Usage.MemoryLimit)
		}
		findings = append(findings, e.about(container, Finding{
			Title:    container.called() + " is killed for memory: it needs more than " + limit,
			Evidence: []string{container.Name + " was killed by the kernel for memory (OOMKilled)"},
			Fix:      "Raise deploy.resources.limits.memory of " + container.Service + ", or find what grew; what it takes: mage status",
		}))
	}
	return append(findings, saying(deploy.SymptomMemory, func(_ *Evidence, h heard) Finding {
		return Finding{Title: h.who() + " asks for more memory than there is"}
	})(e)...)
}

func commandMissing(e *Evidence) []Finding {
	const notThere = 127
	title := func(who string) string { return who + " does not start: its image has no such command" }
	fix := "Compare command, entrypoint and healthcheck in the Compose file with what the image has"
	findings := saying(deploy.SymptomCommand, func(_ *Evidence, h heard) Finding {
		return Finding{Title: title(h.who()), Fix: fix}
	})(e)
	for _, container := range e.Containers {
		if slices.ContainsFunc(container.ends(), func(d Death) bool { return d.ExitCode == notThere }) {
			findings = append(findings, e.about(container, Finding{
				Title: title(container.called()), Fix: fix,
				Evidence: append([]string{container.Name + " exited with status 127"}, last(container.Lines, 1)...),
			}))
		}
	}
	return findings
}

// exitedWith finds containers that ended with a status that says why.
func exitedWith(status int, what, fix string) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		var findings []Finding
		for _, container := range e.Containers {
			if container.Service == "" || e.wasStopped(container) || container.Running() && !container.restarting() ||
				!slices.ContainsFunc(container.ends(), func(d Death) bool { return d.ExitCode == status && !d.OOMKilled }) {
				continue
			}
			findings = append(findings, e.about(container, Finding{
				Title: container.called() + " " + what, Evidence: append([]string{container.Name + " " + container.ended()}, last(container.Lines, 2)...), Fix: fix,
			}))
		}
		return findings
	}
}

// inStatus finds containers that somebody put into a state by hand.
func inStatus(status deploy.ContainerStatus, what, fix string) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		var findings []Finding
		for _, container := range e.Containers {
			if container.Status == status && !container.Gone && !container.OneOff {
				finding := e.about(container, Finding{Title: container.called() + " " + what, Evidence: []string{container.Name + " is " + string(status)}, Fix: fix + container.Name})
				findings = append(findings, finding)
			}
		}
		return findings
	}
}

// wasStopped says whether a container ended as one does that is told to: with
// status 0, or by the signal that it was sent.
func (e *Evidence) wasStopped(c Container) bool {
	const byTerm, byKill = 128 + 15, 128 + 9
	return !c.Gone && c.Status == deploy.StatusExited && !c.OOMKilled && len(c.Deaths) <= 1 &&
		(c.ExitCode == 0 || c.ExitCode == byTerm || c.ExitCode == byKill)
}

func stopped(e *Evidence) []Finding {
	if e.Busy {
		return nil
	}
	var findings []Finding
	for _, container := range e.Containers {
		if container.OneOff || !e.wasStopped(container) || e.role(container.Service) != RoleNone {
			continue
		}
		if service, ok := e.service(container.Service); ok && service.Kind == deploy.KindProxy {
			continue // which is said as the proxy's
		}
		findings = append(findings, e.about(container, Finding{
			Title: container.called() + " was stopped", Evidence: []string{container.Name + " " + container.ended()},
			Fix: "docker start " + container.Name,
		}))
	}
	return findings
}

func missing(e *Evidence) []Finding {
	if e.Busy || e.Engine != "" || e.Serving == "" {
		return nil
	}
	var findings []Finding
	for _, service := range e.Services {
		there := len(e.of(service.Name))
		if there >= service.Replicas || service.Role != RoleNone && there == 0 {
			continue
		}
		findings = append(findings, Finding{
			Title:    fmt.Sprintf("%s has %d of %s", service.Name, there, deploy.Plural(service.Replicas, "container")),
			Services: []string{service.Name},
			Fix:      "mage deploy:here " + e.Serving + " makes what is missing",
		})
	}
	return findings
}

func restartLoop(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.Containers {
		if container.Gone || container.OneOff || !container.restarting() {
			continue
		}
		status := container.ended()
		if deaths := container.Deaths; len(deaths) > 0 {
			status = fmt.Sprintf("the last with exit status %d", deaths[len(deaths)-1].ExitCode)
		}
		findings = append(findings, e.about(container, Finding{
			Title:    container.called() + " ends again and again",
			Evidence: append([]string{fmt.Sprintf("%s: %s, %s", container.Name, deploy.Plural(max(container.Restarts, len(container.Deaths)), "restart"), status)}, last(container.Lines, 2)...),
			Fix:      "Read why: mage logs " + container.Service,
		}))
	}
	return findings
}

func exits(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.Containers {
		if container.OneOff || container.Running() || container.Status == deploy.StatusPaused || e.wasStopped(container) || container.restarting() && !container.Gone {
			continue
		}
		if container.Gone && container.ExitCode == 0 && container.Error == "" {
			continue // it was stopped on the way back
		}
		if service, ok := e.service(container.Service); ok && service.Kind == deploy.KindProxy && !container.Gone || e.role(container.Service) != RoleNone {
			continue // which is said as theirs
		}
		findings = append(findings, e.about(container, Finding{
			Title: container.called() + " does not stay: " + container.ended(), Evidence: last(container.Lines, 3),
			Fix: "Read what it said: " + whole(heard{voice: voice{service: container.Service, past: container.Gone}}),
		}))
	}
	return findings
}
