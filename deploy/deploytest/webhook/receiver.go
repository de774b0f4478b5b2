// Package webhook has servers that stand for Discord, Slack and GitHub: real
// HTTP servers that hold what they get against what the services document, and
// that answer, hang and fail as those do.
package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
)

// Secret is in the address of every webhook: nothing that is printed or kept
// may have it.
const Secret = "canary-webhook-5e8d1b"

// Message is one that a server took.
type Message struct {
	Path string
	Body []byte
	At   time.Time
}

// Behaviour is how a server answers one request.
type Behaviour func(w http.ResponseWriter, r *http.Request)

// Server is one service.
type Server struct {
	// Address is the webhook's whole address, or that of GitHub's API.
	Address string

	t      testing.TB
	server *httptest.Server
	// take judges a request, and answers one that is right.
	take func(w http.ResponseWriter, r *http.Request, body []byte) error
	// refuse answers one that is not.
	refuse func(w http.ResponseWriter, err error)
	ended  chan struct{}

	mu       sync.Mutex
	next     []Behaviour
	always   Behaviour
	asked    int
	messages []Message
	more     chan struct{}
}

func start(t testing.TB, s *Server) *Server {
	t.Helper()
	s.t, s.more, s.ended = t, make(chan struct{}, 1), make(chan struct{})
	s.server = httptest.NewServer(s)
	s.Address = s.server.URL
	t.Cleanup(func() {
		close(s.ended) // whoever hangs is let go
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

// Next has the next requests answered so, one each, before the server is itself
// again.
func (s *Server) Next(behaviours ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, behaviours...)
}

// Always has every request answered so; nil has the server be itself again.
func (s *Server) Always(behaviour Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = behaviour
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // broken off
	}
	if behaviour := s.count(); behaviour != nil {
		behaviour(w, r)
		return
	}
	if err := s.take(w, r, body); err != nil {
		s.t.Errorf("%s %s: %v\n%.2000s", r.Method, r.URL.Path, err, body)
		s.refuse(w, err)
		return
	}
	s.mu.Lock()
	s.messages = append(s.messages, Message{Path: r.URL.Path, Body: body, At: time.Now()})
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *Server) count() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.always != nil {
		return s.always
	}
	if len(s.next) == 0 {
		return nil
	}
	behaviour := s.next[0]
	s.next = s.next[1:]
	return behaviour
}

// Asked is how many requests came, whatever was answered.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Messages are those that were taken.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Take gives the messages so far and forgets them.
func (s *Server) Take() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.messages
	s.messages = nil
	return taken
}

// Await waits until that many messages were taken, and gives them.
func (s *Server) Await(count int) []Message {
	s.t.Helper()
	limit := time.After(awaitLimit)
	for {
		if messages := s.Messages(); len(messages) >= count {
			return messages
		}
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("in vain awaited %d messages; there are %d", count, len(s.Messages()))
		}
	}
}

// awaitLimit is far more than a message takes, and no figure of a test.
const awaitLimit = 90 * time.Second

// TooMany answers 429 and asks to wait, as Discord does: in whole seconds in the
// header, and exactly in the answer.
func TooMany(seconds float64) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		answer(w, http.StatusTooManyRequests, fmt.Sprintf(`{"message": "You are being rate limited.", "retry_after": %g, "global": false}`, seconds))
	}
}

// Fail answers with a status and a text.
func Fail(status int, text string) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, status, text) }
}

// Drop ends the connection without an answer.
func Drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Hang answers nothing until the other side, or the test, has had enough.
func (s *Server) Hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.ended:
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if strings.HasPrefix(text, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who went away is not told
}

// posted checks what every one of the services asks of a request.
func posted(r *http.Request) error {
	if r.Method != http.MethodPost {
		return fmt.Errorf("the method is %s", r.Method)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fmt.Errorf("the content type is %q", r.Header.Get("Content-Type"))
	}
	if r.Header.Get("User-Agent") == "" || strings.HasPrefix(r.Header.Get("User-Agent"), "Go-http-client") {
		return fmt.Errorf("the user agent is %q", r.Header.Get("User-Agent"))
	}
	return nil
}

// decode reads a body that has nothing that is not documented.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return fmt.Errorf("something stands behind the message")
	}
	return nil
}

// characters counts as JavaScript does, which is never less than any other.
func characters(text string) int { return len(utf16.Encode([]rune(text))) }
