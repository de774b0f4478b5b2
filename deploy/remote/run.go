package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// ExitError is a command that did not end well.
type ExitError struct {
	// Status is the command's exit status; 128 and more where a signal ended
	// it, as a shell has it.
	Status int
	// Signal is the signal that ended the command, without SIG: "KILL".
	Signal string
	// Stderr is the end of what the command wrote there.
	Stderr string
}

// Error says how the command ended and the last it said.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("exit status %d", e.Status)
	if e.Signal != "" {
		text = "killed by SIG" + e.Signal
	}
	if said := strings.TrimSpace(e.Stderr); said != "" {
		text += ": " + said
	}
	return text
}

// maxTail is how much of stderr an error keeps.
const maxTail = 2 << 10

// Run runs a command in the login shell of the user on the host, until it has
// ended and closed its outputs: what it leaves running must not hold them.
// A command that fails is an *ExitError; one whose connection went is ErrLost,
// and may go on. When ctx ends, the command is hung up and its cause returned
// at once. stdin may be nil; one that never ends holds nothing up. Nothing is
// written to stdout and stderr after Run has returned, and either may be nil.
func (c *Client) Run(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) error {
	return c.run(ctx, command, nil, stdin, stdout, stderr)
}

func (c *Client) run(ctx context.Context, command string, terminal *Terminal, stdin io.Reader, stdout, stderr io.Writer) error {
	session, err := c.open(ctx)
	if err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out, errs := &sink{to: stdout, failed: stop}, &sink{to: stderr, failed: stop, keep: maxTail}
	defer out.shut()
	defer errs.shut()
	session.Stdout, session.Stderr = out, errs
	ended := make(chan error, 1)
	go func() { ended <- execute(running, session, command, terminal, stdin, stop) }()
	select {
	case err = <-ended:
	case <-running.Done():
		// Beside, because a connection that is stuck takes no more.
		go func() {
			_ = session.Signal(ssh.SIGHUP)
			_ = session.Close()
		}()
		return context.Cause(running)
	}
	_ = session.Close()
	exit, is := errors.AsType[*ssh.ExitError](err)
	switch {
	case err == nil:
		return nil
	case is:
		return &ExitError{Status: exit.ExitStatus(), Signal: exit.Signal(), Stderr: errs.tail()}
	}
	err = c.fate(ctx, err)
	if _, missing := errors.AsType[*ssh.ExitMissingError](err); missing {
		return errors.New("the host ended the command without saying how")
	}
	return err
}

// execute starts the command and waits for it. stdin is fed through a pipe of
// its own, because the library waits for a reader that it copies from.
func execute(ctx context.Context, session *ssh.Session, command string, terminal *Terminal, stdin io.Reader, stop func(error)) error {
	if terminal != nil {
		if err := terminal.request(ctx, session); err != nil {
			return err
		}
	}
	var pipe io.WriteCloser
	if stdin != nil {
		var err error
		if pipe, err = session.StdinPipe(); err != nil {
			return err
		}
	}
	if err := session.Start(command); err != nil {
		if !errors.Is(err, io.EOF) {
			err = errors.New("the host does not run commands for this user") // the library's text repeats the command
		}
		return err
	}
	if pipe != nil {
		go func() {
			source := &source{from: stdin}
			_, _ = io.Copy(pipe, source) // a command need not read all
			_ = pipe.Close()
			if source.err != nil {
				stop(fmt.Errorf("read the command's input: %w", source.err))
			}
		}()
	}
	return session.Wait()
}

// source is a reader that keeps its error, apart from those of the writer
// that it is copied to.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(into []byte) (int, error) {
	n, err := s.from.Read(into)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// sink passes on what a command writes until it is shut. When the writer
// fails the command has to be stopped: else it would wait forever for its
// output to be read.
type sink struct {
	to     io.Writer
	failed func(error)
	keep   int

	mutex  sync.Mutex
	closed bool
	kept   []byte
}

func (s *sink) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return len(text), nil
	}
	if s.keep > 0 {
		s.kept = append(s.kept, text...)
		s.kept = s.kept[max(0, len(s.kept)-s.keep):]
	}
	if s.to == nil {
		return len(text), nil
	}
	n, err := s.to.Write(text)
	if err != nil {
		s.failed(fmt.Errorf("pass on the command's output: %w", err))
	}
	return n, err
}

func (s *sink) shut() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
}

func (s *sink) tail() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return strings.ToValidUTF8(string(s.kept), "")
}
