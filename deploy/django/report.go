package django

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// event is one line of the program for this process.
type event struct {
	// Event is "begun" or "done" of a migration, "answer" or "failure".
	Event     string             `json:"event"`
	Migration deploy.MigrationID `json:"migration"`
	// Atomic says of a migration that has begun that all of it is done or
	// nothing.
	Atomic  bool            `json:"atomic"`
	Answer  json.RawMessage `json:"answer"`
	Failure refusal         `json:"failure"`
}

// report takes what the program prints apart: events are kept, everything else
// goes on to people, line by line. A traceback does not: of it the last line is
// kept, which says what happened.
type report struct {
	mu     sync.Mutex
	marker []byte
	out    io.Writer
	open   []byte
	trace  tracing
	// last is the last line for people, or that of a traceback.
	last string

	answer   json.RawMessage
	answered bool
	refused  *refusal
	done     []deploy.MigrationID
	// running is the migration that has begun and is not done.
	running *event
}

// tracing is where in a traceback the lines are.
type tracing int

const (
	outside tracing = iota
	inside
	// behind a traceback there may be a further one.
	behind
)

func newReport(marker string, out io.Writer) *report {
	if out == nil {
		out = io.Discard
	}
	return &report{marker: []byte(marker), out: out}
}

// Write never fails: the command goes on whoever listens.
func (r *report) Write(content []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, content...)
	for {
		line, rest, found := bytes.Cut(r.open, []byte("\n"))
		if !found {
			break
		}
		r.line(line)
		r.open = rest
	}
	r.open = bytes.Clone(r.open)
	return len(content), nil
}

// Close reads the last line, where its end was not printed.
func (r *report) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) > 0 {
		r.line(r.open)
		r.open = nil
	}
}

func (r *report) line(line []byte) {
	line = bytes.TrimRight(line, "\r")
	// What somebody printed without an end stands before an event.
	text, encoded, marked := bytes.Cut(line, r.marker)
	if len(text) > 0 || !marked {
		r.say(string(text))
	}
	var read event
	if !marked || json.Unmarshal(encoded, &read) != nil {
		return // an event that was cut off is none
	}
	switch read.Event {
	case "begun":
		r.running = &read
	case "done":
		r.running = nil
		r.done = append(r.done, read.Migration)
	case "answer":
		r.answer, r.answered = read.Answer, true
	case "failure":
		r.refused = &read.Failure
	}
}

// say passes a line on that is no part of a traceback.
func (r *report) say(line string) {
	line = conceal(line)
	switch {
	case strings.HasPrefix(line, "Traceback (most recent call last)"):
		r.trace = inside
		return
	case r.trace == inside:
		if !strings.HasPrefix(line, " ") && line != "" {
			r.trace, r.last = behind, line
		}
		return
	case r.trace == behind && (line == "" || strings.HasPrefix(line, "During handling of the above") || strings.HasPrefix(line, "The above exception was")):
		return
	}
	r.trace = outside
	if strings.TrimSpace(line) != "" {
		r.last = line
	}
	_, _ = io.WriteString(r.out, line+"\n") // whoever listens, the command goes on
}

// login is the part of an address that has a password in it.
var login = regexp.MustCompile(`://[^\s/@]*:[^\s/]*@`)

// conceal takes passwords out of addresses.
func conceal(text string) string { return login.ReplaceAllString(text, "://…@") }
