package load_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

// site is a server that behaves, and counts; a test spoils one of its paths.
type site struct {
	*http.ServeMux
	mu      sync.Mutex
	release string
	hits    map[string]int
	rows    []string
	bySeq   map[string]int // requests per X-Load-Id
}

func newSite() *site {
	s := &site{ServeMux: http.NewServeMux(), release: "v1", hits: map[string]int{}, bySeq: map[string]int{}}
	s.HandleFunc("GET /fast", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	s.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var order struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.rows = append(s.rows, order.ID+" "+s.release)
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	})
	s.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) { rest(r.Context(), 50*time.Millisecond) })
	s.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		for i := range 5 {
			_, _ = fmt.Fprintf(w, "chunk %d\n", i)
			_ = http.NewResponseController(w).Flush()
			rest(r.Context(), 10*time.Millisecond)
		}
	})
	s.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) { echo(w, r, -1, nil) })
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	s.bySeq[r.Header.Get("X-Load-Id")]++
	w.Header().Set("X-Release", s.release)
	s.mu.Unlock()
	w.Header().Set("X-Load-Id", r.Header.Get("X-Load-Id"))
	s.ServeMux.ServeHTTP(w, r)
}

func (s *site) hitsOf(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

func (s *site) switchTo(release string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release = release
}

// repeated is how many requests came more than once.
func (s *site) repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.bySeq {
		if times > 1 {
			n++
		}
	}
	return n
}

// echo serves a WebSocket: it echoes messages, and in place of the echo after
// the given number of them does what spoil says (with a nil spoil: hangs up
// without a word). A close frame is always answered: it is how a load that
// stops takes its leave.
func echo(w http.ResponseWriter, r *http.Request, after int, spoil func(net.Conn, frame.Frame)) {
	release := w.Header().Get("X-Release")
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"X-Release: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n", release, frame.Accept(r.Header.Get("Sec-WebSocket-Key")))
	buf := make([]byte, 1024)
	for n := 0; ; n++ {
		f, err := frame.Read(rw.Reader, buf, frame.FromClient)
		if err != nil {
			return
		}
		if n == after && f.Op != frame.Close {
			if spoil != nil {
				spoil(conn, f)
			}
			return
		}
		if _, err := conn.Write(frame.Append(nil, f.Op, f.Payload, nil)); err != nil || f.Op == frame.Close {
			return
		}
	}
}

// hijack takes the connection away from net/http, to misbehave on it.
func hijack(t *testing.T, w http.ResponseWriter) (*net.TCPConn, *bufio.ReadWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		panic(http.ErrAbortHandler)
	}
	return conn.(*net.TCPConn), rw
}

// reset ends a connection with RST instead of FIN.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func start(t *testing.T, h http.Handler, p load.Profile) *load.Run {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return startAt(t, srv.Listener.Addr().String(), p)
}

func startAt(t *testing.T, address string, p load.Profile) *load.Run {
	t.Helper()
	p.Targets = []load.Target{{Address: address}}
	run := load.Start(t.Context(), p)
	t.Cleanup(func() { run.Stop() })
	return run
}

// await polls until the report is as wanted.
func await(t *testing.T, run *load.Run, what string, want func(load.Report) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !want(run.Snapshot()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s:\n%s", what, run.Snapshot())
		}
	}
}

func awaitSent(t *testing.T, run *load.Run, n int) {
	t.Helper()
	await(t, run, strconv.Itoa(n)+" requests", func(r load.Report) bool { return r.Sent() >= n })
}

// rest waits, or until the client is gone.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func gets(path string) []load.Request { return []load.Request{{Kind: load.Get, Path: path}} }

// expect compares the counts of one kind.
func expect(t *testing.T, r load.Report, k load.Kind, failed, lost, cut int) {
	t.Helper()
	got := r.Of(k)
	if got.Failed != failed || got.Lost != lost || got.Cut != cut || got.InFlight != 0 ||
		got.Sent != got.OK+failed+lost+cut {
		t.Errorf("%v: %+v, want %d failed, %d lost, %d cut\n%s", k, got, failed, lost, cut, r)
	}
}
