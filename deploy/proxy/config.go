package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// How long things may take. HAProxy's own names are given; conf 4.2 unless
// said otherwise.
const (
	// wayBack is how long a request waits for a server that is up. A deployer
	// that watches switches back well within it.
	wayBack = 2 * time.Second
	// connectTimeout (timeout connect) is above 1 s so that one lost packet is
	// sent again by the kernel before it counts as a failure. It is also what
	// a request waits for a container that vanished, until its name has too.
	connectTimeout = 2 * time.Second
	// idleTimeout (timeout client, timeout server) ends a request or a stream
	// on which nothing moves. A view that computes longer than this without a
	// byte is answered 504.
	idleTimeout = 60 * time.Second
	// requestTimeout (timeout http-request) bounds the header of a request.
	requestTimeout = 30 * time.Second
	// keepTimeout (timeout http-keep-alive) closes a client's connection that
	// is idle. It is also how long an old worker can still get a request on a
	// kept connection after a reload, so it is short.
	keepTimeout = 15 * time.Second
	// tunnelTimeout (timeout tunnel) ends a WebSocket on which nothing moves.
	tunnelTimeout = time.Hour
	// finTimeout (timeout client-fin, timeout server-fin) ends a connection of
	// which one side is closed, such as a WebSocket whose client vanished.
	finTimeout = 10 * time.Second
	// drainDefault is the least time that an old worker keeps after a reload
	// (hard-stop-after, conf 3.1); a route's longer drain raises it, and
	// hardStopSlack comes on top: kept connections end before it.
	drainDefault  = 30 * time.Second
	hardStopSlack = 2 * keepTimeout
)

// How names are followed (conf 5.3). Each name is asked for anew every
// resolveEvery, whatever "hold valid" says, so this is the longest that a new
// place waits for its address, and that requests still go to an address which
// the engine has given to another container. A question costs the engine some
// 0.25 ms: eight names take 1 % of one core.
//
// That a name is gone is believed only when resolve_retries are used up: with
// their default of 3 this took 2.1 s, with 1 it takes resolveEvery, and with 0
// it never happens. Whether it is gone is answered by the host's own name
// server, to which the engine passes on what it does not know; while that one
// is out of order, the checks alone take a dead server out.
const resolveEvery = 250 * time.Millisecond

// maxConnections bounds the proxy's memory: a connection takes two buffers of
// 16 KiB while data waits in both directions and about 2 KiB else (conf 3.2,
// tune.bufsize), so at worst this is 140 MB of a 2 GB host. Without it HAProxy
// takes the limit from the container's file descriptors: a million.
const maxConnections = 4096

// Connections to servers are closed after each response (conf 4.2, "option
// http-server-close"), the clients' are kept. By default HAProxy keeps both,
// and one that a server closes for being idle, as Gunicorn does after 2 s and
// Node.js after 5 s, just as the next request is sent on it, loses that request:
// conf 4.2, "retry-on", has a retry for it, "empty-response", which would send a
// POST twice. A new connection on the same host costs some 0.1 ms.

// render writes the whole file: the structure, the places, and an end mark
// with a checksum that tells a file that was cut from a whole one.
func (l *layout) render(held seats) []byte {
	return seal(l.text(l.structure(), held))
}

// structure names what only a reload can change. It stands in the file as the
// process's description, which "show info" gives back (mgmt 9.3).
func (l *layout) structure() string {
	sum := sha256.Sum256([]byte(l.text("", nil)))
	return "structure-" + hex.EncodeToString(sum[:8])
}

func (l *layout) text(structure string, held seats) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by the deployment. Changes made here are lost with the next one.")
	line("global")
	line("    description %s", structure)
	line("    maxconn %d", maxConnections)
	line("    hard-stop-after %s", duration(l.hardStop))
	line("    stats socket %s/%s mode 660 level admin expose-fd listeners", MountPath, socketFile)
	line("    log stdout len 1024 format raw daemon")
	line("")
	line("# The engine's DNS. A name that is not there takes its server out at once; an")
	line("# engine that does not answer takes none out for a day.")
	line("resolvers docker")
	line("    nameserver engine 127.0.0.11:53")
	line("    timeout resolve %s", duration(resolveEvery))
	line("    timeout retry 1s")
	line("    resolve_retries 1")
	line("    hold nx 0s")
	line("    hold other 1s")
	line("    hold timeout 24h")
	line("    hold refused 24h")
	line("")
	line("defaults")
	line("    mode http")
	line("    log global")
	line("    # Only what went wrong, and paths without their query.")
	line("    option dontlog-normal")
	line(`    log-format "%%ci %%HM %%HP %%ft %%b/%%s %%ST %%ts %%Tw/%%Tc/%%Tr/%%Ta retries=%%rc"`)
	line("    timeout connect %s", duration(connectTimeout))
	line("    timeout client %s", duration(idleTimeout))
	line("    timeout server %s", duration(idleTimeout))
	line("    timeout http-request %s", duration(requestTimeout))
	line("    timeout http-keep-alive %s", duration(keepTimeout))
	line("    timeout tunnel %s", duration(tunnelTimeout))
	line("    timeout client-fin %s", duration(finTimeout))
	line("    timeout server-fin %s", duration(finTimeout))
	line("    # Clients keep their connections; a server gets one for each request: a server")
	line("    # that closes an idle one just as it is used again would lose a POST.")
	line("    option http-server-close")
	line("    option idle-close-on-response")
	line("    # Another try only where no connection came about, at once on another server.")
	line("    retries 3")
	line("    retry-on conn-failure")
	line("    option redispatch 1")
	line("    option forwardfor")
	for _, in := range l.frontends {
		line("")
		line("frontend listen:%d", in.port)
		line("    bind :%d", in.port)
		line("    # What stands before this proxy and ends TLS has said so already.")
		line("    http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }")
		maintenanceRules(line)
		for _, rule := range in.rules {
			line("    use_backend %s%s", rule.service, rule.condition())
		}
		line("    default_backend no-route:404")
	}
	line("")
	line("backend no-route:404")
	line("    http-request return status 404")
	line("")
	line("# Where no server is up, as when the only one has just crashed, a request waits for")
	line("# the way back once, before it is answered 503: the inspect-delay of each backend.")
	for _, of := range l.backends {
		line("")
		line("backend %s", of.service)
		line("    balance roundrobin")
		line("    tcp-request inspect-delay %s", duration(wayBack))
		line("    tcp-request content accept if { nbsrv gt 0 } or WAIT_END")
		line("    default-server resolvers docker resolve-prefer ipv4 check inter 1s fall 2 rise 1")
		for i := range of.slots {
			container := ""
			if held != nil {
				container = held[of.service][i]
			}
			if container == "" {
				line("    server %s %s:%d init-addr none disabled", slotName(i), UnusedName, of.port)
				continue
			}
			line("    server %s %s:%d init-addr libc,none", slotName(i), container, of.port)
		}
	}
	return b.String()
}

// condition is the rule's test, empty for one that takes all. A "/" is put
// behind the path so that /api takes /api and /api/x, and not /apix.
func (r rule) condition() string {
	var tests []string
	switch {
	case strings.HasPrefix(r.host, "*."):
		tests = append(tests, "{ req.hdr(host),host_only -m end -i "+r.host[1:]+" }")
	case r.host != "":
		tests = append(tests, "{ req.hdr(host),host_only -m str -i "+r.host+" }")
	}
	if r.path != "/" {
		tests = append(tests, "{ path,concat(/) -m beg "+r.path+" }")
	}
	if len(tests) == 0 {
		return ""
	}
	return " if " + strings.Join(tests, " ")
}

// slotName is the name of a place by its index: "s1" is the first.
func slotName(index int) string { return "s" + strconv.Itoa(index+1) }

// slotIndex reads the index back from the name.
func slotIndex(name string) (int, bool) {
	number, ok := strings.CutPrefix(name, "s")
	index, err := strconv.Atoi(number)
	return index - 1, ok && err == nil && index > 0
}

// duration is written in milliseconds, a unit that HAProxy has (conf 2.5).
func duration(d time.Duration) string {
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
