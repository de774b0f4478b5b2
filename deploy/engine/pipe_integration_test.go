//go:build integration

package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// newShell is a running container with a shell in it.
func newShell(t testing.TB) (*application, string) {
	t.Helper()
	deploytest.Base(t)
	app := newApplication(t)
	created := app.create(app.release(`
services:
  shell: {image: "debian:trixie-slim", command: [sleep, infinity], stop_signal: SIGKILL}
`), "shell", 1)
	return app, created[0].Name
}

// running says whether a program of that name runs in the container.
func (a *application) running(container, program string) bool {
	a.t.Helper()
	var out bytes.Buffer
	must(a.t, a.engine.Pipe(a.t.Context(), container, []string{"sh", "-c", `cat /proc/[0-9]*/comm 2>/dev/null || :`}, nil, &out))
	return strings.Contains(out.String(), program)
}

func TestPipeStreamsBothWays(t *testing.T) {
	app, shell := newShell(t)
	const size = 40 << 20
	sent, received := sha256.New(), sha256.New()
	content := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sent)
	must(t, app.engine.Pipe(t.Context(), shell, []string{"cat"}, content, received))
	if got, want := hex.EncodeToString(received.Sum(nil)), hex.EncodeToString(sent.Sum(nil)); got != want {
		t.Errorf("came back as %s, was %s", got, want)
	}

	var out bytes.Buffer
	must(t, app.engine.Pipe(t.Context(), shell, []string{"sh", "-c", `echo "$1"; echo complaint >&2; wc -c`, "sh", "an 'odd' argument"}, nil, &out))
	if fields := strings.TrimSpace(out.String()); fields != "an 'odd' argument\n0" {
		t.Errorf("output %q", fields)
	}
}

func TestPipeSaysHowACommandFailed(t *testing.T) {
	app, shell := newShell(t)
	var out bytes.Buffer
	err := app.engine.Pipe(t.Context(), shell, []string{"sh", "-c", "echo fine; echo first >&2; echo second >&2; exit 3"}, strings.NewReader("not wanted"), &out)
	ended, ok := errors.AsType[*ExitError](err)
	if !ok || ended.Code != 3 || strings.Join(ended.Lines, " ") != "first second" || out.String() != "fine\n" {
		t.Errorf("error %v, output %q", err, out.String())
	}
	err = app.engine.Pipe(t.Context(), shell, []string{"nothing-of-that-name"}, nil, nil)
	if ended, ok := errors.AsType[*ExitError](err); !ok || ended.Code != 127 {
		t.Errorf("error %v, want status 127", err)
	}
	if err := app.engine.Pipe(t.Context(), "nobody-of-that-name", []string{"true"}, nil, nil); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("error %v, want that there is no such container", err)
	}
	// One that does not want its input ends, however long that is.
	must(t, app.engine.Pipe(t.Context(), shell, []string{"head", "-c", "10"}, rand.NewChaCha8([32]byte{}), nil))
}

// TestAPipeThatBreaksEndsItsCommand in each way in which it can break.
func TestAPipeThatBreaksEndsItsCommand(t *testing.T) {
	app, shell := newShell(t)
	broken := errors.New("broken")
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := app.engine.Pipe(ctx, shell, []string{"sh", "-c", "echo begun; exec sleep 997"}, nil, writerFunc(func(content []byte) (int, error) {
			cancel(broken)
			return len(content), nil
		}))
		if !errors.Is(err, broken) || app.running(shell, "sleep\nsleep") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("context before it says anything", func(t *testing.T) {
		for after := range 8 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(after*after)*5*time.Millisecond)
			err := app.engine.Pipe(ctx, shell, []string{"tail", "-f", "/dev/null"}, nil, nil)
			cancel()
			if err == nil || app.running(shell, "tail") {
				t.Errorf("error %v, tail runs: %t", err, app.running(shell, "tail"))
			}
		}
	})
	t.Run("input", func(t *testing.T) {
		err := app.engine.Pipe(t.Context(), shell, []string{"tail", "-f", "/dev/null"}, io.MultiReader(strings.NewReader("some"), failing{broken}), nil)
		if !errors.Is(err, broken) || app.running(shell, "tail") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("output", func(t *testing.T) {
		err := app.engine.Pipe(t.Context(), shell, []string{"yes"}, nil, writerFunc(func([]byte) (int, error) { return 0, broken }))
		if !errors.Is(err, broken) || app.running(shell, "yes") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a command that does not want to", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := app.engine.Pipe(ctx, shell, []string{"sh", "-c", "trap '' TERM PIPE; echo begun; while :; do read -r line || :; done"}, nil, writerFunc(func(content []byte) (int, error) {
			cancel(broken)
			return len(content), nil
		}))
		if !errors.Is(err, broken) || app.running(shell, "sh\nsh") {
			t.Errorf("error %v", err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestPipeDoesNotReadAhead stops taking the output, and sees the command wait.
func TestPipeDoesNotReadAhead(t *testing.T) {
	app, shell := newShell(t)
	const size = 64 << 20
	content := &counted{Reader: io.LimitReader(rand.NewChaCha8([32]byte{2}), size)}
	output, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := app.engine.Pipe(t.Context(), shell, []string{"cat"}, content, out)
		done <- errors.Join(err, out.Close())
	}()
	buffer := make([]byte, 1)
	_, err := io.ReadFull(output, buffer) // and no more
	must(t, err)
	// Whatever is between the two ends is full once a whole look at the
	// container later nothing more was read.
	for before := int64(-1); before != content.read(); {
		before = content.read()
		app.running(shell, "cat")
	}
	if read := content.read(); read > size/2 {
		t.Errorf("%d MB were read while 1 byte was taken", read>>20)
	}
	rest, err := io.Copy(io.Discard, output)
	must(t, err)
	must(t, <-done)
	if rest+1 != size {
		t.Errorf("%d bytes came back", rest+1)
	}
}

// counted says how much was read.
type counted struct {
	io.Reader
	total atomic.Int64
}

func (c *counted) Read(buffer []byte) (int, error) {
	read, err := c.Reader.Read(buffer)
	c.total.Add(int64(read))
	return read, err
}

func (c *counted) read() int64 { return c.total.Load() }
