package system

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// listening is the state of a socket that waits for connections, in
// /proc/net/tcp (net/tcp_states.h).
const listening = "0A"

// listeners gives the inodes of the sockets that listen on a port, read from
// /proc/net/tcp or /proc/net/tcp6 (proc_net_tcp.rst).
func listeners(table io.Reader, port int) []string {
	var inodes []string
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if number, err := strconv.ParseUint(hex, 16, 16); err == nil && int(number) == port {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}

// unitOf gives the service of systemd's that a process belongs to, from its
// /proc/<pid>/cgroup; empty where it belongs to none, or to a user's own.
func unitOf(groups string) string {
	found := ""
	for line := range strings.Lines(groups) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if strings.HasPrefix(part, "user@") {
				return ""
			}
			if strings.HasSuffix(part, ".service") {
				found = part
			}
		}
	}
	return found
}

// holder is who holds a port.
type holder struct {
	// own says that it is a container of the project.
	own  bool
	name string
	hint string
}

// processHolder says who a process is and how it gives its port back. Not every
// process may simply be ended.
func processHolder(process int, name, groups string) holder {
	unit := unitOf(groups)
	found := holder{name: fmt.Sprintf("%s (process %d)", name, process)}
	if unit != "" {
		found.name = fmt.Sprintf("%s (process %d, %s)", name, process, unit)
	}
	switch {
	case name == "systemd":
		found.hint = "See which socket unit it is: systemctl list-sockets."
	case name == "dockerd" || name == "docker-proxy":
		found.hint = "See what publishes it: docker ps; docker service ls."
	case unit != "":
		found.hint = "Unless it is needed: sudo systemctl disable --now " + unit + "."
	default:
		found.hint = fmt.Sprintf("Unless it is needed: sudo kill %d.", process)
	}
	return found
}
