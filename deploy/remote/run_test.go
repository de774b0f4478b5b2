package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestRun(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	for what, test := range map[string]struct {
		command, in string
		out, errs   string
		status      int
		signal      string
	}{
		"success":            {command: "echo out; echo err >&2", out: "out\n", errs: "err\n"},
		"input":              {command: "cat", in: "some\nlines", out: "some\nlines"},
		"failure":            {command: "echo out; echo why >&2; exit 3", out: "out\n", errs: "why\n", status: 3},
		"unknown command":    {command: "exit 127", status: 127},
		"signal":             {command: "kill -9 $$", status: 137, signal: "KILL"},
		"input is not read":  {command: "exit 4", in: strings.Repeat("x", 4<<20), status: 4},
		"no input":           {command: "cat; echo end", out: "end\n"},
		"binary":             {command: "printf '\\000\\377'", out: "\x00\xff"},
		"much on both sides": {command: "head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' y >&2", out: strings.Repeat("x", 3000000), errs: strings.Repeat("y", 100000)},
	} {
		t.Run(what, func(t *testing.T) {
			var out, errs bytes.Buffer
			var in io.Reader
			if test.in != "" {
				in = strings.NewReader(test.in)
			}
			err := client.Run(t.Context(), test.command, in, &out, &errs)
			if out.String() != test.out || errs.String() != test.errs {
				t.Errorf("%d bytes of output, %d of errors", out.Len(), errs.Len())
			}
			if test.status == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			exit, is := errors.AsType[*ExitError](err)
			if !is || exit.Status != test.status || exit.Signal != test.signal || exit.Stderr != test.errs {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestExitErrorKeepsTheEnd(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	err := client.Run(t.Context(), "head -c 100000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1", nil, nil, nil)
	exit, is := errors.AsType[*ExitError](err)
	if !is || len(exit.Stderr) != maxTail || !strings.HasSuffix(err.Error(), "xthe end") || !strings.HasPrefix(err.Error(), "exit status 1: ") {
		t.Error(err)
	}
	if text := (&ExitError{Status: 137, Signal: "KILL"}).Error(); text != "killed by SIGKILL" {
		t.Error(text)
	}
}

// TestInputThatNeverEnds is a terminal at which nobody types.
func TestInputThatNeverEnds(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	in, held := io.Pipe()
	defer held.Close()
	if err := client.Run(t.Context(), "true", in, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestInputThatFails(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	in, out := io.Pipe()
	broken := errors.New("broken disk")
	go func() {
		_, _ = io.WriteString(out, "a secret")
		_ = out.CloseWithError(broken)
	}()
	err := client.Run(t.Context(), "cat; exec sleep 1000", in, nil, nil)
	if !errors.Is(err, broken) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

// TestOutputThatFails would else leave the command waiting for a reader.
func TestOutputThatFails(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	full := errors.New("pipe closed")
	if err := client.Run(t.Context(), "yes", nil, brokenWriter{full}, nil); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := client.Run(t.Context(), "true", nil, nil, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	hungUp := make(chan string, 10)
	_, client := over(t, serverOptions{onExec: func(channel ssh.Channel, _ string) {
		_, _ = io.WriteString(channel, "here")
		_, err := io.Copy(io.Discard, channel) // until the other side closes
		hungUp <- "closed"
		_ = err
	}}, 0)
	stopped := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	in, held := io.Pipe()
	defer held.Close()
	if err := client.Run(ctx, "", in, writer(func([]byte) { cancel(stopped) }), nil); !errors.Is(err, stopped) {
		t.Error(err)
	}
	<-hungUp
	if err := client.Run(ctx, "", nil, nil, nil); !errors.Is(err, stopped) {
		t.Errorf("with an ended context: %v", err)
	}
}

// TestNothingIsWrittenAfterRun leaves buffers to the caller.
func TestNothingIsWrittenAfterRun(t *testing.T) {
	_, client := over(t, serverOptions{}, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	returned := false
	err := client.Run(ctx, "yes", nil, writer(func([]byte) {
		if returned {
			t.Error("written after the end")
		}
		cancel(errors.New("enough"))
	}), nil)
	returned = true // the race detector would find it as well
	if err == nil {
		t.Error("no error")
	}
	if err := client.Run(t.Context(), "true", nil, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestHostThatDoesNotSayHowACommandEnded(t *testing.T) {
	_, client := over(t, serverOptions{onExec: func(ssh.Channel, string) {}}, 0)
	err := client.Run(t.Context(), "a secret", nil, nil, nil)
	wantText(t, err, "without saying how")
	if errors.Is(err, ErrLost) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
