package remote

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// over connects to a site through a relay.
func over(t *testing.T, options serverOptions, interval time.Duration) (*relay, *Client) {
	t.Helper()
	v, key := newVisitor(t), newKey(t)
	options.hostKeys, options.allowed = []ssh.Signer{key}, v.allowed()
	s := newServer(t, options)
	r := newRelay(t, s.addr)
	s.addr = r.addr
	v.write("known_hosts", s.known(key))
	reach := v.options(r.addr)
	reach.KeepAlive = interval
	return r, connect(t, reach)
}

// ofClients gives the stacks of goroutines that serve a client.
func ofClients() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "remote.(*Client).") || strings.Contains(stack, "ssh.(*Client).") || strings.Contains(stack, "sftp.(*clientConn).") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// TestVanishedPackets has every call end when the line falls dead, and none
// of the goroutines behind them stay.
func TestVanishedPackets(t *testing.T) {
	const interval = 100 * time.Millisecond
	r, client := over(t, serverOptions{}, interval)
	var calls sync.WaitGroup
	errs := make(chan error, 4)
	ready := make(chan struct{}, 1)
	calls.Go(func() {
		errs <- client.Run(t.Context(), "echo; exec sleep 1000", nil, writer(func([]byte) { ready <- struct{}{} }), nil)
	})
	<-ready
	began := time.Now()
	r.freeze()
	calls.Go(func() { errs <- client.Run(t.Context(), "true", nil, nil, nil) })
	calls.Go(func() { _, err := client.Look(t.Context()); errs <- err })
	calls.Go(func() {
		_, err := client.Upload(t.Context(), nil, File{Path: "x", Content: strings.NewReader("x")})
		errs <- err
	})
	calls.Wait()
	took := time.Since(began)
	for range cap(errs) {
		if err := <-errs; !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "nothing came from it for 300ms") {
			t.Error(err)
		}
	}
	if took > 4*interval+soon {
		t.Errorf("it took %s", took)
	}
	if err := client.Run(t.Context(), "true", nil, nil, nil); !errors.Is(err, ErrLost) {
		t.Errorf("afterwards: %v", err)
	}
	client.Close()
	deadline := time.After(soon)
	for left := ofClients(); left != ""; left = ofClients() {
		select {
		case <-deadline:
			t.Fatalf("goroutines are left:\n%s", left)
		default:
			runtime.Gosched()
		}
	}
}

// TestLineThatAnswersStays outlives many keep-alives.
func TestLineThatAnswersStays(t *testing.T) {
	t.Parallel()
	_, client := over(t, serverOptions{}, 100*time.Millisecond)
	if err := client.Run(t.Context(), "sleep 1", nil, nil, nil); err != nil {
		t.Error(err)
	}
}

// TestTrafficCountsAsAnAnswer is a host that is too busy sending to answer.
func TestTrafficCountsAsAnAnswer(t *testing.T) {
	t.Parallel()
	_, client := over(t, serverOptions{mute: true}, 150*time.Millisecond)
	if err := client.Run(t.Context(), "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo; sleep 0.05; done", nil, nil, nil); err != nil {
		t.Error(err)
	}
	if err := client.Run(t.Context(), "exec sleep 1000", nil, nil, nil); !errors.Is(err, ErrLost) {
		t.Errorf("once it is silent: %v", err)
	}
}

func TestClosedConnection(t *testing.T) {
	v, key := newVisitor(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	v.write("known_hosts", s.known(key))
	client := connect(t, v.options(s.addr)) // with keep-alives of 5 s, which must not be waited for
	began := time.Now()
	err := client.Run(t.Context(), "echo; exec sleep 1000", nil, writer(func([]byte) { s.drop() }), nil)
	if !errors.Is(err, ErrLost) || time.Since(began) > keepAlive {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if _, err := client.Look(t.Context()); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

func TestClosedHere(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	err := client.Run(t.Context(), "echo; exec sleep 1000", nil, writer(func([]byte) { go client.Close() }), nil)
	if errors.Is(err, ErrLost) || !errors.Is(err, errClosed) {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func TestChannelsAreCounted(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	for i := range 3 {
		if client.Channels() != i {
			t.Errorf("%d channels, want %d", client.Channels(), i)
		}
		if err := client.Run(t.Context(), "true", nil, nil, nil); err != nil {
			t.Error(err)
		}
	}
}
