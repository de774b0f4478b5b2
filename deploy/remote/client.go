package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// ErrLost says that the connection is gone: what was asked of the host may
// have been done or not.
var ErrLost = errors.New("the connection to the host is lost")

// errClosed says that this side closed the connection.
var errClosed = errors.New("the connection was closed here")

// Client is one connection to a host. Its methods may be called at once.
type Client struct {
	link     *link
	channels atomic.Int64

	lost  sync.Once
	cause error
	// gone is closed when the connection is, after cause is set.
	gone    chan struct{}
	running sync.WaitGroup

	uploads sync.Mutex
	files   *sftp.Client // one channel for all uploads; nil before the first
}

func newClient(l *link) *Client {
	c := &Client{link: l, gone: make(chan struct{})}
	c.running.Go(func() {
		err := l.client.Wait()
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("the host closed it")
		}
		c.lose(err)
	})
	c.running.Go(c.keepAlive)
	return c
}

// Address is the host with its port, as it was reached.
func (c *Client) Address() string { return c.link.target.address() }

// User is who was logged in.
func (c *Client) User() string { return c.link.target.user }

// Channels is how many SSH channels were opened on this connection so far.
func (c *Client) Channels() int { return int(c.channels.Load()) }

// Lost is closed when the connection is.
func (c *Client) Lost() <-chan struct{} { return c.gone }

// Close ends the connection and all that uses it.
func (c *Client) Close() error {
	c.lose(errClosed)
	c.running.Wait()
	return nil
}

// lose closes the connection, of whose end there is one cause.
func (c *Client) lose(cause error) {
	c.lost.Do(func() {
		c.cause = cause
		_ = c.link.root.Close()
		close(c.gone)
		c.link.close()
	})
}

// end gives an error of the connection that is gone; nil while it is there.
func (c *Client) end() error {
	select {
	case <-c.gone:
	default:
		return nil
	}
	if errors.Is(c.cause, errClosed) {
		return fmt.Errorf("%s: %w", c.Address(), errClosed)
	}
	return fmt.Errorf("%s: %w: %w", c.Address(), ErrLost, c.cause)
}

// fate turns an error of the protocol into that of the connection, where it
// came of that. The library says of both "EOF", so the host is asked.
func (c *Client) fate(ctx context.Context, err error) error {
	answered := make(chan error, 1)
	go func() {
		_, _, err := c.link.client.SendRequest(keepAliveRequest, true, nil)
		answered <- err
	}()
	select {
	case failed := <-answered:
		if failed == nil {
			return err
		}
		<-c.gone // the library ends its reader next
	case <-c.gone:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return c.end()
}

// open opens a session. It does not wait longer than ctx, but what was asked
// may still be answered; such a session is closed again.
func (c *Client) open(ctx context.Context) (*ssh.Session, error) {
	if err := c.end(); err != nil {
		return nil, err
	}
	type opened struct {
		session *ssh.Session
		err     error
	}
	answers := make(chan opened, 1)
	c.channels.Add(1)
	go func() {
		session, err := c.link.client.NewSession()
		answers <- opened{session, err}
	}()
	select {
	case answer := <-answers:
		if refusal, is := errors.AsType[*ssh.OpenChannelError](answer.err); is {
			return nil, fail(errors.New(refusal.Message), "see MaxSessions in its /etc/ssh/sshd_config, and its log: journalctl -u ssh",
				"the host opens no further session")
		}
		if answer.err != nil {
			return nil, c.fate(ctx, answer.err)
		}
		return answer.session, nil
	case <-ctx.Done():
		go func() {
			if late := <-answers; late.err == nil {
				_ = late.session.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// keepAliveRequest is a question that every ssh server answers, be it with
// "unknown".
const keepAliveRequest = "keepalive@openssh.com"

// keepAlive asks the host at each interval whether it is there. Whatever
// comes from it counts as an answer: on a slow line the reply itself waits
// behind an upload. The question blocks for as long as there is no answer,
// so it is asked beside, once at a time, until the connection is closed.
func (c *Client) keepAlive() {
	ask := make(chan struct{})
	c.running.Go(func() {
		for range ask {
			if _, _, err := c.link.client.SendRequest(keepAliveRequest, true, nil); err != nil {
				<-c.gone
			}
		}
	})
	defer close(ask)
	tick := time.NewTicker(c.link.target.interval)
	defer tick.Stop()
	heard, missed, asked := c.link.conn.bytes.Load(), 0, false
	for {
		select {
		case <-c.gone:
			return
		case <-tick.C:
		}
		now := c.link.conn.bytes.Load()
		switch {
		case now != heard:
			heard, missed = now, 0
		case asked:
			missed++
		}
		if missed == c.link.target.missed {
			c.lose(fmt.Errorf("nothing came from it for %s", time.Duration(missed)*c.link.target.interval))
			return
		}
		select {
		case ask <- struct{}{}:
			asked = true
		case <-c.gone:
			return
		default: // the last one is still unanswered
		}
	}
}

// heard is a connection that counts what comes.
type heard struct {
	net.Conn
	bytes atomic.Int64
}

func (h *heard) Read(into []byte) (int, error) {
	n, err := h.Conn.Read(into)
	h.bytes.Add(int64(n))
	return n, err
}
