//go:build integration

package backup

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// line is a connection between a client and a server that can be cut.
type line struct {
	address string
	server  string
	left    atomic.Int64
	broken  atomic.Int64
}

func newLine(t testing.TB, server string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{address: listener.Addr().String(), server: server}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.join(conn)
		}
	}()
	return l
}

// breakAfter cuts the connection that carries the last of that many bytes.
func (l *line) breakAfter(bytes int64) { l.left.Store(bytes) }

func (l *line) join(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buffer := make([]byte, 32<<10)
		for {
			read, err := from.Read(buffer)
			if before := l.left.Load(); before > 0 && l.left.Add(-int64(read)) <= 0 {
				l.broken.Add(1)
				return
			}
			if _, failed := to.Write(buffer[:read]); failed != nil || err == io.EOF { //nolint:errorlint // a connection's own
				return
			}
			if err != nil {
				return
			}
		}
	}
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}
