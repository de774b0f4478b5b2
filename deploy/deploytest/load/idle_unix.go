//go:build unix

package load

import (
	"errors"
	"net"
	"syscall"
)

// A lookout tells, without waiting, whether a peer has closed or spoken on a
// connection that should be idle. It makes one read call on the descriptor.
type lookout struct {
	raw   syscall.RawConn
	buf   [64]byte
	n     int
	err   error
	check func(fd uintptr) bool // kept, so that looking allocates nothing
}

func newLookout(c net.Conn) *lookout {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	l := &lookout{raw: raw}
	l.check = func(fd uintptr) bool {
		l.n, l.err = syscall.Read(int(fd), l.buf[:])
		return true
	}
	return l
}

// look returns what the peer sent unasked, and whether it has closed.
// The connection's read deadline must lie ahead.
func (l *lookout) look() (said []byte, closed bool) {
	if l == nil {
		return nil, false
	}
	if err := l.raw.Read(l.check); err != nil {
		return nil, true
	}
	switch {
	case l.n > 0:
		return l.buf[:l.n], false
	case errors.Is(l.err, syscall.EAGAIN), errors.Is(l.err, syscall.EINTR):
		return nil, false
	default: // end of file, or an error such as a reset
		return nil, true
	}
}
