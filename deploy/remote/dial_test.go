package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// listen answers each connection by a function that is given it.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestHostsThatDoNotAnswerAsTheyShould(t *testing.T) {
	v := newVisitor(t)
	closed := listen(t, func(net.Conn) {})
	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	web := listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n"+strings.Repeat("x", 60<<10)+"\r\n\r\n")
	})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for addr, want := range map[string]string{
		closed:                 "the host closed the connection before ssh began",
		silent:                 "answer in 50ms",
		web:                    "what answers is not an ssh server",
		nobody.Addr().String(): "the host is up, but nothing listens on port",
	} {
		options := v.options(addr)
		if addr == silent {
			options.Timeout = 50 * time.Millisecond
		}
		_, err := Dial(t.Context(), options)
		wantText(t, err, "connect to "+addr+" as deploy: ", want)
		failure, is := errors.AsType[*deploy.Failure](err)
		if !is || failure.Status != deploy.ExitFailed || failure.Hint == "" {
			t.Errorf("%#v", err)
		}
	}
}

// TestDialFailures are those that need a network.
func TestDialFailures(t *testing.T) {
	found := &target{host: "shop.example", port: 22, user: "deploy", timeout: connectTimeout}
	late, cancel := context.WithTimeoutCause(t.Context(), 0, errTimeout)
	defer cancel()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errors.New("Ctrl-C"))
	for want, test := range map[string]struct {
		ctx context.Context
		err error
	}{
		"no host has the name shop.example":   {t.Context(), &net.DNSError{Name: "shop.example", IsNotFound: true}},
		"look up shop.example":                {t.Context(), &net.DNSError{Name: "shop.example", IsTemporary: true}},
		"no answer in 15s":                    {late, context.DeadlineExceeded},
		"no answer in 15s: the dialer's":      {t.Context(), &net.OpError{Err: os.ErrDeadlineExceeded}},
		"no route leads there":                {t.Context(), &net.OpError{Err: syscall.EHOSTUNREACH}},
		"stopped: Ctrl-C":                     {stopped, context.Canceled},
		"the host is up, but nothing listens": {t.Context(), errors.New("connectex: the target machine actively refused it")},
	} {
		want, _, _ = strings.Cut(want, ": the dialer")
		wantText(t, found.dialFailure(test.ctx, test.err), "connect to shop.example:22 as deploy: "+want)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	v := newVisitor(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("Ctrl-C")
	addr := listen(t, func(conn net.Conn) {
		cancel(stopped)
		_, _ = io.Copy(io.Discard, conn)
	})
	if _, err := Dial(ctx, v.options(addr)); !errors.Is(err, stopped) {
		t.Error(err)
	}
}

// chain is a target behind two jump hosts.
type chain struct {
	visitor
	first, second, last *server
}

func newChain(t *testing.T) chain {
	c := chain{visitor: newVisitor(t)}
	var known strings.Builder
	for _, one := range []**server{&c.first, &c.second, &c.last} {
		key := newKey(t)
		*one = newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: c.allowed()})
		known.WriteString((*one).known(key))
	}
	c.write("known_hosts", known.String())
	c.write("id_ed25519", string(c.key.pem(t, "")))
	c.write("config", fmt.Sprintf(`
Host last
  HostName 127.0.0.1
  Port %d
  User ship
  ProxyJump one,other@two
Host one
  HostName 127.0.0.1
  Port %d
  User first
Host two
  HostName 127.0.0.1
  Port %d
  ProxyJump never-used
Host itself
  HostName 127.0.0.1
  Port %d
Host nested
  HostName 127.0.0.1
  Port %d
  ProxyJump inner
Host inner
  HostName 127.0.0.1
  Port %d
  ProxyJump one
Host round
  ProxyJump round-again
Host round-again
  ProxyJump round
Match host itself
  ProxyJump itself
`, c.last.port(), c.first.port(), c.second.port(), c.last.port(), c.last.port(), c.second.port()))
	return c
}

func (c chain) to(host string) Options { return Options{Host: host, Home: c.path, Env: noEnv} }

func TestJumpHosts(t *testing.T) {
	c := newChain(t)
	client := connect(t, c.to("last"))
	if c.first.users[0] != "first" || c.second.users[0] != "other" || c.last.users[0] != "ship" {
		t.Errorf("users %q, %q, %q", c.first.users, c.second.users, c.last.users)
	}
	var out strings.Builder
	if err := client.Run(t.Context(), "pwd -P", nil, &out, nil); err != nil || !strings.Contains(out.String(), "/") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if client.Channels() != 1 {
		t.Errorf("%d channels", client.Channels())
	}
	c.first.drop()
	select {
	case <-client.Lost():
	case <-time.After(soon):
		t.Error("the loss of a jump host goes unseen")
	}

	connect(t, c.to("nested"))
	connect(t, c.to("itself"))
	_, err := Dial(t.Context(), c.to("round"))
	wantText(t, err, "hosts lie on the way")
}

func TestFailuresBehindAJumpHost(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	options := c.to("last")
	c.write("known_hosts", "")
	_, err := Dial(t.Context(), options)
	wantText(t, err, "on the way to ", "connect to "+c.first.addr, "the host key is not known")
	if failure, is := errors.AsType[*deploy.Failure](err); !is || !strings.Contains(failure.Hint, "ssh-keyscan") {
		t.Error(err)
	}

	c = newChain(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	options = c.to("ship@" + nobody.Addr().String())
	c.write("config", "Host 127.0.0.1\n  ProxyJump first@"+c.first.addr+"\n")
	_, err = Dial(t.Context(), options)
	wantText(t, err, "connect to "+nobody.Addr().String(), "the jump host "+c.first.addr+" does not reach it", "refused")

	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	_, port, _ := net.SplitHostPort(silent)
	c.write("config", "Host silent\n  HostName 127.0.0.1\n  ConnectTimeout 1\n  Port "+port+"\n  ProxyJump first@"+c.first.addr+"\n")
	_, err = Dial(t.Context(), c.to("silent"))
	wantText(t, err, "connect to "+silent, "answer in 1s")
}
