package doctor

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Why health checks fail although the program runs.
const (
	CauseProxyDown      Cause = "proxy-down"
	CauseBindAddress    Cause = "wrong-bind-address"
	CauseWrongPort      Cause = "wrong-port"
	CauseAllowedHosts         = Cause(deploy.SymptomHosts)
	CauseHealthPath     Cause = "health-path-missing"
	CauseRedirected     Cause = "health-redirected"
	CauseNothingListens Cause = "nothing-listens"
	CauseNoAnswer       Cause = "no-answer"
	CauseNoServer       Cause = "no-server"
	CauseErrors         Cause = "answers-errors"
	CauseVerification   Cause = "verification-fails"
	CauseUnhealthy      Cause = "unhealthy"
	CauseUnexplained    Cause = "command-failed"
)

// healthRules are about checks that fail. What lies beneath them is found by the
// rules before, and leads.
var healthRules = []rule{
	{CauseProxyDown, "nothing answers: the proxy does not run", supply, proxyDown},
	{CauseBindAddress, "health check fails: the process listens on 127.0.0.1 only", program, bindAddress},
	{CauseWrongPort, "health check fails: the process listens on another port", program, wrongPort},
	{CauseAllowedHosts, "health check fails with 400: Django's ALLOWED_HOSTS", program, allowedHosts},
	{CauseHealthPath, "health check fails with 404: there is no such path", program, answering("404", "has no such path for its health check",
		"Correct x-deploy.health.path of {service}, or serve that path")},
	{CauseRedirected, "health check fails with 301 or 302: it is sent elsewhere", program, redirected},
	{CauseNothingListens, "health check fails: connection refused", program, nothingListens},
	{CauseNoAnswer, "health check fails: no answer in time", surface, answering("no answer within", "does not answer in time",
		"See what keeps it: mage logs {service} -tail=50; docker stats --no-stream; if it hangs: mage restart")},
	{CauseNoServer, "503 for everybody: the proxy has no server for a route", surface, noServer},
	{CauseErrors, "many answers are 5xx", surface, errorsAnswered},
	{CauseVerification, "a public endpoint does not answer as it must", surface, verification},
	{CauseUnhealthy, "health check fails", surface, unhealthy},
	{CauseUnexplained, "the last command failed for a reason that is not known here", surface, unexplained},
}

func (e *Evidence) proxy() (Service, bool) {
	at := slices.IndexFunc(e.Services, func(s Service) bool { return s.Kind == deploy.KindProxy })
	if at < 0 {
		return Service{}, false
	}
	return e.Services[at], true
}

func proxyDown(e *Evidence) []Finding {
	service, ok := e.proxy()
	if !ok || e.Busy || e.Engine != "" || e.Serving == "" || !e.observed() {
		return nil
	}
	containers := e.of(service.Name)
	if len(containers) == 0 {
		return []Finding{{Title: "the proxy has no container", Services: []string{service.Name}, Fix: "mage deploy:here " + e.Serving}}
	}
	container := containers[0]
	switch {
	case container.Status == deploy.StatusPaused, container.Running() && (e.Proxy == nil || e.Proxy.Up):
		return nil
	case container.Running():
		return []Finding{e.about(container, Finding{
			Title: "the proxy runs and does not answer on its socket", Evidence: last(container.Lines, 2),
			Fix: "Look at its log: mage logs " + service.Name + "; then: docker restart " + container.Name,
		})}
	default:
		return []Finding{e.about(container, Finding{
			Title: "the proxy does not run: " + container.ended(), Evidence: last(container.Lines, 2),
			Fix: "docker start " + container.Name + "; if it ends again: mage logs " + service.Name,
		})}
	}
}

// listening finds, in the words of gunicorn, uvicorn, Django, Node.js and Go,
// where a process says that it listens.
var listening = regexp.MustCompile(`(?i)(?:listening|running|ready|started|server|serving)\b[^\n]*?(?:on|at|address)\b[^\n]*?(?:https?://|["=\s(:]|^)((?:\d{1,3}\.){3}\d{1,3}|localhost|\[[0-9a-f:]*\]|\*|0)?:(\d{2,5})\b`)

// heardListening gives the addresses that a container's lines name.
func heardListening(text []string) []string {
	var found []string
	for _, line := range text {
		for _, match := range listening.FindAllStringSubmatch(deploy.Plain(line), -1) {
			host := strings.Trim(match[1], "[]")
			switch host {
			case "localhost":
				host = "127.0.0.1"
			case "", "*", "0":
				host = "0.0.0.0"
			}
			found = union(found, []string{net.JoinHostPort(host, match[2])})
		}
	}
	return found
}

// refused are the containers on which nothing listened where it was asked.
func (e *Evidence) refused() []Container {
	var found []Container
	for _, container := range e.Containers {
		service, ok := e.service(container.Service)
		if !ok || service.Port == 0 {
			continue
		}
		asked := slices.ContainsFunc(e.Answers, func(a Answer) bool {
			return a.Container == container.Name && strings.Contains(a.Problem, "connection refused")
		})
		if container.Gone && e.Command != nil && slices.ContainsFunc(e.Command.Lines, func(line string) bool {
			return strings.Contains(line, container.Name) && strings.Contains(line, "connection refused")
		}) {
			asked = true
		}
		if asked {
			if !container.Listened {
				container.Listens = heardListening(container.Lines)
			}
			found = append(found, container)
		}
	}
	return found
}

func bindAddress(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.refused() {
		service, _ := e.service(container.Service)
		for _, address := range container.Listens {
			host, port, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || port != strconv.Itoa(service.Port) {
				continue
			}
			findings = append(findings, e.about(container, Finding{
				Title:    fmt.Sprintf("%s listens on %s only, where nobody else reaches it", container.called(), address),
				Evidence: []string{container.Name + " listens on " + strings.Join(container.Listens, ", ")},
				Fix:      "Let it listen on 0.0.0.0:" + port + " (gunicorn --bind, uvicorn --host, next start -H, server.listen), and deploy again",
			}))
			break
		}
	}
	return findings
}

func wrongPort(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.refused() {
		service, _ := e.service(container.Service)
		var others []string
		wanted := false
		for _, address := range container.Listens {
			_, port, err := net.SplitHostPort(address)
			if wanted = wanted || port == strconv.Itoa(service.Port); err == nil && !wanted {
				others = union(others, []string{port})
			}
		}
		if wanted || len(others) == 0 {
			continue
		}
		findings = append(findings, e.about(container, Finding{
			Title:    fmt.Sprintf("%s listens on port %s, and the route goes to %d", container.called(), strings.Join(others, ", "), service.Port),
			Evidence: []string{container.Name + " listens on " + strings.Join(container.Listens, ", ")},
			Fix:      fmt.Sprintf("Make both one: x-deploy.route.port and expose of %s, or the port that it listens on", service.Name),
		}))
	}
	return findings
}

func nothingListens(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.refused() {
		service, _ := e.service(container.Service)
		findings = append(findings, e.about(container, Finding{
			Title: fmt.Sprintf("nothing listens on port %d of %s", service.Port, container.called()), Evidence: last(container.Lines, 2),
			Fix: "See how far its start came: mage logs " + service.Name + ". One that boots slowly needs a larger x-deploy.health.budget",
		}))
	}
	return findings
}

func allowedHosts(e *Evidence) []Finding {
	findings := saying(deploy.SymptomHosts, func(e *Evidence, h heard) Finding {
		return Finding{
			Title: "Django refuses the Host header that " + h.who() + " is asked with",
			Fix:   "Add it to ALLOWED_HOSTS in .env (mage env:push " + e.Environment + "), or set x-deploy.health.host to a name that is in it",
		}
	})(e)
	if len(findings) > 0 {
		return findings
	}
	// Without DEBUG and without a log, Django says no more than 400.
	for _, one := range e.problems() {
		if strings.Contains(one.text, "answered 400") {
			findings = append(findings, one.finding(Finding{
				Title: "the health check of " + one.who() + " is answered with 400, as Django does for a Host that is not in ALLOWED_HOSTS",
				Fix:   "Add the check's host to ALLOWED_HOSTS in .env (mage env:push " + e.Environment + "), or set x-deploy.health.host to a name that is in it",
			}))
		}
	}
	return findings
}

// problem is a check that failed: of what runs, or of the release that failed.
type problem struct{ heard }

func (p problem) finding(finding Finding) Finding {
	finding.Past, finding.Services = p.past, p.services()
	if finding.Evidence == nil {
		finding.Evidence = []string{p.line}
	}
	return finding
}

// problems are all checks that failed on containers.
func (e *Evidence) problems() []problem {
	var found []problem
	for _, answer := range e.Answers {
		if answer.Problem != "" && answer.Container != "" {
			found = append(found, problem{heard{voice{service: answer.Service, container: answer.Container, text: answer.Problem}, answer.Problem}})
		}
	}
	if e.Command != nil && (e.Command.Action == deploy.ActionAwait || e.Command.Action == "") {
		for _, line := range e.Command.Lines {
			if strings.Contains(line, "not healthy within") {
				found = append(found, problem{heard{voice{service: e.Command.Service, past: true, text: line}, line}})
				break
			}
		}
	}
	return found
}

// answering makes a rule of the way in which checks fail.
func answering(words, what, fix string) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		var findings []Finding
		for _, one := range e.problems() {
			if strings.Contains(one.text, "answered "+words) || strings.Contains(one.text, words) && !strings.ContainsAny(words, "0123456789") {
				findings = append(findings, one.finding(Finding{
					Title: one.who() + " " + what, Fix: strings.ReplaceAll(fix, "{service}", orElse(one.service, "the service")),
				}))
			}
		}
		return findings
	}
}

func redirected(e *Evidence) []Finding {
	var findings []Finding
	for _, one := range e.problems() {
		if strings.Contains(one.text, "answered 30") {
			findings = append(findings, one.finding(Finding{
				Title: "the health check of " + one.who() + " is sent elsewhere",
				Fix:   "Leave its path out of the redirect (Django: SECURE_REDIRECT_EXEMPT, or a slash at its end), or expect it: x-deploy.health.status",
			}))
		}
	}
	return findings
}

func noServer(e *Evidence) []Finding {
	if e.Proxy == nil || !e.Proxy.Up || e.Busy {
		return nil
	}
	var findings []Finding
	for _, service := range e.Services {
		if service.Port == 0 || service.Kind != deploy.KindRolled || e.routed(service.Name) {
			continue
		}
		findings = append(findings, Finding{
			Title: "the proxy has no server for " + service.Name, Services: []string{service.Name},
			Fix: "mage deploy:here " + e.Serving + " puts what runs back behind it",
		})
	}
	return findings
}

// routed says whether a service has a server that gets requests.
func (e *Evidence) routed(service string) bool {
	return slices.ContainsFunc(e.Proxy.Servers, func(s deploy.Server) bool {
		return s.Service == service && s.State == deploy.ServerReady && s.Container != "" && s.Up
	})
}

// tooManyErrors says whether a server answers more 5xx than a release may, and
// still does: what was down an hour ago is no trouble any more. How many requests
// a watch waits for is no matter here: whoever asks wants to know.
func (e *Evidence) tooManyErrors(server deploy.Server) bool {
	return e.Failing[server.Service] > 0 && server.Requests >= deploy.DefaultWatchRequests &&
		float64(server.Failed) > max(e.Watch.ErrorRatio, 0.01)*float64(server.Requests)
}

func errorsAnswered(e *Evidence) []Finding {
	if e.Proxy == nil {
		return nil
	}
	var findings []Finding
	for _, server := range e.Proxy.Servers {
		if server.Container == "" || server.State != deploy.ServerReady || !e.tooManyErrors(server) {
			continue
		}
		findings = append(findings, Finding{
			Title:    fmt.Sprintf("%s answers %s of its requests with 5xx", server.Service, percent(float64(server.Failed)/float64(server.Requests))),
			Services: []string{server.Service},
			Evidence: []string{fmt.Sprintf("%s: %d of %d requests since it has its place in the proxy; %d of the service in the last minute",
				server.Container, server.Failed, server.Requests, e.Failing[server.Service])},
			Fix: "Read its log: mage logs " + server.Service + "; back to what served before: mage rollback previous",
		})
	}
	return findings
}

func verification(e *Evidence) []Finding {
	var findings []Finding
	for _, answer := range e.Answers {
		if answer.Problem == "" || answer.Container != "" {
			continue
		}
		findings = append(findings, Finding{
			Title: answer.URL + " does not answer as it must", Evidence: []string{answer.Problem}, Services: compact(answer.Service),
			Fix: "Ask it by hand: curl -i " + answer.header() + answer.URL + "; what it goes through: mage status",
		})
	}
	if e.Command != nil && e.Command.Action == deploy.ActionVerify {
		findings = append(findings, Finding{
			Title: "the release did not answer at a public endpoint as it must", Evidence: e.Command.Lines[:min(2, len(e.Command.Lines))], Past: true,
			Fix: "Compare x-deploy.verify (status, contains, host) with what the release answers: curl -i",
		})
	}
	return findings
}

func (a Answer) header() string {
	if a.Host == "" {
		return ""
	}
	return "-H 'Host: " + a.Host + "' "
}

func unhealthy(e *Evidence) []Finding {
	var findings []Finding
	for _, one := range e.problems() {
		findings = append(findings, one.finding(Finding{
			Title: one.who() + " fails its health check",
			Fix:   "Read why: " + whole(one.heard),
		}))
	}
	for _, container := range e.Containers {
		if container.Gone || container.Health != deploy.HealthUnhealthy || !container.Running() {
			continue
		}
		findings = append(findings, e.about(container, Finding{
			Title: container.called() + " fails its health check", Evidence: last(container.Checks, 2),
			Fix: "Read why: mage logs " + container.Service,
		}))
	}
	return findings
}

// unexplained repeats what the last command said, where nothing else explains it.
func unexplained(e *Evidence) []Finding {
	if e.Command == nil || e.Image != nil {
		return nil
	}
	return []Finding{{
		Title:    "the last command failed" + at(e.Command),
		Evidence: e.Command.Lines, Past: true, Services: compact(e.Command.Service),
		Fix: "Read what it said: mage deploy:follow; attach this to an issue: mage doctor -bundle=doctor.tar.gz",
	}}
}

func at(command *Command) string {
	text := ""
	if command.Version != "" {
		text += " for " + command.Version
	}
	if command.Action != "" {
		text += ", at the step " + string(command.Action)
	}
	return text
}
