package show

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

func look() *session.Look {
	return &session.Look{
		At: time.Date(2026, 9, 21, 8, 30, 0, 0, time.Local), Environment: "production", Release: "v1.16.0", Seconds: 1.02,
		ProxyUp: true, HostMemoryBytes: 2048e6, HostMemoryAvailableBytes: 700e6,
		Services: []session.ServiceLook{
			{Service: "backend", Traffic: &session.Traffic{RequestsPerSecond: 12345.6, ErrorsPerSecond: 1234.5, ResponseMilliseconds: 12345, InFlight: 1234}, Containers: []session.ContainerLook{
				{Container: "webshop-backend-12", Serving: true, State: "ready", Traffic: &session.Traffic{RequestsPerSecond: 12345.6, ResponseMilliseconds: 999}, CPUPercent: 187.4, MemoryBytes: 512e6, MemoryLimitBytes: 16384e6},
				{Container: "webshop-backend-3", State: "drain", Traffic: &session.Traffic{InFlight: 1}, MemoryBytes: 60e6},
			}},
			{Service: "worker", Containers: []session.ContainerLook{{Container: "webshop-worker-1", Serving: true, State: "running", CPUPercent: 3, MemoryBytes: 80e6, MemoryLimitBytes: 256e6}}},
			{Service: "a-service-with-a-very-long-name", Containers: []session.ContainerLook{{Container: "webshop-a-service-with-a-very-long-name-1", State: "restarting"}}},
			{Service: "beat"},
		},
	}
}

func TestStatsFitInto80Columns(t *testing.T) {
	var out strings.Builder
	Stats(&out, look())
	want := `production v1.16.0  08:30:00  over 1.0 s  host 700 of 2048 MB free

                        STATE       REQ/S  5XX/S    MEAN  OPEN   CPU  MEMORY
backend                           12345.6 1234.5  12.3 s  1234
  backend-12            ready     12345.6    0.0  999 ms     0  187%  512/16384M
  backend-3 (old)       drain         0.0    0.0    0 ms     1    0%  60M
worker-1                running                                   3%  80/256M
a-service-with-a-very…  restarting                                 0%
beat                    none runs
`
	if out.String() != want {
		t.Errorf("got\n%s", &out)
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("wide: %s", line)
		}
	}
}

func TestStatsSayWhatIsNotAsUsual(t *testing.T) {
	var out strings.Builder
	l := look()
	l.Maintenance, l.ProxyUp = true, false
	Stats(&out, l)
	for _, want := range []string{"maintenance is on: visitors get 503\n", "the proxy does not answer"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestRedrawLeavesNothingOfTheTextBefore(t *testing.T) {
	var out strings.Builder
	if err := Redraw(&out, "one\ntwo\nthree\nfour\n", 4, true); err != nil {
		t.Fatal(err)
	}
	if err := Redraw(&out, "1\n", 4, false); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[2J\x1b[Hone\x1b[K\ntwo\x1b[K\nthree\x1b[K\n\x1b[J" + "\x1b[H1\x1b[K\n\x1b[J"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestSwitched(t *testing.T) {
	m := &deploy.Maintenance{
		Message: strings.Repeat("We move house. ", 8), RetryAfter: 2 * time.Minute, Forwarded: true,
		Admins: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("10.0.0.0/8")},
	}
	var out strings.Builder
	Switched(&out, &session.Switched{Maintenance: m})
	want := `maintenance is on: visitors get 503 and Retry-After: 120
  page   We move house. We move house. We move house. We move house. We move
         house. We move house. We move house. We move house.
  admits 203.0.113.7, 10.0.0.0/8, by the last X-Forwarded-For of what stands
         before the proxy
  end it with: mage maintenance off
! the proxy does not answer: it will be so once it starts
`
	if out.String() != want {
		t.Errorf("got\n%s", &out)
	}
	out.Reset()
	Switched(&out, &session.Switched{Before: &deploy.Maintenance{Since: time.Now().Add(-90 * time.Second)}, Running: true})
	Switched(&out, &session.Switched{Running: true})
	if out.String() != "maintenance is off, after 1 min\nmaintenance is off, as it was\n" {
		t.Errorf("got\n%s", &out)
	}
}
