package conformance

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Visitor is who sends a request to a proxy.
type Visitor struct {
	// Forwarded is what stands in X-Forwarded-For, Pass in the pass's header;
	// empty for nothing.
	Forwarded, Pass string
}

const pass = "let-me-through"

// maintenance is one that lets the deployer through and these addresses.
func maintenance(admins ...netip.Prefix) *deploy.Maintenance {
	return &deploy.Maintenance{Message: "soon <again>", RetryAfter: 2 * time.Minute, Admins: admins, Pass: pass}
}

// turned asserts what becomes of a visitor's request to the first service.
func (s ProxySetup) turned(t *testing.T, who Visitor, away bool) {
	t.Helper()
	container, turnedAway, err := s.AskAs(t, s.service(), who)
	must(t, err)
	if turnedAway != away || turnedAway == (container != "") {
		t.Errorf("%+v: turned away: %t, answered by %q", who, turnedAway, container)
	}
	if maintained := s.observe(t).Maintained; away && !maintained {
		t.Error("no maintenance is observed")
	}
}

func (s ProxySetup) maintains(t *testing.T) {
	routing := s.serving(t)
	s.turned(t, Visitor{}, false)
	_, end := s.Hold(t, s.service())
	for range 2 {
		must(t, s.Proxy.Maintain(t.Context(), maintenance()))
	}
	s.turned(t, Visitor{}, true)
	s.turned(t, Visitor{Pass: "page"}, true)
	s.turned(t, Visitor{Pass: pass}, false)
	must(t, end())
	for range 2 {
		must(t, s.Proxy.Maintain(t.Context(), nil))
	}
	if s.observe(t).Maintained {
		t.Error("a maintenance is observed")
	}
	s.answers(t, s.service(), routing[s.service()]...)
}

func (s ProxySetup) admits(t *testing.T) {
	s.serving(t)
	behind := netip.MustParsePrefix("203.0.113.0/24")
	m := maintenance(netip.PrefixFrom(s.From, s.From.BitLen()), netip.MustParsePrefix("2001:db8::/32"))
	must(t, s.Proxy.Maintain(t.Context(), m))
	s.turned(t, Visitor{}, false)
	m = maintenance(behind)
	must(t, s.Proxy.Maintain(t.Context(), m))
	s.turned(t, Visitor{}, true)
	s.turned(t, Visitor{Forwarded: "203.0.113.9"}, true) // anybody can write that
	m.Forwarded = true
	must(t, s.Proxy.Maintain(t.Context(), m))
	s.turned(t, Visitor{Forwarded: "203.0.113.9"}, false)
	s.turned(t, Visitor{Forwarded: "198.51.100.1"}, true)
	s.turned(t, Visitor{}, true)
}

func (s ProxySetup) maintainsOn(t *testing.T) {
	routing := s.serving(t)
	must(t, s.Proxy.Maintain(t.Context(), maintenance()))
	c := s.next(t)
	moved := s.move(t, routing, c.Name)
	s.turned(t, Visitor{}, true)
	s.turned(t, Visitor{Pass: pass}, false)
	wider := slices.Clone(s.Routes)
	wider[0].Replicas += 8
	must(t, s.Proxy.Configure(t.Context(), wider, moved))
	s.turned(t, Visitor{}, true)
	s.turned(t, Visitor{Pass: pass}, false)
	s.StopProxy(t)
	s.StartProxy(t)
	eventually(t, "the proxy's start", func() bool { return s.observe(t).Up })
	s.turned(t, Visitor{}, true)
	eventually(t, "an answer behind the maintenance", func() bool {
		container, away, err := s.AskAs(t, s.service(), Visitor{Pass: pass})
		return err == nil && !away && container == c.Name
	})
	s.StopProxy(t)
	must(t, s.Proxy.Maintain(t.Context(), nil))
	s.StartProxy(t)
	eventually(t, "the proxy's start", func() bool { return s.observe(t).Up })
	s.answers(t, s.service(), c.Name)
}
