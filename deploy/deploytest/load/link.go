package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Reasons why a request did not end well; "status 503" and the like join them.
const (
	reasonDial       = "dial"
	reasonWrite      = "write"
	reasonBefore     = "closed before answer"
	reasonMid        = "closed mid-answer"
	reasonReset      = "reset"
	reasonTimeout    = "timeout"
	reasonMalformed  = "malformed answer"
	reasonStray      = "answer to another request"
	reasonUnfinished = "unfinished at stop"
	reasonUnchunked  = "stream not chunked"
)

// A link is one kept connection and what it takes to use it. It belongs to one
// goroutine and never sends anything twice.
type link struct {
	run      *Run
	target   Target
	conn     net.Conn
	idle     *lookout
	br       *bufio.Reader
	buf      []byte // the request as written
	id       []byte
	answered int // complete answers on this connection so far
	answer   answer
}

func (r *Run) newLink(i int) *link {
	return &link{run: r, target: r.profile.Targets[i%len(r.profile.Targets)], br: bufio.NewReaderSize(nil, 4096)}
}

// exchange sends one request and reads its answer to the end.
func (l *link) exchange(req Request, seq uint32, begin, patience time.Duration) result {
	res := result{kind: req.Kind, seq: seq, begin: begin}
	if !l.ready(&res, patience) {
		return res
	}
	l.compose(req, seq)
	if !l.send(&res) {
		return res
	}
	res.open = true
	started, err := l.answer.readHead(l.br, l.run.profile.ReleaseHeader)
	if err != nil {
		l.broken(&res, err, started)
		return res
	}
	l.arrived(&res)
	err = l.answer.readBody(l.br)
	res.end = l.run.now()
	switch {
	case !l.wanted(&res, req.Want): // its body does not matter
	case err != nil:
		l.broken(&res, err, true)
		return res
	case l.stray():
		res.fail(Failed, reasonStray, nil)
	case req.Kind == Stream && (!l.answer.chunked || l.answer.chunks == 0):
		res.fail(Failed, reasonUnchunked, nil)
	}
	res.complete = err == nil && res.reason != reasonStray
	if !res.complete {
		l.close()
	}
	l.answered++
	if l.conn != nil && l.answer.closing {
		l.run.account.announced()
		l.close()
	}
	return res
}

// ready makes sure of a connection before the first byte is written. A kept
// one that the peer has closed by now is given up without loss.
func (l *link) ready(res *result, patience time.Duration) bool {
	deadline := time.Now().Add(patience)
	if l.conn != nil {
		_ = l.conn.SetDeadline(deadline) // an error shows in the write
		l.lookAround(res.kind)
	}
	res.reuse = l.answered
	if l.conn != nil {
		return true
	}
	dialer := net.Dialer{Timeout: min(patience, l.run.profile.Timeout)}
	ctx, cancel := context.WithDeadline(l.run.hard, deadline)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", l.target.Address)
	l.run.account.dialled()
	if err == nil && !l.run.open(conn) {
		_ = conn.Close()
		err = context.Canceled
	}
	if err != nil {
		res.end = l.run.now()
		res.sent = res.end
		res.fail(Lost, l.unlessForced(reasonDial), err)
		return false
	}
	_ = conn.SetDeadline(deadline)
	l.conn, l.idle, l.answered = conn, newLookout(conn), 0
	l.br.Reset(conn)
	res.reuse = 0
	return true
}

// lookAround drops a kept connection that the peer has closed or spoken on.
func (l *link) lookAround(kind Kind) {
	said, closed := l.idle.look()
	if n := l.br.Buffered(); n > 0 {
		said, _ = l.br.Peek(n)
	}
	switch {
	case len(said) > 0 && !bytes.HasPrefix(said, []byte("HTTP/1.1 408")) && !bytes.HasPrefix(said, []byte("HTTP/1.0 408")):
		l.run.account.unsolicited(kind, l.answered, said)
		l.close()
	case len(said) > 0 || closed:
		l.run.account.idleClosed()
		l.close()
	}
}

// compose writes the request into the link's buffer.
func (l *link) compose(req Request, seq uint32) {
	l.setID(seq)
	b := l.buf[:0]
	if req.Kind == Post {
		b = append(b, "POST "...)
	} else {
		b = append(b, "GET "...)
	}
	b = append(b, req.Path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, l.target.Host...)
	b = append(b, "\r\nUser-Agent: load\r\n"+idHeader+": "...)
	b = append(b, l.id...)
	if req.Kind != Post {
		l.buf = append(b, "\r\n\r\n"...)
		return
	}
	size := len(`{"id":""}`) + len(l.id)
	if req.Padding > 0 {
		size += len(`,"padding":""`) + req.Padding
	}
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, "\r\n\r\n{\"id\":\""...)
	b = append(b, l.id...)
	b = append(b, '"')
	if req.Padding > 0 {
		b = append(b, `,"padding":"`...)
		for range req.Padding {
			b = append(b, 'x')
		}
		b = append(b, '"')
	}
	l.buf = append(b, '}')
}

func (l *link) setID(seq uint32) {
	l.id = append(l.id[:0], l.run.profile.Prefix...)
	l.id = append(l.id, '-')
	l.id = strconv.AppendUint(l.id, uint64(seq), 10)
}

// send writes the buffer in one call. From here on the request counts.
func (l *link) send(res *result) bool {
	res.sent = l.run.now()
	res.wrote = true
	if _, err := l.conn.Write(l.buf); err != nil {
		res.end = l.run.now()
		res.fail(Lost, l.unlessForced(reasonWrite), err)
		l.close()
		return false
	}
	return true
}

// arrived notes what an answer's head says.
func (l *link) arrived(res *result) {
	res.head = l.run.now()
	res.status = l.answer.status
	res.release = l.answer.release
}

// wanted notes a status that was not expected.
func (l *link) wanted(res *result, want int) bool {
	if want == res.status || want == 0 && res.status/100 == 2 {
		return true
	}
	res.fail(Failed, "status "+strconv.Itoa(res.status), nil)
	return false
}

func (l *link) stray() bool { return len(l.answer.id) > 0 && !bytes.Equal(l.answer.id, l.id) }

// broken ends a request whose answer did not come or did not come whole.
func (l *link) broken(res *result, err error, started bool) {
	res.end = l.run.now()
	outcome, reason := Lost, reasonBefore
	if started {
		reason = reasonMid
	}
	if res.open && res.kind.long() {
		outcome = Cut
	}
	switch {
	case l.run.forced():
		outcome, reason = Lost, reasonUnfinished
	case errors.Is(err, os.ErrDeadlineExceeded):
		outcome, reason = Lost, reasonTimeout
	case errors.Is(err, errMalformed):
		outcome, reason = Failed, reasonMalformed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		reason = reasonReset
	}
	res.fail(outcome, reason, err)
	l.close()
}

// unlessForced names the end of Stop's patience as the reason when it was.
func (l *link) unlessForced(reason string) string {
	if l.run.forced() {
		return reasonUnfinished
	}
	return reason
}

func (l *link) close() {
	if l.conn == nil {
		return
	}
	l.run.closed(l.conn)
	_ = l.conn.Close() // whatever it says, the connection is not used again
	l.conn, l.idle, l.answered = nil, nil, 0
	l.br.Reset(nil)
}
