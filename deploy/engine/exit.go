package engine

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// tailLines is how many lines of a command's output its failure repeats.
const tailLines = 20

// ExitError says that a command ended with a status other than 0.
type ExitError struct {
	// Code is the exit status.
	Code int
	// Lines are the last lines that it printed, oldest first.
	Lines []string
}

// Error gives the status, and the reason where the status is one of those that
// the engine, the shell or the kernel gives.
func (e *ExitError) Error() string {
	switch e.Code {
	case 126:
		return "exit status 126: the command cannot be executed"
	case 127:
		return "exit status 127: there is no such command in the image"
	case exitKilled:
		return "exit status 137: killed, by hand or for want of memory"
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// ExitCode is the status, for callers that know this type only as an interface.
func (e *ExitError) ExitCode() int { return e.Code }

// LastLines are the last lines of the output.
func (e *ExitError) LastLines() []string { return e.Lines }

// tail passes on what is written and keeps the last lines of it.
type tail struct {
	mu   sync.Mutex
	out  io.Writer
	kept []string
	open []byte
}

func newTail(out io.Writer) *tail {
	if out == nil {
		out = io.Discard
	}
	return &tail{out: out}
}

// Write never fails because the one who listens does: the command goes on.
func (t *tail) Write(content []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.Write(content)
	t.open = append(t.open, content...)
	for {
		line, rest, found := bytes.Cut(t.open, []byte("\n"))
		if !found {
			break
		}
		t.keep(line)
		t.open = rest
	}
	t.open = slices.Clone(t.open[max(0, len(t.open)-maxLine):])
	return len(content), nil
}

// maxLine bounds what is kept of one line.
const maxLine = 4 << 10

func (t *tail) keep(line []byte) {
	text := strings.TrimRight(string(line[:min(len(line), maxLine)]), "\r")
	t.kept = append(t.kept[max(0, len(t.kept)-tailLines+1):], text)
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := slices.Clone(t.kept)
	if len(t.open) > 0 {
		lines = append(lines, string(t.open))
	}
	return lines[max(0, len(lines)-tailLines):]
}
