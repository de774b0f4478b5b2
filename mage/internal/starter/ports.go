package starter

import (
	"regexp"
	"strconv"
	"strings"
)

// port is one port of a service, with what is written of the host's side.
type port struct {
	// host and published are as they are written, variables included.
	host, published string
	target          int
	protocol        string
}

// http says whether requests may come over it.
func (p port) http() bool {
	return (p.protocol != "udp" || p.tls()) && !notHTTP[p.target]
}

// tls says whether it is HTTPS's, HTTP/3's included.
func (p port) tls() bool { return p.target == 443 || p.published == "443" }

// notHTTP are ports of protocols that an HTTP proxy does not carry.
var notHTTP = map[int]bool{
	21: true, 22: true, 2222: true, 25: true, 53: true, 465: true, 587: true, 993: true, 1883: true, 5060: true,
}

// debugging are ports of debuggers and reloaders.
var debugging = map[int]string{
	9229: "Node.js's debugger", 5678: "debugpy", 24678: "Vite's reloader", 35729: "LiveReload", 9003: "Xdebug", 40000: "Delve", 5005: "Java's debugger", 1234: "a debugger",
}

// parsePort reads a port in either of Compose's forms.
func parsePort(value any) (port, bool) {
	if long := asMap(value); long != nil {
		target, err := strconv.Atoi(expand(text(long["target"])))
		return port{host: text(long["host_ip"]), published: text(long["published"]), target: target, protocol: text(long["protocol"])}, err == nil
	}
	short, protocol, _ := strings.Cut(text(value), "/")
	if strings.Contains(short, "$") && strings.Contains(text(value), "/tcp}") {
		return port{}, false
	}
	parts := splitOutside(short)
	last := parts[len(parts)-1]
	target, err := strconv.Atoi(expand(last))
	one := port{target: target, protocol: protocol}
	if len(parts) > 1 {
		one.published = parts[len(parts)-2]
	}
	if len(parts) > 2 {
		one.host = strings.Join(parts[:len(parts)-2], ":")
	}
	return one, err == nil
}

// splitOutside splits at the colons that stand in no ${…}.
func splitOutside(value string) []string {
	parts, depth, start := []string{}, 0, 0
	for at := range len(value) {
		switch value[at] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			if depth == 0 {
				parts, start = append(parts, value[start:at]), at+1
			}
		}
	}
	return append(parts, value[start:])
}

// on is the host's side of a port as the proxy is to have it.
func (p port) on(listen int) string {
	side := p.published + ":" + strconv.Itoa(listen)
	if p.host != "" {
		side = p.host + ":" + side
	}
	return side
}

// asked is the address under which the host itself reaches the port.
func (p port) asked() string {
	host := "127.0.0.1"
	if p.host != "" && p.host != "0.0.0.0" && !strings.ContainsAny(p.host, "$[:") {
		host = p.host
	}
	if p.published == "80" {
		return "http://" + host
	}
	return "http://" + host + ":" + p.published
}

var bound = regexp.MustCompile(`(?:--port|--bind|--http-port|-p|-b|runserver|addrport)[ =]+(?:[\w.*\[\]:]*:)?(\d{2,5})\b`)

// boundPort is the port that a command line says; 0 for none.
func boundPort(process string) int {
	if found := bound.FindStringSubmatch(process); found != nil {
		number, _ := strconv.Atoi(found[1]) // digits
		return number
	}
	return 0
}
