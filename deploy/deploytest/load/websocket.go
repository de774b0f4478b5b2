package load

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

const (
	reasonServerClosed = "closed by the server"
	reasonEcho         = "wrong echo"
	reasonHandshake    = "handshake"
	maxMessage         = 512
)

// A session is one WebSocket from its handshake to our close. It is OK only if
// the last word was ours: a close frame of the server that answers none of
// ours cuts the session, as does the connection's end.
type session struct {
	*link
	res     *result
	payload [maxMessage]byte
	out     []byte
}

// session runs one WebSocket on a connection of its own.
func (l *link) session(path string, seq uint32, begin time.Duration) result {
	res := result{kind: WebSocket, seq: seq, begin: begin}
	defer l.close()
	if !l.ready(&res, l.run.profile.Timeout) {
		return res
	}
	s := session{link: l, res: &res}
	if s.handshake(path, seq) && s.talk() {
		s.hangUp()
	}
	if res.end == 0 {
		res.end = l.run.now()
	}
	return res
}

func (s *session) handshake(path string, seq uint32) bool {
	var nonce [16]byte
	binary.LittleEndian.PutUint64(nonce[:8], rand.Uint64()) // a key is no secret
	binary.LittleEndian.PutUint64(nonce[8:], rand.Uint64())
	key := base64.StdEncoding.EncodeToString(nonce[:])

	s.setID(seq)
	s.buf = fmt.Appendf(s.buf[:0], "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\n%s: %s\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, s.target.Host, idHeader, s.id, key)
	if !s.send(s.res) {
		return false
	}
	started, err := s.answer.readHead(s.br, s.run.profile.ReleaseHeader)
	if err != nil {
		s.broken(s.res, err, started)
		return false
	}
	s.arrived(s.res)
	switch {
	case !s.wanted(s.res, 101):
		return false
	case string(s.answer.accept) != frame.Accept(key):
		s.res.fail(Failed, reasonHandshake, fmt.Errorf("%w: Sec-WebSocket-Accept %q", errMalformed, s.answer.accept))
		return false
	case s.stray():
		s.res.fail(Failed, reasonStray, nil)
		return false
	}
	s.res.open = true
	s.run.account.upgrade()
	return true
}

// talk sends a message at each interval and awaits its echo, until the
// session's length is over or the run is stopping.
func (s *session) talk() bool {
	p := s.run.profile.WebSocket
	ends := time.Now().Add(p.Length)
	next := time.Now()
	for n := 0; ; n++ {
		if !s.rest(next) {
			return false
		}
		if s.run.stopping() || !time.Now().Before(ends) {
			return true
		}
		if !s.echo(n) {
			return false
		}
		next = next.Add(p.Every)
		if next.After(ends) {
			next = ends
		}
	}
}

// rest waits until the next message is due, and reads meanwhile: a session
// that is cut while nobody speaks is noticed at that moment.
func (s *session) rest(until time.Time) bool {
	for time.Now().Before(until) && !s.run.stopping() {
		// Waking now and then keeps Stop from waiting for a long interval.
		wake := time.Now().Add(min(time.Until(until), DefaultSessionEvery))
		_ = s.conn.SetReadDeadline(wake)
		_, err := s.br.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) && !s.run.forced() {
			continue
		}
		if err != nil {
			s.broken(s.res, err, true)
			return false
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(s.run.profile.Timeout))
		f, ok := s.next()
		if !ok {
			return false
		}
		if f.Op == frame.Text || f.Op == frame.Binary {
			s.res.fail(Failed, reasonEcho, fmt.Errorf("%w: message unasked: %.40q", errMalformed, f.Payload))
			return false
		}
	}
	return true
}

func (s *session) echo(n int) bool {
	message := append(append(s.buf[:0], s.id...), '/')
	message = strconv.AppendInt(message, int64(n), 10)
	_ = s.conn.SetDeadline(time.Now().Add(s.run.profile.Timeout))
	if !s.say(frame.Text, message) {
		return false
	}
	f, ok := s.next()
	for ok && (f.Op == frame.Ping || f.Op == frame.Pong) {
		f, ok = s.next()
	}
	if !ok {
		return false
	}
	if f.Op != frame.Text || !f.Fin || string(f.Payload) != string(message) {
		s.res.fail(Failed, reasonEcho, fmt.Errorf("%w: %.40q for %.40q", errMalformed, f.Payload, message))
		return false
	}
	return true
}

// hangUp closes as RFC 6455 wants it and awaits the server's close frame.
func (s *session) hangUp() {
	_ = s.conn.SetDeadline(time.Now().Add(s.run.profile.Timeout))
	if !s.say(frame.Close, binary.BigEndian.AppendUint16(nil, frame.CloseNormal)) {
		return
	}
	for {
		f, err := frame.Read(s.br, s.payload[:], frame.FromServer)
		if err != nil {
			s.torn(err)
			return
		}
		if f.Op == frame.Close {
			s.res.complete = true
			return
		}
	}
}

// next reads a frame, answers a ping, and ends the session at a close frame.
func (s *session) next() (frame.Frame, bool) {
	f, err := frame.Read(s.br, s.payload[:], frame.FromServer)
	if err != nil {
		s.torn(err)
		return f, false
	}
	switch f.Op {
	case frame.Ping:
		return f, s.say(frame.Pong, f.Payload)
	case frame.Close:
		s.res.end = s.run.now()
		s.res.fail(Cut, reasonServerClosed, fmt.Errorf("close code %d", f.CloseCode()))
		return f, false
	default:
		return f, true
	}
}

func (s *session) say(op frame.Opcode, payload []byte) bool {
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	s.out = frame.Append(s.out[:0], op, payload, &mask)
	if _, err := s.conn.Write(s.out); err != nil {
		s.broken(s.res, err, true)
		return false
	}
	return true
}

func (s *session) torn(err error) {
	if errors.Is(err, frame.ErrProtocol) {
		err = fmt.Errorf("%w: %w", errMalformed, err)
	}
	s.broken(s.res, err, true)
}
