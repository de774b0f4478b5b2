package load_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

func everything() load.Profile {
	return load.Profile{
		Rate: 500, Conns: 8,
		Mix: []load.Request{
			{Kind: load.Get, Path: "/fast", Weight: 3},
			{Kind: load.Post, Path: "/orders", Weight: 1, Want: 201, Padding: 100},
		},
		Slow:      load.Loop{Path: "/slow", Count: 3},
		Stream:    load.Loop{Path: "/stream", Count: 3},
		WebSocket: load.Sessions{Path: "/ws", Count: 3, Length: 100 * time.Millisecond, Every: 20 * time.Millisecond},
	}
}

func TestACleanServerLosesNothingAndEveryRequestIsCounted(t *testing.T) {
	s := newSite()
	run := start(t, s, everything())
	awaitSent(t, run, 600)
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if r.Lost() != 0 || s.repeated() != 0 {
		t.Errorf("lost %d, repeated %d", r.Lost(), s.repeated())
	}
	for kind, path := range map[load.Kind]string{
		load.Get: "/fast", load.Post: "/orders", load.Slow: "/slow", load.Stream: "/stream", load.WebSocket: "/ws",
	} {
		expect(t, r, kind, 0, 0, 0)
		if sent, hits := r.Of(kind).Sent, s.hitsOf(path); sent != hits {
			t.Errorf("%v: sent %d, the server saw %d", kind, sent, hits)
		}
	}
	if len(r.Accepted) != r.Of(load.Post).OK || len(r.Unknown)+len(r.Refused) != 0 {
		t.Errorf("accepted %d, unknown %d, refused %d", len(r.Accepted), len(r.Unknown), len(r.Refused))
	}
	if err := r.Ledger(s.rows).Err(); err != nil {
		t.Error(err)
	}
	if len(r.Releases) != 1 || r.Releases[0].Name != "v1" || r.Releases[0].Count != r.Sent() {
		t.Errorf("releases %+v of %d", r.Releases, r.Sent())
	}
	if again := run.Stop(); again.Sent() != r.Sent() {
		t.Errorf("a second stop counts %d, the first %d", again.Sent(), r.Sent())
	}
}

func TestTheMixIsExact(t *testing.T) {
	p := everything()
	p.Rate, p.MaxRequests = 2000, 400
	p.Slow, p.Stream, p.WebSocket = load.Loop{}, load.Loop{}, load.Sessions{}
	run := start(t, newSite(), p)
	await(t, run, "the bound", func(r load.Report) bool { return !r.Ended.IsZero() })
	r := run.Stop()
	// The mix is exact in what was due. What was withdrawn was due before the last
	// that was sent, on a machine that had no time for it.
	beside := max(r.Of(load.Get).Sent-300, 300-r.Of(load.Get).Sent)
	if r.Sent() != 400 || beside > r.Withdrawn {
		t.Errorf("bound or mix missed:\n%s", r)
	}
	if err := r.Check(); err == nil || !strings.Contains(err.Error(), "max requests") {
		t.Errorf("a load that ended by itself passes: %v", err)
	}
}

func TestTheTimelineShowsASwitch(t *testing.T) {
	s := newSite()
	run := start(t, s, load.Profile{Rate: 400, Conns: 4, Mix: gets("/fast")})
	awaitSent(t, run, 50)
	s.switchTo("v2")
	switched := time.Now()
	await(t, run, "v2", func(r load.Report) bool { return len(r.Releases) == 2 && r.Releases[1].Count > 20 })
	r := run.Stop()
	v1, v2 := r.Releases[0], r.Releases[1]
	if v1.Name != "v1" || v2.Name != "v2" || v1.Count+v2.Count != r.Sent() {
		t.Errorf("releases %+v", r.Releases)
	}
	if v1.LastSent.After(switched) || v2.First.Before(v1.First) || v2.Last.Before(v1.Last) {
		t.Errorf("switched at %v: %+v", switched, r.Releases)
	}
}

func TestASlowServerDoesNotSlowTheSchedule(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /late", func(_ http.ResponseWriter, r *http.Request) { rest(r.Context(), 200*time.Millisecond) })
	run := start(t, s, load.Profile{Rate: 200, Conns: 2, MaxConns: 200, Mix: gets("/late")})
	awaitSent(t, run, 200)
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	// Two connections alone would carry 10 requests per second.
	if r.Sending > 5*time.Second || r.Dials < 20 {
		t.Errorf("sent in %v over %d connections", r.Sending, r.Dials)
	}
}

func TestLatencyCountsTheWaitForAConnection(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /late", func(_ http.ResponseWriter, r *http.Request) { rest(r.Context(), 50*time.Millisecond) })
	run := start(t, s, load.Profile{Rate: 40, Conns: 1, MaxConns: 1, Mix: gets("/late")})
	await(t, run, "answers", func(r load.Report) bool { return r.OK() >= 10 })
	r := run.Stop()
	// One connection carries 20/s of 40/s: the tenth answer is 225 ms late.
	if r.Of(load.Get).Latency.Max < 200*time.Millisecond || r.SlipMax < 150*time.Millisecond {
		t.Errorf("the wait is omitted:\n%s", r)
	}
	if r.Withdrawn == 0 {
		t.Errorf("what still waited at the end is not told:\n%s", r)
	}
}

func TestTheLongestGapIsAnOutage(t *testing.T) {
	s := newSite()
	gate := make(chan struct{})
	s.HandleFunc("GET /gate", func(http.ResponseWriter, *http.Request) { <-gate })
	run := start(t, s, load.Profile{Rate: 100, Conns: 2, Mix: gets("/gate")})
	await(t, run, "requests behind the gate", func(r load.Report) bool { return r.Sent() > 20 })
	close(gate)
	await(t, run, "answers", func(r load.Report) bool { return r.OK() > 30 })
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if r.LongestGap.Length < 150*time.Millisecond || r.LongestGap.Length > r.Sending {
		t.Errorf("gap %+v in %v", r.LongestGap, r.Sending)
	}
}

func TestTheContextEndsSendingAndStopStillReports(t *testing.T) {
	srv := httptest.NewServer(newSite())
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	p := everything()
	p.Targets = []load.Target{{Address: srv.Listener.Addr().String()}}
	run := load.Start(ctx, p)
	awaitSent(t, run, 100)
	cancel()
	await(t, run, "the end", func(r load.Report) bool { return !r.Ended.IsZero() })
	if err := run.Stop().Check(); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyRunIsNoSuccess(t *testing.T) {
	run := start(t, newSite(), load.Profile{Rate: 0.001, Conns: 1, Mix: []load.Request{
		{Kind: load.Get, Path: "/fast"}, {Kind: load.Post, Path: "/orders"},
	}})
	await(t, run, "the first", func(r load.Report) bool { return r.OK() == 1 })
	if err := run.Stop().Check(); err == nil || !strings.Contains(err.Error(), "no post succeeded") {
		t.Errorf("err = %v", err)
	}
}

func TestTheReportFitsEightyColumns(t *testing.T) {
	s := newSite()
	s.switchTo(strings.Repeat("long-", 10))
	s.HandleFunc("GET /bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p := everything()
	p.Mix = append(p.Mix, load.Request{Kind: load.Get, Path: "/bad"})
	run := start(t, s, p)
	awaitSent(t, run, 400)
	for line := range strings.Lines(run.Stop().String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
