package remote

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// target is one host with all that its configuration says.
type target struct {
	// alias is the host as it was written.
	alias string
	user  string
	host  string
	port  int
	// identities are key files; chosen says that the configuration names them.
	identities []string
	chosen     bool
	// identitiesOnly keeps the agent's other keys back.
	identitiesOnly bool
	// agent is the agent's socket or pipe; empty for none.
	agent string
	// jumps are the hosts on the way, the nearest first.
	jumps []string
	// knownAs is the name in the known_hosts files.
	knownAs    string
	knownPort  int
	knownFiles []string
	timeout    time.Duration
	// interval is how often the host is asked whether it is there, and missed
	// how many answers may be missing.
	interval time.Duration
	missed   int
	home     string
	ignored  []string
}

// address is host:port.
func (t *target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// String names the target in messages.
func (t *target) String() string { return t.address() + " as " + t.user }

// failure is what failed in connecting.
func (t *target) failure(cause error, hint, sentence string) error {
	failure := fail(cause, hint, "connect to "+t.String()+": "+sentence)
	for _, one := range t.ignored {
		failure.Hint += "\nnot used of the ssh configuration: " + one
	}
	return failure
}

// resolve joins what was written with what the configuration says.
func resolve(options Options, written string) (*target, error) {
	address, err := ParseHost(written)
	if err != nil {
		return nil, err
	}
	s, err := readConfig(options, address.Host)
	if err != nil {
		return nil, err
	}
	t := &target{alias: address.Host, home: options.Home, ignored: s.ignored}
	local := localUser(options)
	t.user = cmp.Or(address.User, s.first("user"), local)
	t.host = s.expand(cmp.Or(s.first("hostname"), address.Host), map[byte]string{'h': address.Host, 'n': address.Host})
	tokens := map[byte]string{
		'd': options.Home, 'h': t.host, 'n': address.Host, 'r': t.user, 'u': local,
	}
	if err := t.number(s, options, address.Port); err != nil {
		return nil, err
	}
	tokens['p'] = strconv.Itoa(t.port)
	path := func(value string) string {
		value = expandHome(options.Home, s.expand(value, tokens))
		if !filepath.IsAbs(value) {
			value = filepath.Join(options.Home, ".ssh", value)
		}
		return value
	}
	for _, value := range s.values["identityfile"] {
		t.chosen = true
		if !strings.EqualFold(value, "none") {
			t.identities = append(t.identities, path(value))
		}
	}
	if !t.chosen {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			t.identities = append(t.identities, filepath.Join(options.Home, ".ssh", name))
		}
	}
	t.identitiesOnly = strings.EqualFold(s.first("identitiesonly"), "yes")
	t.agent = agentSocket(options, s, path)
	t.knownBy(s, path)
	if err := t.way(s); err != nil {
		return nil, err
	}
	return t, nil
}

// number reads what has to be numbers.
func (t *target) number(s *settings, options Options, port int) error {
	t.port = cmp.Or(port, 22)
	if value := s.first("port"); value != "" && port == 0 {
		number, err := strconv.Atoi(value)
		if err != nil || number < 1 || number > 65535 {
			return fail(nil, "write a number from 1 to 65535", fmt.Sprintf("read the ssh configuration of %s: Port %q", t.alias, value))
		}
		t.port = number
	}
	t.timeout = cmp.Or(options.Timeout, connectTimeout)
	if options.Timeout == 0 {
		if err := t.duration(s, "ConnectTimeout", &t.timeout); err != nil {
			return err
		}
	}
	t.interval, t.missed = cmp.Or(options.KeepAlive, keepAlive), keepAlivesMissed
	if options.KeepAlive != 0 {
		return nil
	}
	if err := t.duration(s, "ServerAliveInterval", &t.interval); err != nil {
		return err
	}
	value := s.first("serveralivecountmax")
	if value == "" {
		return nil
	}
	missed, err := strconv.Atoi(value)
	if err != nil || missed < 1 {
		return fail(nil, "write a number from 1", fmt.Sprintf("read the ssh configuration of %s: ServerAliveCountMax %q", t.alias, value))
	}
	t.missed = missed
	return nil
}

// duration reads seconds, where they are said; none and 0 leave what is usual:
// a connection that is never asked after would never be known to be lost.
func (t *target) duration(s *settings, key string, into *time.Duration) error {
	value := s.first(strings.ToLower(key))
	if value == "" || value == "0" || strings.EqualFold(value, "none") {
		return nil
	}
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds < 1 {
		return fail(nil, "write a number of seconds", fmt.Sprintf("read the ssh configuration of %s: %s %q", t.alias, key, value))
	}
	*into = time.Duration(seconds) * time.Second
	return nil
}

// knownBy says where the host's key is looked up, and under which name: an
// alias stands there without a port.
func (t *target) knownBy(s *settings, path func(string) string) {
	t.knownAs, t.knownPort = strings.ToLower(t.host), t.port
	if alias := s.first("hostkeyalias"); alias != "" {
		t.knownAs, t.knownPort = strings.ToLower(alias), 22
	}
	for _, keyword := range []string{"userknownhostsfile", "globalknownhostsfile"} {
		files := words(s.first(keyword))
		if len(files) == 0 {
			files = knownHostsFiles(keyword)
		}
		for _, file := range files {
			if !strings.EqualFold(file, "none") {
				t.knownFiles = append(t.knownFiles, path(file))
			}
		}
	}
}

func knownHostsFiles(keyword string) []string {
	if keyword == "userknownhostsfile" {
		return []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
	}
	folder := "/etc/ssh"
	if runtime.GOOS == "windows" {
		folder = filepath.Join(os.Getenv("ProgramData"), "ssh")
	}
	return []string{filepath.Join(folder, "ssh_known_hosts"), filepath.Join(folder, "ssh_known_hosts2")}
}

// way reads the hosts on the way.
func (t *target) way(s *settings) error {
	jump := s.first("proxyjump")
	if jump == "" {
		if command := s.first("proxycommand"); command != "" && !strings.EqualFold(command, "none") {
			return t.failure(errors.New("a ProxyCommand is not run"), "write ProxyJump into ~/.ssh/config instead", "reach it by the ssh configuration")
		}
		return nil
	}
	if strings.EqualFold(jump, "none") {
		return nil
	}
	for one := range strings.SplitSeq(jump, ",") {
		t.jumps = append(t.jumps, strings.TrimSpace(one))
	}
	return nil
}

// expand replaces ssh's tokens (%h) and environment variables (${NAME}).
func (s *settings) expand(value string, tokens map[byte]string) string {
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '%' && i+1 < len(value):
			i++
			if value[i] == '%' {
				out.WriteByte('%')
			} else if token, known := tokens[value[i]]; known {
				out.WriteString(token)
			} else {
				out.WriteString(value[i-1 : i+1])
			}
		case strings.HasPrefix(value[i:], "${") && strings.Contains(value[i:], "}"):
			end := i + strings.Index(value[i:], "}")
			out.WriteString(s.environment(value[i+2 : end]))
			i = end
		default:
			out.WriteByte(value[i])
		}
	}
	return out.String()
}

// localUser is who runs this, without Windows' domain.
func localUser(options Options) string {
	name := cmp.Or(options.env("USER"), options.env("USERNAME"))
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	return name[strings.LastIndex(name, `\`)+1:]
}
