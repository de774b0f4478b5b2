//go:build integration

package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// transcript is a writer that can be waited on.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{}
}

func newTranscript() *transcript { return &transcript{written: make(chan struct{}, 1024)} }

func (s *transcript) Write(content []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.written <- struct{}{} }()
	return s.text.Write(content)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *transcript) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.written:
		case <-t.Context().Done():
			t.Fatalf("it never said %q: %q", text, s)
		}
	}
}

func TestAttach(t *testing.T) {
	app := newApplication(t)
	web := app.create(app.release(plain), "web", 1)[0]
	t.Run("streams and status", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		err := app.engine.Attach(t.Context(), web.Name, []string{"/probe", "echo", "7"}, Attachment{
			Stdin: strings.NewReader("one\ntwo"), Stdout: &stdout, Stderr: &stderr,
		})
		exit, ok := errors.AsType[*ExitError](err)
		if !ok || exit.Code != 7 || strings.Contains(err.Error(), "echo") {
			t.Errorf("it ended with %v", err)
		}
		if stdout.String() != "no terminal\none\ntwo" || stderr.String() != "to stderr\n" {
			t.Errorf("it said %q and %q", &stdout, &stderr)
		}
	})
	t.Run("nothing to read", func(t *testing.T) {
		var out bytes.Buffer
		must(t, app.engine.Attach(t.Context(), web.Name, []string{"/probe", "echo", "0"}, Attachment{Stdout: &out, Stderr: io.Discard}))
		if out.String() != "no terminal\n" {
			t.Errorf("it said %q", &out)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		in, typing := io.Pipe()
		out, resized := newTranscript(), make(chan Size)
		ended := make(chan error, 1)
		go func() {
			ended <- app.engine.Attach(t.Context(), web.Name, []string{"/probe", "echo", "3"}, Attachment{
				Stdin: in, Stdout: out, Terminal: &Terminal{Kind: "vt100", Size: Size{Width: 91, Height: 31}, Resized: resized},
			})
		}()
		out.await(t, "terminal of 91x31")
		resized <- Size{Width: 101, Height: 41}
		out.await(t, "terminal of 101x41")
		_, err := io.WriteString(typing, "typed\n\x04") // the terminal's own end of input
		must(t, err)
		if exit, ok := errors.AsType[*ExitError](<-ended); !ok || exit.Code != 3 {
			t.Errorf("it ended with %v", exit)
		}
		if said := out.String(); strings.Count(said, "typed\r\n") != 2 || !strings.Contains(said, "to stderr\r\n") {
			t.Errorf("it said %q", said)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, _ := io.Pipe()
		out := newTranscript()
		ended := make(chan error, 1)
		go func() {
			ended <- app.engine.Attach(ctx, web.Name, []string{"/probe", "echo", "0"}, Attachment{Stdin: in, Stdout: out, Stderr: io.Discard})
		}()
		out.await(t, "no terminal")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Run("no such command", func(t *testing.T) {
		err := app.engine.Attach(t.Context(), web.Name, []string{"/nothing", "secret-word"}, Attachment{Stdout: io.Discard, Stderr: io.Discard})
		if err == nil {
			t.Error("it went well")
		}
		t.Log(err)
	})
	if err := app.engine.Attach(t.Context(), app.name+"-none", []string{"x"}, Attachment{}); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("in a container that is gone: %v", err)
	}
}
