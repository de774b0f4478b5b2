package deploy

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Maintenance is a page with 503 that the proxy answers instead of the routed
// services, to everybody but those who are let through. WebSockets, streams and
// requests that are open when it begins go on.
type Maintenance struct {
	// Message is the page's text, plain: what of it means something in HTML is
	// shown as it is.
	Message string `json:"message"`
	// RetryAfter is after how long a client may ask again, in whole seconds.
	RetryAfter time.Duration `json:"retry_after"`
	// Admins are the addresses that are let through.
	Admins []netip.Prefix `json:"admins"`
	// Forwarded says that a client's address is the last one in X-Forwarded-For:
	// nobody but this host can reach the proxy, so that what stands before it
	// has written that.
	Forwarded bool      `json:"forwarded"`
	Since     time.Time `json:"since"`
	// By is who ordered it: "anna@laptop".
	By string `json:"by,omitempty"`
	// Pass lets the deployer's own requests through: the value of PassHeader.
	Pass string `json:"-"`
}

// PassHeader is the request header with the deployer's pass. The proxy hands it
// on to nobody.
const PassHeader = "X-Deploy-Pass"

// Defaults and bounds of a maintenance.
const (
	DefaultMaintenanceMessage = "We are working on it and will be back shortly."
	DefaultRetryAfter         = 2 * time.Minute

	longestMessage    = 1000
	longestRetryAfter = 7 * 24 * time.Hour
	mostAdmins        = 100
)

// MaintenanceSettings is x-deploy.maintenance: what `mage maintenance on` does
// where it is told nothing else.
type MaintenanceSettings struct {
	// Message is the page's text; "We are working on it and will be back
	// shortly." where empty.
	Message string `mapstructure:"message"`
	// RetryAfter is after how long a client may ask again, from 1s to a week; 2m
	// where 0s.
	RetryAfter time.Duration `mapstructure:"retry_after"`
	// Admins are addresses and networks that are let through: "203.0.113.7",
	// "10.0.0.0/8".
	Admins []string `mapstructure:"admins"`
}

// ParseAdmins reads addresses and networks, also several in one text with
// commas between. It names everything that is none.
func ParseAdmins(texts ...string) ([]netip.Prefix, error) {
	var admins []netip.Prefix
	var mistakes []error
	for _, text := range texts {
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one == "" {
				continue
			}
			admin, err := parseAdmin(one)
			if err != nil {
				mistakes = append(mistakes, err)
			} else if !slices.Contains(admins, admin) {
				admins = append(admins, admin)
			}
		}
	}
	if len(admins) > mostAdmins {
		mistakes = append(mistakes, fmt.Errorf("%d addresses are more than %d: name their networks", len(admins), mostAdmins))
	}
	return admins, errors.Join(mistakes...)
}

func parseAdmin(text string) (netip.Prefix, error) {
	address, err := netip.ParseAddr(text)
	if err == nil {
		address = address.Unmap()
		if address.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q has a zone, which no address has that comes from elsewhere", text)
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no address; allowed: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32", text)
	case network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 network in IPv6's form: write it as 10.0.0.0/8 is", text)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q lets everybody through: then leave the maintenance off", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its mask: write %s, or one address without a mask", text, network.Masked())
	}
	return network, nil
}

// NewMaintenance makes one from the environment's settings. What is given there
// takes the settings' place; zero values give nothing.
func NewMaintenance(environment *Environment, given MaintenanceSettings) (*Maintenance, error) {
	set := environment.Settings.Maintenance
	made := &Maintenance{
		Message:    cmp.Or(given.Message, set.Message, DefaultMaintenanceMessage),
		RetryAfter: cmp.Or(given.RetryAfter, set.RetryAfter, DefaultRetryAfter),
		Forwarded:  environment.loopbackOnly(),
	}
	texts := set.Admins
	if len(given.Admins) > 0 {
		texts = given.Admins
	}
	var err error
	made.Admins, err = ParseAdmins(texts...)
	return made, errors.Join(wrongMessage(made.Message), wrongRetryAfter(made.RetryAfter), err)
}

func wrongMessage(message string) error {
	switch {
	case len(message) > longestMessage:
		return fmt.Errorf("the message has %d bytes; allowed: %d", len(message), longestMessage)
	case strings.ContainsFunc(message, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return errors.New("the message has control characters; allowed: text and line ends")
	}
	return nil
}

func wrongRetryAfter(after time.Duration) error {
	if after < time.Second || after > longestRetryAfter {
		return fmt.Errorf("retry after %s; allowed: 1s to %s", after, longestRetryAfter)
	}
	return nil
}

// checkMaintenance applies the rules to what the Compose file says.
func checkMaintenance(environment *Environment, mistakes *Mistakes) {
	set, path := environment.Settings.Maintenance, ExtensionKey+".maintenance"
	if err := wrongMessage(set.Message); err != nil {
		mistakes.add(path+".message", "%v", err)
	}
	if set.RetryAfter != 0 {
		if err := wrongRetryAfter(set.RetryAfter); err != nil {
			mistakes.add(path+".retry_after", "%v", err)
		}
	}
	for at, text := range set.Admins {
		if _, err := ParseAdmins(text); err != nil {
			mistakes.add(fmt.Sprintf("%s.admins[%d]", path, at), "%v", err)
		}
	}
}

// loopbackOnly says whether only this host reaches the proxy.
func (e *Environment) loopbackOnly() bool {
	proxy := e.Proxy()
	if proxy == nil {
		return false
	}
	published := false
	for _, port := range e.Project.Services[proxy.Name].Ports {
		if port.Published == "" {
			continue
		}
		published = true
		if address, err := netip.ParseAddr(port.HostIP); err != nil || !address.IsLoopback() {
			return false
		}
	}
	return published
}

// passes says whether the deployer's pass may be sent to an address: to this
// host, and to the names that the routes have. Nobody else gets to see it.
func (e *Environment) passes(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(parsed.Hostname())
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	if host == "localhost" {
		return true
	}
	for _, route := range e.Routes() {
		for _, name := range route.Hosts {
			name = strings.ToLower(name)
			if host == name || strings.HasPrefix(name, "*.") && strings.HasSuffix(host, name[1:]) {
				return true
			}
		}
	}
	return false
}

// Maintenance reads the one that is on; nil where none is.
func (s *Store) Maintenance() (*Maintenance, error) {
	content, err := os.ReadFile(s.path("maintenance.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read whether a maintenance is on: %w", err)
	}
	read := &Maintenance{}
	if err := json.Unmarshal(content, read); err != nil {
		return nil, &Failure{
			Err:  fmt.Errorf("%s %w: %w", s.path("maintenance.json"), errDamaged, err),
			Hint: "Type `mage maintenance on` or `mage maintenance off`: both write it anew.",
		}
	}
	return read, nil
}

// KeepMaintenance keeps what is on; nil for nothing.
func (s *Store) KeepMaintenance(m *Maintenance) error {
	path := s.path("maintenance.json")
	if m == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep that no maintenance is on: %w", err)
		}
		return syncDir(s.path())
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = writeFile(path, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep that a maintenance is on: %w", err)
	}
	return nil
}

// pass is what the deployer's own requests are let through a maintenance with,
// made at the first use.
func (s *Store) pass() (string, error) {
	path := s.path("maintenance.key")
	content, err := os.ReadFile(path)
	if pass := strings.TrimSpace(string(content)); err == nil && pass != "" {
		return pass, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the pass for a maintenance: %w", err)
	}
	pass := rand.Text()
	if err := writeSecret(path, []byte(pass+"\n")); err != nil {
		return "", fmt.Errorf("make the pass for a maintenance: %w", err)
	}
	return pass, nil
}
