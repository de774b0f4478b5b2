package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// line is one line of a container's log.
type line struct {
	at        time.Time
	container string
	text      string
}

// position is how far the two streams of a container's log were copied.
type position [2]mark

// mark is the stamp of a stream's last message, and how many had it.
type mark struct {
	at    time.Time
	count int
}

// options ask for what follows the position, the last messages once more; from
// since on where nothing was copied.
func (p *position) options(since time.Time) container.LogsOptions {
	var from time.Time
	for _, stream := range p {
		if !stream.at.IsZero() && (from.IsZero() || stream.at.Before(from)) {
			from = stream.at
		}
	}
	if from.IsZero() {
		from = since
	}
	options := container.LogsOptions{Follow: true, Tail: "all"}
	if !from.IsZero() {
		options.Since = from.Format(time.RFC3339Nano)
	}
	return options
}

// messages takes one stream of a log apart. The engine writes each message in
// one piece and with its stamp; one that ends without a line's end goes on with
// the next.
type messages struct {
	stream *mark
	// seen is where an earlier copy ended, and again how many messages of that
	// stamp came once more.
	seen  mark
	again int
	name  string
	each  func(line) error
	open  []byte
	began time.Time
}

// Write takes one message.
func (m *messages) Write(content []byte) (int, error) { return len(content), m.message(content) }

func (m *messages) message(piece []byte) error {
	stamp, text, found := bytes.Cut(piece, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if !found || err != nil {
		at, text = m.began, piece // not the engine's form: shown as it is
	} else if m.known(at) {
		return nil
	}
	if len(m.open) == 0 {
		m.began = at
	}
	m.open = append(m.open, text...)
	if bytes.HasSuffix(m.open, []byte("\n")) || len(m.open) > longestLine {
		return m.flush()
	}
	return nil
}

// longestLine is where a line without an end is cut.
const longestLine = 1 << 20

// known says whether an earlier copy had the message, and counts it where not.
func (m *messages) known(at time.Time) bool {
	switch {
	case at.Before(m.seen.at):
		return true
	case at.Equal(m.seen.at) && m.again < m.seen.count:
		m.again++
		return true
	case at.Equal(m.stream.at):
		m.stream.count++
	default:
		*m.stream = mark{at, 1}
	}
	return false
}

func (m *messages) flush() error {
	if len(m.open) == 0 {
		return nil
	}
	text := strings.TrimRight(string(m.open), "\r\n")
	m.open = m.open[:0]
	return m.each(line{at: m.began, container: m.name, text: text})
}

// readLogs reads a part of a container's log and notes how far it came.
func (e *Engine) readLogs(ctx context.Context, inspected container.InspectResponse, options container.LogsOptions, one *followed, each func(line) error) error {
	name := strings.TrimPrefix(inspected.Name, "/")
	stream, err := e.docker.ContainerLogs(ctx, inspected.ID, options)
	if err != nil {
		return fmt.Errorf("read the logs of container %s: %w", name, gone(err))
	}
	defer stream.Close()
	out := &messages{stream: &one.at[0], seen: one.at[0], name: name, each: each}
	errs := &messages{stream: &one.at[1], seen: one.at[1], name: name, each: each}
	if inspected.Config.Tty {
		err = eachLine(stream, out.message) // one stream, without frames
	} else {
		_, err = stdcopy.StdCopy(out, errs, stream)
	}
	for _, one := range []*messages{out, errs} {
		if flushed := one.flush(); err == nil {
			err = flushed
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the logs of container %s: %w", name, err)
	}
	return nil
}

// eachLine hands on a stream line by line, with the lines' ends.
func eachLine(stream io.Reader, each func(line []byte) error) error {
	reader := bufio.NewReader(stream)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// merge hands on the lines of all sources in the order of time, each source's
// in its own order. A failed write ends it once the sources have ended.
func merge(sources []<-chan line, each func(line) error) error {
	heads := make([]line, len(sources))
	open := make([]bool, len(sources))
	for at, source := range sources {
		heads[at], open[at] = <-source
	}
	var failed error
	for {
		next := -1
		for at := range sources {
			if open[at] && (next < 0 || heads[at].at.Before(heads[next].at)) {
				next = at
			}
		}
		if next < 0 {
			return failed
		}
		if failed == nil {
			failed = each(heads[next])
		}
		heads[next], open[next] = <-sources[next]
	}
}

// lineLog writes lines, each behind its container's name, with all names as
// wide as the widest so far.
type lineLog struct {
	mu    sync.Mutex
	out   io.Writer
	match string
	width int
}

// widen makes room for a name.
func (l *lineLog) widen(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.width = max(l.width, len(name))
}

func (l *lineLog) write(next line) error {
	text := printable(next.text)
	if !strings.Contains(text, l.match) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := fmt.Fprintf(l.out, "%-*s | %s\n", l.width, next.container, text)
	return err
}

// escapes are what terminals take for commands: colours, titles, the cursor.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)`)

// printable is a text without what a terminal would do something at.
func printable(text string) string {
	if strings.ContainsRune(text, '\x1b') {
		text = escapes.ReplaceAllString(text, "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}
