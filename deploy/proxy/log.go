package proxy

import "strings"

// FailedIn counts, by service, the requests that were answered with 5xx in lines
// of the proxy's log, each of which may stand behind a container's name. What no
// server answered counts as well: its service had none.
func FailedIn(log string) map[string]int {
	failed := map[string]int{}
	for line := range strings.Lines(log) {
		if service := failedService(strings.Fields(line)); service != "" {
			failed[service]++
		}
	}
	return failed
}

// failedService is the service whose request a line of the log is about, as the
// log-format of the configuration has it: ".../<frontend> <service>/<server>
// <status> <how it ended> <times> retries=<n>". It is empty for an answer that is
// no 5xx, and for a line that is about anything else.
func failedService(words []string) string {
	if len(words) < 6 || !strings.HasPrefix(words[len(words)-1], "retries=") {
		return ""
	}
	words = words[len(words)-6:]
	frontend, server, status := words[0], words[1], words[2]
	if !strings.HasPrefix(frontend, "listen:") || len(status) != 3 || status[0] != '5' {
		return ""
	}
	service, _, _ := strings.Cut(server, "/")
	if strings.HasPrefix(service, "listen:") {
		return "" // the proxy's own answer: the page of the maintenance
	}
	return service
}
