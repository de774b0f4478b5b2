package load_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// every spoils each n-th request of a path and serves the others well.
func every(n int64, spoiled *atomic.Int64, spoil, well http.HandlerFunc) http.HandlerFunc {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if count.Add(1)%n != 0 {
			well(w, r)
			return
		}
		spoiled.Add(1)
		spoil(w, r)
	}
}

func well(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// TestEveryLossOfARequestIsDetected spoils every seventh GET in one way each
// and wants exactly as many to be counted, with that reason, and none repeated.
func TestEveryLossOfARequestIsDetected(t *testing.T) {
	raw := func(answer string, end func(*net.TCPConn)) func(*testing.T) http.HandlerFunc {
		return func(t *testing.T) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				conn, _ := hijack(t, w)
				_, _ = io.WriteString(conn, answer)
				end(conn)
			}
		}
	}
	fin := func(c *net.TCPConn) { _ = c.Close() }
	tests := []struct {
		name, reason string
		failed       bool
		spoil        func(*testing.T) http.HandlerFunc
	}{
		{"close before the answer", "closed before answer", false, raw("", fin)},
		{"reset before the answer", "reset", false, raw("", reset)},
		{"close in the status line", "closed mid-answer", false, raw("HTTP/1.1 20", fin)},
		{"close in the headers", "closed mid-answer", false, raw("HTTP/1.1 200 OK\r\nContent-Le", fin)},
		{"close before the body", "closed mid-answer", false, raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", fin)},
		{"close in the body", "closed mid-answer", false, raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", fin)},
		{"close in a chunk", "closed mid-answer", false,
			raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", fin)},
		{"no final chunk", "closed mid-answer", false,
			raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", fin)},
		{"half a final chunk", "closed mid-answer", false,
			raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", fin)},
		{"no length", "malformed answer", true, raw("HTTP/1.1 200 OK\r\n\r\nhello", fin)},
		{"no HTTP", "malformed answer", true, raw("SSH-2.0-OpenSSH_9.9\r\n", fin)},
		{"another request's answer", "answer to another request", true,
			raw("HTTP/1.1 200 OK\r\nX-Load-Id: other-1\r\nContent-Length: 0\r\n\r\n", fin)},
		{"500", "status 500", true, func(*testing.T) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sorry", http.StatusInternalServerError) }
		}},
		{"404", "status 404", true, func(*testing.T) http.HandlerFunc { return http.NotFound }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite()
			var spoiled atomic.Int64
			s.HandleFunc("GET /spoiled", every(7, &spoiled, tt.spoil(t), well))
			run := start(t, s, load.Profile{Rate: 500, Conns: 4, Mix: gets("/spoiled")})
			awaitSent(t, run, 100)
			r := run.Stop()
			n := int(spoiled.Load())
			if tt.failed {
				expect(t, r, load.Get, n, 0, 0)
			} else {
				expect(t, r, load.Get, 0, n, 0)
			}
			got := r.Of(load.Get)
			if n == 0 || got.Reasons[tt.reason] != n || r.Lost() != n || r.Check() == nil {
				t.Errorf("%d spoiled, want all with reason %q:\n%s", n, tt.reason, r)
			}
			if got.Sent != s.hitsOf("/spoiled") || s.repeated() != 0 {
				t.Errorf("sent %d, arrived %d, repeated %d", got.Sent, s.hitsOf("/spoiled"), s.repeated())
			}
		})
	}
}

func TestACloseRacingWithAKeptRequestIsLost(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /first-only", func(w http.ResponseWriter, _ *http.Request) {
		// Answers, and closes as soon as the next request comes on this connection.
		conn, rw := hijack(t, w)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = rw.ReadByte()
		_ = conn.Close()
	})
	run := start(t, s, load.Profile{Rate: 200, Conns: 1, MaxConns: 1, Mix: gets("/first-only")})
	awaitSent(t, run, 40)
	r := run.Stop()
	got := r.Of(load.Get)
	if got.Lost == 0 || got.Lost < got.Sent/2-1 || got.OK != s.hitsOf("/first-only") {
		t.Errorf("every second request was lost, %d arrived:\n%s", s.hitsOf("/first-only"), r)
	}
	if f := r.Failures[0]; f.Reuse != 1 {
		t.Errorf("failure %+v does not tell the kept connection", f)
	}
}

func TestAnIdleCloseIsNoLoss(t *testing.T) {
	srv := httptest.NewUnstartedServer(newSite())
	srv.Config.IdleTimeout = 10 * time.Millisecond
	srv.Start()
	defer srv.Close()
	run := startAt(t, srv.Listener.Addr().String(), load.Profile{Rate: 8, Conns: 1, MaxConns: 1, Mix: gets("/fast")})
	await(t, run, "idle closes", func(r load.Report) bool { return r.IdleCloses >= 3 })
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if r.Dials != r.IdleCloses+1 {
		t.Errorf("dials %d, idle closes %d", r.Dials, r.IdleCloses)
	}
}

func TestAnAnnouncedCloseIsNoLoss(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /last", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	run := start(t, s, load.Profile{Rate: 300, Conns: 3, Mix: gets("/last")})
	awaitSent(t, run, 50)
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if r.AnnouncedCloses != r.Sent() || r.Dials != r.Sent() {
		t.Errorf("sent %d, announced %d, dials %d", r.Sent(), r.AnnouncedCloses, r.Dials)
	}
}

func TestBytesNobodyAskedForAreAFault(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /double", func(w http.ResponseWriter, _ *http.Request) {
		conn, _ := hijack(t, w)
		_, _ = io.WriteString(conn, strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 2))
	})
	run := start(t, s, load.Profile{Rate: 100, Conns: 1, Mix: gets("/double")})
	awaitSent(t, run, 5)
	r := run.Stop()
	if r.Unsolicited == 0 || r.Unsolicited != r.Lost() || r.Check() == nil {
		t.Errorf("unsolicited %d, lost %d", r.Unsolicited, r.Lost())
	}
}

func TestAResetAfterTheRowLeavesThePostUnknown(t *testing.T) {
	s := newSite()
	var spoiled atomic.Int64
	s.HandleFunc("POST /fragile", every(5, &spoiled, func(w http.ResponseWriter, r *http.Request) {
		s.row(r)
		conn, _ := hijack(t, w)
		reset(conn)
	}, func(w http.ResponseWriter, r *http.Request) {
		s.row(r)
		w.WriteHeader(http.StatusCreated)
	}))
	run := start(t, s, load.Profile{Rate: 300, Conns: 3, Mix: []load.Request{{Kind: load.Post, Path: "/fragile"}}})
	awaitSent(t, run, 60)
	r := run.Stop()
	n := int(spoiled.Load())
	expect(t, r, load.Post, 0, n, 0)
	if len(r.Unknown) != n || len(r.Accepted) != r.Of(load.Post).OK || s.repeated() != 0 {
		t.Errorf("unknown %d of %d, accepted %d, repeated %d", len(r.Unknown), n, len(r.Accepted), s.repeated())
	}
	if err := r.Ledger(s.rows).Err(); err != nil {
		t.Errorf("a row of unknown fate is held against the server: %v", err)
	}
	s.rows = append(s.rows[1:], s.rows[1], r.Prefix+"-999999 v1", "other-1 v1")
	l := r.Ledger(s.rows)
	if len(l.Doubled) != 1 || len(l.Unasked) != 1 || len(l.Missing) != 1 || l.Err() == nil {
		t.Errorf("ledger %+v", l)
	}
}

// row notes the POST of r by its header, which equals the id in its body.
func (s *site) row(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, r.Header.Get("X-Load-Id")+" v1")
}

func TestARefusedDialIsLostAndItsPostNeverHappened(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	run := startAt(t, address, load.Profile{
		Rate: 200, Conns: 2, Mix: []load.Request{{Kind: load.Post, Path: "/orders"}},
		Slow:      load.Loop{Path: "/slow", Count: 1},
		WebSocket: load.Sessions{Path: "/ws", Count: 1},
	})
	awaitSent(t, run, 30)
	r := run.Stop()
	for _, k := range []load.Kind{load.Post, load.Slow, load.WebSocket} {
		if got := r.Of(k); got.Lost == 0 || got.Lost != got.Sent || got.Reasons["dial"] != got.Sent {
			t.Errorf("%v: %+v", k, got)
		}
	}
	if len(r.Refused) != r.Of(load.Post).Sent || len(r.Endings) != 0 {
		t.Errorf("refused %d, endings %d:\n%s", len(r.Refused), len(r.Endings), r)
	}
	if slow := r.Of(load.Slow).Sent; slow > 20 {
		t.Errorf("the loop hammered %d times", slow)
	}
}

func TestAServerThatHangsIsATimeout(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	run := start(t, s, load.Profile{Rate: 50, Conns: 2, Mix: gets("/hang"), Timeout: 50 * time.Millisecond})
	await(t, run, "timeouts", func(r load.Report) bool { return r.Of(load.Get).Reasons["timeout"] >= 5 })
	r := run.Stop()
	expect(t, r, load.Get, 0, r.Sent(), 0)
}

func TestWhatIsUnfinishedWhenPatienceEndsIsLost(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	run := start(t, s, load.Profile{
		Rate: 100, Conns: 2, Mix: gets("/fast"), Slow: load.Loop{Path: "/hang", Count: 4},
		Drain: 100 * time.Millisecond,
	})
	await(t, run, "the hung", func(r load.Report) bool { return r.Of(load.Slow).Sent == 4 && r.Of(load.Get).OK > 0 })
	r := run.Stop()
	expect(t, r, load.Slow, 0, 4, 0)
	expect(t, r, load.Get, 0, 0, 0)
	if got := r.Of(load.Slow).Reasons; got["unfinished at stop"] != 4 {
		t.Errorf("reasons %v", got)
	}
}

func TestFailuresAreBoundedAndCountsAreNot(t *testing.T) {
	s := newSite()
	var n atomic.Int64
	s.HandleFunc("GET /bad", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, fmt.Sprint(n.Add(1)), http.StatusServiceUnavailable)
	})
	run := start(t, s, load.Profile{Rate: 1000, Conns: 4, Mix: gets("/bad")})
	awaitSent(t, run, 200)
	r := run.Stop()
	expect(t, r, load.Get, int(n.Load()), 0, 0)
	if len(r.Failures) != 50 || r.Failures[0].Status != 503 {
		t.Errorf("%d failures kept, the first %+v", len(r.Failures), r.Failures[0])
	}
}
