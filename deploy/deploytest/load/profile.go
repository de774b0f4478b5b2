// Package load sends requests at a constant rate and accounts for every single
// one of them, so that a test can fail on one lost request.
//
// It has an HTTP/1.1 client of its own, because net/http's Transport repeats
// idempotent requests when a kept connection turns out to be closed, and a
// repeated request is a lost one. Here nothing is ever repeated: a request of
// which one byte was written, or whose connection could not be made, ends as
// exactly one of OK, Failed, Lost or Cut.
//
// It sends to loopback and to private IPv4 addresses only.
package load

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Defaults of a Profile's fields left at zero.
const (
	DefaultConns         = 32
	DefaultMaxConns      = 512
	DefaultTimeout       = 15 * time.Second
	DefaultDrain         = 30 * time.Second
	DefaultMaxRequests   = 2_000_000
	DefaultMaxDuration   = 15 * time.Minute
	DefaultReleaseHeader = "X-Release"
	DefaultSessionLength = 4 * time.Second
	DefaultSessionEvery  = 250 * time.Millisecond
)

// Limits that a Profile cannot raise.
const (
	limitRate     = 50_000
	limitConns    = 4096
	limitRequests = 20_000_000
	limitDuration = 2 * time.Hour
	limitWeights  = 1000
	limitPadding  = 1 << 20
	limitPrefix   = 64
)

// Kind is what sort of request it was.
type Kind int

// The kinds, in the order of a Report.
const (
	Get Kind = iota
	Post
	Slow
	Stream
	WebSocket
	kinds int = iota
)

// String is the kind's name in a report.
func (k Kind) String() string {
	switch k {
	case Get:
		return "get"
	case Post:
		return "post"
	case Slow:
		return "slow"
	case Stream:
		return "stream"
	case WebSocket:
		return "websocket"
	default:
		return fmt.Sprintf("kind %d", int(k))
	}
}

// long tells kinds that stay open for seconds and may outlive a drain deadline.
func (k Kind) long() bool { return k >= Slow }

// Target is where requests go: an IP address with port, and the Host to name.
type Target struct {
	Address string
	Host    string // default: Address
}

// Request is one entry of the mix that makes up Rate.
type Request struct {
	Kind    Kind // Get or Post
	Path    string
	Weight  int // default 1
	Want    int // the only status that is OK; 0: any 2xx
	Padding int // Post: bytes of padding in the JSON body
}

// Loop is a number of connections that ask for one path again and again, each
// beginning when its last answer is complete.
type Loop struct {
	Path  string
	Count int
}

// Sessions is a number of WebSockets held open one after the other: each sends
// a message Every so often, awaits its echo, and closes after Length.
type Sessions struct {
	Path   string
	Count  int
	Length time.Duration
	Every  time.Duration
}

// Profile says what to send.
type Profile struct {
	Targets []Target // connections are spread over them in turn
	Rate    float64  // requests of Mix per second, on a schedule no answer can delay
	Mix     []Request

	Slow      Loop     // requests that take seconds
	Stream    Loop     // chunked answers that must be complete
	WebSocket Sessions // sessions that must be ended by us

	Conns    int // kept connections that carry Rate
	MaxConns int // while all are busy, more are opened up to this many

	Timeout  time.Duration // longest wait of a request of Mix, of a dial, and of an echo
	Patience time.Duration // longest slow request or stream; default: 10 x Timeout
	Drain    time.Duration // what is in flight at Stop gets this long to finish

	Prefix        string // of the ids; default: random
	ReleaseHeader string // which header of an answer names the release
	MaxRequests   int    // sending ends by itself after so many
	MaxDuration   time.Duration
}

// Validate names every mistake of the profile.
func (p Profile) Validate() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	if len(p.Targets) == 0 {
		add("targets: at least one is needed")
	}
	for i, t := range p.Targets {
		if err := checkAddress(t.Address); err != nil {
			add("targets[%d]: %w", i, err)
		}
		if !fitsHeader(t.Host) {
			add("targets[%d]: host %q does not fit a header", i, t.Host)
		}
	}
	if p.Rate < 0 || p.Rate > limitRate {
		add("rate: %g is not between 0 and %d", p.Rate, limitRate)
	}
	if (p.Rate > 0) != (len(p.Mix) > 0) {
		add("rate and mix: one needs the other")
	}
	weights := 0
	for i, r := range p.Mix {
		wrong = append(wrong, r.check(i)...)
		weights += cmp.Or(r.Weight, 1)
	}
	if weights > limitWeights {
		add("mix: weights add up to %d, more than %d", weights, limitWeights)
	}
	loops := []struct {
		name, path string
		count      int
	}{
		{"slow", p.Slow.Path, p.Slow.Count},
		{"stream", p.Stream.Path, p.Stream.Count},
		{"websocket", p.WebSocket.Path, p.WebSocket.Count},
	}
	running := 0
	for _, l := range loops {
		if l.count < 0 || l.count > limitConns {
			add("%s: count %d is not between 0 and %d", l.name, l.count, limitConns)
		}
		if l.count > 0 && !fitsPath(l.path) {
			add("%s: path %q does not begin with / or does not fit a request line", l.name, l.path)
		}
		running += max(l.count, 0)
	}
	if running == 0 && p.Rate == 0 {
		add("rate, slow, stream and websocket: nothing to send")
	}
	if p.Conns < 0 || p.Conns > limitConns || p.MaxConns < 0 || p.MaxConns > limitConns {
		add("conns and max conns: not between 0 and %d", limitConns)
	}
	if p.MaxConns > 0 && p.MaxConns < cmp.Or(p.Conns, DefaultConns) {
		add("max conns: %d is less than conns", p.MaxConns)
	}
	if min(p.Timeout, p.Patience, p.Drain, p.MaxDuration, p.WebSocket.Length, p.WebSocket.Every) < 0 {
		add("timeout, patience, drain, max duration, websocket length and every: none may be negative")
	}
	if p.MaxDuration > limitDuration {
		add("max duration: %v is more than %v", p.MaxDuration, limitDuration)
	}
	if p.MaxRequests < 0 || p.MaxRequests > limitRequests {
		add("max requests: %d is not between 0 and %d", p.MaxRequests, limitRequests)
	}
	if !fitsID(p.Prefix) {
		add("prefix: %q is not made of at most %d letters, digits, dots, dashes and underscores", p.Prefix, limitPrefix)
	}
	if !fitsHeader(p.ReleaseHeader) {
		add("release header: %q does not fit a header", p.ReleaseHeader)
	}
	return errors.Join(wrong...)
}

func (r Request) check(i int) []error {
	var wrong []error
	if r.Kind != Get && r.Kind != Post {
		wrong = append(wrong, fmt.Errorf("mix[%d]: kind %v is neither get nor post", i, r.Kind))
	}
	if !fitsPath(r.Path) {
		wrong = append(wrong, fmt.Errorf("mix[%d]: path %q does not begin with / or does not fit a request line", i, r.Path))
	}
	if r.Weight < 0 || r.Padding < 0 || r.Padding > limitPadding {
		wrong = append(wrong, fmt.Errorf("mix[%d]: weight %d or padding %d out of range", i, r.Weight, r.Padding))
	}
	if r.Want != 0 && (r.Want < 200 || r.Want > 599) {
		wrong = append(wrong, fmt.Errorf("mix[%d]: want %d is no final status", i, r.Want))
	}
	return wrong
}

// withDefaults fills what was left at zero.
func (p Profile) withDefaults() Profile {
	p.Conns = cmp.Or(p.Conns, DefaultConns)
	p.MaxConns = cmp.Or(p.MaxConns, max(DefaultMaxConns, p.Conns))
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.Patience = cmp.Or(p.Patience, 10*p.Timeout)
	p.Drain = cmp.Or(p.Drain, DefaultDrain)
	p.MaxRequests = cmp.Or(p.MaxRequests, DefaultMaxRequests)
	p.MaxDuration = cmp.Or(p.MaxDuration, DefaultMaxDuration)
	p.ReleaseHeader = cmp.Or(p.ReleaseHeader, DefaultReleaseHeader)
	p.WebSocket.Length = cmp.Or(p.WebSocket.Length, DefaultSessionLength)
	p.WebSocket.Every = cmp.Or(p.WebSocket.Every, DefaultSessionEvery)
	p.Prefix = cmp.Or(p.Prefix, strings.ToLower(rand.Text()[:10]))
	targets := make([]Target, len(p.Targets))
	for i, t := range p.Targets {
		targets[i] = Target{Address: t.Address, Host: cmp.Or(t.Host, t.Address)}
	}
	p.Targets = targets
	mix := make([]Request, len(p.Mix))
	for i, r := range p.Mix {
		r.Weight = cmp.Or(r.Weight, 1)
		mix[i] = r
	}
	p.Mix = mix
	return p
}

// cycle spreads the mix evenly by smooth weighted round robin, so that the
// counts of a run are exact and repeatable.
func (p Profile) cycle() []int {
	total := 0
	for _, r := range p.Mix {
		total += r.Weight
	}
	credit := make([]int, len(p.Mix))
	order := make([]int, 0, total)
	for range total {
		best := 0
		for i, r := range p.Mix {
			credit[i] += r.Weight
			if credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= total
		order = append(order, best)
	}
	return order
}

// checkAddress keeps test traffic in the house: names are refused because they
// can resolve to anything by the time they are dialled.
func checkAddress(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q is not an IP address with a port: %w", address, err)
	}
	ip := ap.Addr().Unmap()
	if ap.Port() == 0 || !ip.IsLoopback() && (!ip.Is4() || !ip.IsPrivate()) {
		return fmt.Errorf("address %q is neither loopback nor a private IPv4 address", address)
	}
	return nil
}

func fitsHeader(s string) bool { return !strings.ContainsFunc(s, unprintable) }

func fitsPath(s string) bool { return strings.HasPrefix(s, "/") && fitsHeader(s) }

func unprintable(r rune) bool { return r <= ' ' || r >= 0x7F }

func fitsID(s string) bool {
	return len(s) <= limitPrefix && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}
