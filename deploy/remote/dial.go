package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// maxJumps is how many hosts may lie on the way.
const maxJumps = 8

// Dial connects to a host and logs in. What fails is a *deploy.Failure that
// says in which phase, and what to do.
func Dial(ctx context.Context, options Options) (*Client, error) {
	options, err := options.withHome()
	if err != nil {
		return nil, err
	}
	t, err := resolve(options, options.Host)
	if err != nil {
		return nil, err
	}
	l, err := reach(ctx, options, t, t.jumps, 0)
	if err != nil {
		return nil, err
	}
	return newClient(l), nil
}

// link is a connection with all that it goes through.
type link struct {
	target *target
	client *ssh.Client
	// conn is the host's own connection; root the one of this machine, which
	// is another where hosts lie between. Closing root ends all at once, and
	// does not wait for anybody.
	conn *heard
	root net.Conn
	// before are the connections to the hosts on the way.
	before []*ssh.Client
}

func (l *link) close() {
	_ = l.root.Close()
	if l.client != nil {
		_ = l.client.Close()
	}
	for i := len(l.before) - 1; i >= 0; i-- {
		_ = l.before[i].Close()
	}
}

// reach connects to a target, through other hosts where there are any.
func reach(ctx context.Context, options Options, t *target, jumps []string, depth int) (*link, error) {
	if depth > maxJumps {
		return nil, t.failure(nil, "look for a ProxyJump in ~/.ssh/config that leads back", fmt.Sprintf("more than %d hosts lie on the way", maxJumps))
	}
	l := &link{target: t}
	conn, err := l.dial(ctx, options, jumps, depth)
	if err != nil {
		return nil, err
	}
	l.conn = &heard{Conn: conn}
	if l.client, err = handshake(ctx, options, t, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// dial opens the bare connection.
func (l *link) dial(ctx context.Context, options Options, jumps []string, depth int) (net.Conn, error) {
	t := l.target
	for len(jumps) > 0 {
		last, err := resolve(options, jumps[len(jumps)-1])
		if err != nil {
			return nil, err
		}
		t.jumps = jumps
		way := jumps[:len(jumps)-1]
		if last.address() == t.address() && last.user == t.user {
			jumps = way // "Host *" with a ProxyJump is the jump host's own as well
			continue
		}
		if len(way) == 0 {
			way = last.jumps
		}
		through, err := reach(ctx, options, last, way, depth+1)
		if err != nil {
			return nil, fmt.Errorf("on the way to %s: %w", t.alias, err)
		}
		l.root, l.before = through.root, append(through.before, through.client)
		limited, cancel := context.WithTimeoutCause(ctx, t.timeout, errTimeout)
		defer cancel()
		conn, err := through.client.DialContext(limited, "tcp", t.address())
		if err != nil {
			l.close()
			return nil, t.jumpFailure(limited, last, err)
		}
		return conn, nil
	}
	t.jumps = nil
	limited, cancel := context.WithTimeoutCause(ctx, t.timeout, errTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, "tcp", t.address())
	if err != nil {
		return nil, t.dialFailure(limited, err)
	}
	l.root = conn
	return conn, nil
}

// errTimeout says that a phase took too long.
var errTimeout = errors.New("no answer in time")

func (t *target) dialFailure(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	name, isName := errors.AsType[*net.DNSError](err)
	slow, isNet := errors.AsType[net.Error](err) // the dialer's own clock may be before that of ctx
	timedOut := errors.Is(cause, errTimeout) || errors.Is(err, syscall.ETIMEDOUT) || cause == nil && isNet && slow.Timeout() && !isName
	switch {
	case cause != nil && !timedOut:
		return t.failure(cause, "", "stopped")
	case isName && name.IsNotFound:
		return t.failure(nil, "look at its spelling, or give its HostName in ~/.ssh/config", "no host has the name "+t.host)
	case isName:
		return t.failure(err, "see whether this machine is online and its name server answers", "look up "+t.host)
	case strings.Contains(err.Error(), "refused"): // Windows has a number of its own for it
		return t.failure(nil, fmt.Sprintf("see whether sshd runs there and listens on port %d (ss -tln on the host)", t.port),
			fmt.Sprintf("the host is up, but nothing listens on port %d", t.port))
	case timedOut:
		return t.failure(nil, "see whether the host is up and its firewall lets this machine in", fmt.Sprintf("no answer in %s", t.timeout))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return t.failure(nil, "see whether this machine is online and the address is right", "no route leads there")
	}
	return t.failure(err, "", "open a connection")
}

// jumpFailure is why a jump host does not lead on.
func (t *target) jumpFailure(ctx context.Context, jump *target, err error) error {
	refusal, is := errors.AsType[*ssh.OpenChannelError](err)
	switch {
	case is && refusal.Reason == ssh.Prohibited:
		return t.failure(nil, "allow it in the jump host's /etc/ssh/sshd_config: AllowTcpForwarding yes", "the jump host "+jump.address()+" does not forward connections")
	case is:
		return t.failure(errors.New(refusal.Message), "see from there whether the host is up and sshd listens on the port", "the jump host "+jump.address()+" does not reach it")
	case errors.Is(context.Cause(ctx), errTimeout):
		return t.failure(nil, "see from there whether the host is up", fmt.Sprintf("no answer in %s through the jump host %s", t.timeout, jump.address()))
	case context.Cause(ctx) != nil:
		return t.failure(context.Cause(ctx), "", "stopped")
	}
	return t.failure(err, "", "go through the jump host "+jump.address())
}

// handshake agrees with the host on keys, checks its own and logs in.
func handshake(ctx context.Context, options Options, t *target, l *link) (*ssh.Client, error) {
	known, err := readHostKeys(t, options.KnownHosts)
	if err != nil {
		return nil, err
	}
	ring, err := readKeys(ctx, t, options)
	if err != nil {
		return nil, err
	}
	defer ring.close()
	limit := startLimit(t.timeout, func() { _ = l.root.Close() })
	defer limit.end()
	defer context.AfterFunc(ctx, func() { _ = l.root.Close() })()
	ring.aside = limit.aside
	var distrust error
	trusted := false
	conn, channels, requests, err := ssh.NewClientConn(l.conn, t.address(), &ssh.ClientConfig{
		User:              t.user,
		HostKeyAlgorithms: known.algorithms(),
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			distrust = known.verify(name, remote, key)
			trusted = distrust == nil
			limit.again()
			return distrust
		},
		AuthCallback: ring.next(ctx),
	})
	switch {
	case err == nil:
		return ssh.NewClient(conn, channels, requests), nil
	case context.Cause(ctx) != nil:
		return nil, t.failure(context.Cause(ctx), "", "stopped")
	case distrust != nil:
		return nil, distrust
	case limit.passed():
		return nil, t.failure(nil, "see whether it is overloaded, and whether the port is sshd's", fmt.Sprintf("the host took the connection, but did not answer in %s", t.timeout))
	case trusted:
		return nil, t.loginFailure(ring, err)
	}
	return nil, t.handshakeFailure(err)
}

// loginFailure is what went wrong once the host had proved itself.
func (t *target) loginFailure(ring *keyring, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return t.failure(nil, "read its log: journalctl -u ssh", "the host closed the connection while keys were tried")
	}
	return ring.refused(err)
}

// handshakeFailure is what went wrong before.
func (t *target) handshakeFailure(err error) error {
	if nothing, is := errors.AsType[*ssh.AlgorithmNegotiationError](err); is {
		return t.failure(nil, "the host's sshd is very old, or restricted in /etc/ssh/sshd_config",
			fmt.Sprintf("nothing in common for the %s: the host has %s", nothing.What, strings.Join(nothing.RequestedAlgorithms, ", ")))
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "version string"), strings.Contains(text, "invalid packet length"):
		return t.failure(nil, "see which port sshd listens on (ss -tlnp on the host)", "what answers is not an ssh server")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return t.failure(nil, "it may have too many connections (MaxStartups) or may have banned this address (fail2ban-client status sshd)",
			"the host closed the connection before ssh began")
	}
	return t.failure(err, "", "agree on how to speak")
}

// hintOf and withoutHint take a failure apart, so that its hint stands last.
func hintOf(err error) string {
	if failure, is := errors.AsType[*deploy.Failure](err); is {
		return failure.Hint
	}
	return ""
}

func withoutHint(err error) error {
	if failure, is := errors.AsType[*deploy.Failure](err); is {
		return failure.Err
	}
	return err
}

// limit bounds a phase, but not the time that people take.
type limit struct {
	mutex sync.Mutex
	time  time.Duration
	timer *time.Timer
	over  bool // the phase took too long
	ended bool
}

func startLimit(after time.Duration, pass func()) *limit {
	l := &limit{time: after}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.timer = time.AfterFunc(after, func() {
		l.mutex.Lock()
		passed := !l.ended
		l.over = l.over || passed
		l.mutex.Unlock()
		if passed {
			pass()
		}
	})
	return l
}

// again begins the next phase.
func (l *limit) again() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.ended {
		l.timer.Reset(l.time)
	}
}

// aside runs what waits for people.
func (l *limit) aside(do func()) {
	l.mutex.Lock()
	l.timer.Stop()
	l.mutex.Unlock()
	do()
	l.again()
}

func (l *limit) passed() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.over
}

func (l *limit) end() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ended = true
	l.timer.Stop()
}
