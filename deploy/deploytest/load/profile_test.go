package load

import (
	"strings"
	"testing"
	"time"
)

func TestValidateNamesEveryMistake(t *testing.T) {
	err := Profile{
		Targets: []Target{
			{Address: "93.184.216.34:80"}, {Address: "localhost:80"}, {Address: "127.0.0.1:80", Host: "a\r\nb"},
			{Address: "[fd00::1]:80"}, {Address: "169.254.169.254:80"}, {Address: "127.0.0.1:0"}, {Address: "0.0.0.0:80"},
		},
		Rate:        -1,
		Mix:         []Request{{Kind: Slow, Path: "x y", Weight: -1, Want: 100}},
		Slow:        Loop{Count: 1},
		WebSocket:   Sessions{Path: "/", Count: -1},
		Conns:       10,
		MaxConns:    5,
		Drain:       -1,
		MaxRequests: -1,
		Prefix:      "a b",
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"targets[0]: address", "targets[1]: address", "targets[2]: host", "targets[3]: address", "targets[4]: address",
		"targets[5]: address", "targets[6]: address", "rate:", "rate and mix", "mix[0]: kind", "mix[0]: path",
		"mix[0]: weight", "mix[0]: want", "slow: path", "websocket: count", "max conns", "drain", "max requests", "prefix",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}

func TestHomeAddressesPass(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1", "[::1]:80", "10.1.2.3:80", "172.17.0.2:8080", "192.168.1.1:443", "[::ffff:127.0.0.1]:80"} {
		if err := checkAddress(address); err != nil {
			t.Error(err)
		}
	}
	for _, address := range []string{"172.32.0.1:80", "192.169.0.1:80", "100.64.0.1:80", "8.8.8.8:53", "[::ffff:8.8.8.8]:80", "10.0.0.1"} {
		if checkAddress(address) == nil {
			t.Errorf("%s passes", address)
		}
	}
}

func TestStartRefusesAnInvalidProfile(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Start(t.Context(), Profile{Targets: []Target{{Address: "8.8.8.8:80"}}, Rate: 1, Mix: []Request{{Path: "/"}}})
}

func TestTheCycleSpreadsTheMix(t *testing.T) {
	p := Profile{Mix: []Request{{Weight: 5}, {Weight: 1}, {Weight: 2}}}
	counts := make([]int, 3)
	run, longest, last := 0, 0, -1
	for _, i := range p.cycle() {
		counts[i]++
		if i != last {
			run = 0
		}
		run++
		last = i
		longest = max(longest, run)
	}
	if counts[0] != 5 || counts[1] != 1 || counts[2] != 2 || longest > 2 {
		t.Errorf("cycle %v, counts %v", p.cycle(), counts)
	}
}

func TestTheHistogramIsExactToThreePercent(t *testing.T) {
	for d := time.Nanosecond; d < time.Hour; d = d*5/4 + 1 {
		i := bucket(d)
		if edge(i) < d || float64(edge(i)) > float64(d)*1.032+1 {
			t.Fatalf("%v is in bucket %d up to %v", d, i, edge(i))
		}
		if bucket(edge(i)) != i || bucket(edge(i)+1) != i+1 {
			t.Fatalf("bucket %d ends elsewhere than at %v", i, edge(i))
		}
	}
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	got := h.latency()
	within := func(got, want time.Duration) bool { return got >= want && float64(got) < float64(want)*1.035 }
	if !within(got.P50, 500*time.Millisecond) || !within(got.P99, 990*time.Millisecond) || got.Max != time.Second {
		t.Errorf("latency %+v", got)
	}
}
