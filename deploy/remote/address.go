package remote

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Address is how a host is named by people, taken apart.
type Address struct {
	// User is empty where the configuration decides.
	User string
	// Host is a name, an IP address without brackets or an alias of
	// ~/.ssh/config.
	Host string
	// Port is 0 where the configuration decides.
	Port int
}

// String gives the address as it may be written again.
func (a Address) String() string {
	text := a.Host
	switch {
	case a.Port != 0:
		text = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	case strings.Contains(a.Host, ":"):
		text = "[" + a.Host + "]"
	}
	if a.User != "" {
		text = a.User + "@" + text
	}
	return text
}

// ParseHost takes a host apart as the Compose file writes it. What is not
// allowed is a *deploy.Failure that says what is.
func ParseHost(text string) (Address, error) {
	address, err := parseHost(text)
	if err != nil {
		shown := text
		if before, _, found := strings.Cut(text, "@"); found && strings.Contains(strings.TrimPrefix(before, "ssh://"), ":") {
			shown = "…@" + text[strings.LastIndex(text, "@")+1:] // what may be a password is not repeated
		}
		return Address{}, &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("read host %q: %w", shown, err),
			Hint:   "allowed are deploy@shop.example, ssh://deploy@shop.example:2222 or an alias of ~/.ssh/config",
		}
	}
	return address, nil
}

func parseHost(text string) (Address, error) {
	var address Address
	rest := text
	if scheme, after, found := strings.Cut(text, "://"); found {
		if !strings.EqualFold(scheme, "ssh") {
			return address, fmt.Errorf("%s:// is not how a host is reached", scheme)
		}
		rest = strings.TrimSuffix(after, "/")
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		address.User, rest = rest[:at], rest[at+1:]
		switch {
		case address.User == "":
			return address, errors.New("there is no user before the @")
		case strings.Contains(address.User, ":"):
			return address, errors.New("a password is not allowed here: keys are used")
		case !isPlain(address.User):
			return address, errors.New("the user has characters that no user name has")
		}
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return address, err
	}
	address.Host, address.Port = host, port
	switch {
	case host == "":
		return address, errors.New("there is no host")
	case strings.Contains(host, "/"):
		return address, errors.New("a path is not allowed: the folder is x-deploy.directory")
	case !isPlain(host):
		return address, errors.New("the host has characters that no host name has")
	}
	return address, nil
}

// splitPort takes "host", "host:port" and "[address]:port" apart.
func splitPort(text string) (host string, port int, err error) {
	host = text
	digits, numbered := "", false
	switch {
	case strings.HasPrefix(text, "["):
		inside, after, closed := strings.Cut(text[1:], "]")
		if !closed {
			return "", 0, errors.New("the bracket of the address is not closed")
		}
		host = inside
		if digits, numbered = strings.CutPrefix(after, ":"); !numbered && after != "" {
			return "", 0, fmt.Errorf("%q follows the address", after)
		}
	case strings.Count(text, ":") == 1:
		host, digits, numbered = strings.Cut(text, ":")
	case strings.Count(text, ":") > 1:
		return "", 0, errors.New("an IPv6 address is written in brackets")
	}
	if !numbered {
		return host, 0, nil
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", digits)
	}
	return host, port, nil
}

// isPlain says whether a name can be printed and typed into a shell as it is.
func isPlain(name string) bool {
	if strings.HasPrefix(name, "-") {
		return false
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("'\"`$&;|<>(){}*?!\\#~", r) {
			return false
		}
	}
	return true
}
