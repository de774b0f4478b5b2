package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

const (
	maxMessage   = 64 << 10
	writeTimeout = 10 * time.Second
)

// sockets are the open WebSockets. http.Server does not know of them once they
// are upgraded, so that a drain has to count them itself.
type sockets struct {
	mu    sync.Mutex
	open  map[net.Conn]struct{}
	empty chan struct{} // closed when the last one ends during a drain
}

func (s *sockets) add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[net.Conn]struct{})
	}
	s.open[c] = struct{}{}
}

func (s *sockets) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if len(s.open) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// drain waits for all of them to be ended by their clients. Those left when
// ctx ends are told that the server is going away; it returns their number.
func (s *sockets) drain(ctx context.Context) int {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return 0
	}
	empty := make(chan struct{})
	s.empty = empty
	s.mu.Unlock()
	select {
	case <-empty:
		return 0
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cut := len(s.open)
	for c := range s.open {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write(frame.AppendClose(nil, frame.CloseGoingAway, nil))
		_ = c.Close()
	}
	return cut
}

// socket upgrades a request and echoes its messages until the client closes.
func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "want a WebSocket handshake of version 13", http.StatusUpgradeRequired)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "upgrade: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	s.sockets.add(conn)
	defer s.sockets.remove(conn)

	head := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	head = fmt.Appendf(head, "Sec-WebSocket-Accept: %s\r\n", frame.Accept(key))
	for _, name := range []string{"X-Release", idHeader} {
		if v := w.Header().Get(name); v != "" {
			head = fmt.Appendf(head, "%s: %s\r\n", name, v)
		}
	}
	if _, err := conn.Write(append(head, "\r\n"...)); err != nil {
		return
	}
	echo(conn, rw.Reader)
}

func echo(conn net.Conn, br *bufio.Reader) {
	payload := make([]byte, maxMessage)
	var out []byte
	for {
		f, err := frame.Read(br, payload, frame.FromClient)
		if err != nil {
			return
		}
		switch {
		case f.Op == frame.Pong:
			continue
		case f.Op == frame.Ping:
			out = frame.Append(out[:0], frame.Pong, f.Payload, nil)
		case f.Op == frame.Close:
			out = frame.Append(out[:0], frame.Close, f.Payload, nil)
		case !f.Fin || f.Op == frame.Continuation:
			out = frame.AppendClose(out[:0], frame.CloseUnsupported, nil)
		default:
			out = frame.Append(out[:0], f.Op, f.Payload, nil)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // an error shows in the write
		if _, err := conn.Write(out); err != nil || f.Op == frame.Close || out[0]&0x0F == byte(frame.Close) {
			return
		}
	}
}
