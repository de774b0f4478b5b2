package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody   = 1 << 20
	maxID     = 128
	maxChunks = 100_000
	idHeader  = "X-Load-Id" // repeated in the answer, so that a client can tell whose answer it got
)

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.front)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("GET /orders", s.listOrders)
	mux.HandleFunc("GET /slow", s.slow)
	mux.HandleFunc("POST /say", s.say)
	mux.HandleFunc("GET /stream", s.stream)
	mux.HandleFunc("GET /ws", s.socket)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", s.settings.Release)
		if id := r.Header.Get(idHeader); id != "" {
			w.Header().Set(idHeader, id)
		}
		if s.settings.Hang && s.turned() {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // no answer, not even an empty one
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *server) front(w http.ResponseWriter, r *http.Request) {
	if s.settings.Delay > 0 {
		select {
		case <-time.After(s.settings.Delay):
		case <-r.Context().Done():
		}
	}
	if s.settings.FailStatus != 0 {
		http.Error(w, "as APP_FAIL_STATUS wants it", s.settings.FailStatus)
		return
	}
	_, _ = fmt.Fprintf(w, "release %s\n", s.settings.Release)
}

func (s *server) health(w http.ResponseWriter, r *http.Request) {
	if s.turned() && (s.settings.Health == healthNever || s.settings.Health == healthFlap && s.flaps.down(r.RemoteAddr)) {
		http.Error(w, "unhealthy", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// flaps turns health on and off for each client address on its own: with one
// turn for all, two probers could see nothing but good health.
type flaps struct {
	mu    sync.Mutex
	asked map[string]int
}

const maxProbers = 1000

func (f *flaps) down(client string) bool {
	host, _, err := net.SplitHostPort(client)
	if err != nil {
		host = client
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil || len(f.asked) > maxProbers {
		f.asked = make(map[string]int)
	}
	f.asked[host]++
	return f.asked[host]%2 == 0
}

// order writes exactly one row for each request that it answers with 201.
func (s *server) order(w http.ResponseWriter, r *http.Request) {
	var order struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&order); err != nil {
		http.Error(w, "read order: "+err.Error(), http.StatusBadRequest)
		return
	}
	if order.ID == "" || len(order.ID) > maxID || strings.ContainsFunc(order.ID, unprintable) {
		http.Error(w, "read order: no id of 1 to 128 printable characters", http.StatusBadRequest)
		return
	}
	if err := s.orders.add(order.ID + " " + s.settings.Release); err != nil {
		s.log.Error("order not stored", "error", err)
		http.Error(w, "store order", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{"id": order.ID, "release": s.settings.Release})
}

func unprintable(r rune) bool { return r <= ' ' || r >= 0x7F }

func (s *server) listOrders(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.orders.copyTo(w); err != nil {
		s.log.Error("orders not read", "error", err)
		http.Error(w, "read orders", http.StatusInternalServerError)
	}
}

// say writes a line to the log.
func (s *server) say(w http.ResponseWriter, r *http.Request) {
	s.log.Info("said", "line", r.FormValue("line"))
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) slow(w http.ResponseWriter, r *http.Request) {
	d, err := secondsOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if wait(r.Context(), d) {
		_, _ = fmt.Fprintf(w, "slow %v, release %s\n", d, s.settings.Release)
	}
}

// stream sends its chunks evenly over the seconds; no answer of it is whole
// without the final chunk, which net/http sends when it returns.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	d, err := secondsOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	chunks := 10
	if v := r.FormValue("chunks"); v != "" {
		if chunks, err = strconv.Atoi(v); err != nil || chunks < 1 || chunks > maxChunks {
			http.Error(w, fmt.Sprintf("chunks: %q is not between 1 and %d", v, maxChunks), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	flush := http.NewResponseController(w)
	for i := range chunks {
		_, _ = fmt.Fprintf(w, "chunk %d of %d, release %s\n", i+1, chunks, s.settings.Release)
		if err := flush.Flush(); err != nil {
			return // the client is gone
		}
		if !wait(r.Context(), d/time.Duration(chunks)) {
			panic(http.ErrAbortHandler) // cut short: must not look whole
		}
	}
}

func secondsOf(r *http.Request) (time.Duration, error) {
	v := r.FormValue("seconds")
	if v == "" {
		return time.Second, nil
	}
	d, err := parseSeconds(v)
	if err != nil {
		return 0, fmt.Errorf("seconds: %w", err)
	}
	return d, nil
}
