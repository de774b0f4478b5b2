package load_test

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

func sessions(path string) load.Profile {
	return load.Profile{
		WebSocket: load.Sessions{Path: path, Count: 2, Length: time.Second, Every: 10 * time.Millisecond},
		Timeout:   200 * time.Millisecond,
	}
}

func TestEveryEndOfASessionButOursIsDetected(t *testing.T) {
	write := func(b []byte) func(net.Conn, frame.Frame) {
		return func(c net.Conn, _ frame.Frame) { _, _ = c.Write(b) }
	}
	tests := []struct {
		name, reason      string
		failed, lost, cut int // 1: every session ends so
		spoil             func(net.Conn, frame.Frame)
	}{
		{"dropped", "closed mid-answer", 0, 0, 1, nil},
		{"reset", "reset", 0, 0, 1, func(c net.Conn, _ frame.Frame) { reset(c.(*net.TCPConn)) }},
		{"going away", "closed by the server", 0, 0, 1, write(frame.AppendClose(nil, frame.CloseGoingAway, nil))},
		{"half a frame", "closed mid-answer", 0, 0, 1, write([]byte{0x81})},
		{"wrong echo", "wrong echo", 1, 0, 0, write(frame.Append(nil, frame.Text, []byte("other"), nil))},
		{"masked by the server", "malformed answer", 1, 0, 0,
			write(frame.Append(nil, frame.Text, []byte("x"), &[4]byte{1, 2, 3, 4}))},
		{"no echo", "timeout", 0, 1, 0, func(c net.Conn, _ frame.Frame) { _, _ = io.Copy(io.Discard, c) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite()
			s.HandleFunc("GET /drop", func(w http.ResponseWriter, r *http.Request) { echo(w, r, 3, tt.spoil) })
			run := start(t, s, sessions("/drop"))
			await(t, run, "ended sessions", func(r load.Report) bool { return r.Lost() >= 3 })
			r := run.Stop()
			got := r.Of(load.WebSocket)
			n := got.Reasons[tt.reason]
			// A session that Stop met in its first messages was closed by us, and is OK.
			expect(t, r, load.WebSocket, n*tt.failed, n*tt.lost, n*tt.cut)
			if n < 3 || got.OK > 2 || len(r.Endings) != n || r.Check() == nil {
				t.Errorf("reason %q %d times:\n%s", tt.reason, n, r)
			}
		})
	}
}

func TestACutIsNoticedWhileNobodySpeaks(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /idle", func(w http.ResponseWriter, r *http.Request) {
		echo(w, r, 1, nil) // never reached: the second message is an hour away
	})
	cut := make(chan struct{})
	s.HandleFunc("GET /cut", func(w http.ResponseWriter, r *http.Request) {
		conn, _ := hijack(t, w)
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "+
			frame.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
		buf := make([]byte, 256)
		n, _ := conn.Read(buf) // the first message, masked
		payload := buf[6:n]
		for i := range payload {
			payload[i] ^= buf[2+i%4]
		}
		_, _ = conn.Write(frame.Append(nil, frame.Text, payload, nil))
		<-cut
		_ = conn.Close()
	})
	p := sessions("/cut")
	p.WebSocket.Count, p.WebSocket.Length, p.WebSocket.Every = 1, 2*time.Hour, time.Hour
	run := start(t, s, p)
	await(t, run, "an upgrade", func(r load.Report) bool { return r.Of(load.WebSocket).Sent == 1 && s.hitsOf("/cut") == 1 })
	close(cut)
	await(t, run, "the cut", func(r load.Report) bool { return r.Of(load.WebSocket).Cut >= 1 })
}

func TestPingsAreAnswered(t *testing.T) {
	s := newSite()
	var pongs atomic.Int64
	s.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		conn, rw := hijack(t, w)
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "+
			frame.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
		buf := make([]byte, 256)
		for {
			_, _ = conn.Write(frame.Append(nil, frame.Ping, []byte("still there?"), nil))
			f, err := frame.Read(rw.Reader, buf, frame.FromClient)
			if err != nil {
				return
			}
			if f.Op == frame.Pong {
				pongs.Add(1)
				continue
			}
			_, _ = conn.Write(frame.Append(nil, f.Op, f.Payload, nil))
			if f.Op == frame.Close {
				return
			}
		}
	})
	p := sessions("/ping")
	p.WebSocket.Length = 50 * time.Millisecond
	run := start(t, s, p)
	await(t, run, "pongs and sessions", func(r load.Report) bool { return pongs.Load() > 3 && r.OK() >= 2 })
	if err := run.Stop().Check(); err != nil {
		t.Error(err)
	}
}

func TestARefusedHandshakeFails(t *testing.T) {
	s := newSite()
	s.HandleFunc("GET /none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s.HandleFunc("GET /liar", func(w http.ResponseWriter, _ *http.Request) {
		conn, _ := hijack(t, w)
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n")
		_ = conn.Close()
	})
	for path, reason := range map[string]string{"/none": "status 503", "/liar": "handshake"} {
		run := start(t, s, sessions(path))
		await(t, run, reason, func(r load.Report) bool { return r.Of(load.WebSocket).Reasons[reason] >= 2 })
		r := run.Stop()
		expect(t, r, load.WebSocket, r.Of(load.WebSocket).Reasons[reason], 0, 0)
		if len(r.Endings) != 0 {
			t.Errorf("%s: a session that never was counts as open", path)
		}
	}
}

// TestOnlyWhatWasOpenAtADeadlineIsForgiven ends streams and slow requests at
// one moment and lets the caller say that it was permitted.
func TestOnlyWhatWasOpenAtADeadlineIsForgiven(t *testing.T) {
	s := newSite()
	deadline := make(chan struct{})
	var cut atomic.Int64
	open := func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-deadline: // answered whole; a close that is announced is raced by no request
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "hi")
			_ = http.NewResponseController(w).Flush() // so that it is chunked
			return
		default:
		}
		conn, _ := hijack(t, w)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
		<-deadline
		cut.Add(1)
		_ = conn.Close()
	}
	s.HandleFunc("GET /open", open)
	run := start(t, s, load.Profile{
		Rate: 100, Conns: 2, Mix: gets("/fast"),
		Slow: load.Loop{Path: "/open", Count: 2}, Stream: load.Loop{Path: "/open", Count: 3},
	})
	await(t, run, "open streams", func(r load.Report) bool {
		return s.hitsOf("/open") == 5 && r.Of(load.Get).OK > 0
	})
	w := load.Window{From: time.Now(), To: time.Now().Add(10 * time.Second)}
	close(deadline)
	await(t, run, "five ends", func(r load.Report) bool {
		return r.Of(load.Slow).Cut == 2 && r.Of(load.Stream).Cut == 3 && r.Of(load.Slow).OK > 0 && r.Of(load.Stream).OK > 0
	})
	r := run.Stop()
	if err := r.Check(w); err != nil || r.EndedAtDeadline(w) != 5 || cut.Load() != 5 {
		t.Errorf("ended at the deadline: %d of %d, %v", r.EndedAtDeadline(w), cut.Load(), err)
	}
	if r.Lost() != 5 || r.Check() == nil {
		t.Errorf("without a window they are lost:\n%s", r)
	}
	before := load.Window{From: w.From.Add(-time.Minute), To: w.To}
	if r.EndedAtDeadline(before) != 0 {
		t.Errorf("what began within the window is forgiven")
	}
}

func TestAStreamMustBeChunked(t *testing.T) {
	run := start(t, newSite(), load.Profile{Stream: load.Loop{Path: "/fast", Count: 1}})
	await(t, run, "a stream", func(r load.Report) bool { return r.Sent() >= 3 })
	r := run.Stop()
	expect(t, r, load.Stream, r.Sent(), 0, 0)
}
