package deploy

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// lastLines is how many lines of a failed container or command are shown.
const lastLines = 15

// lineWriter passes on whole lines and keeps the last of them.
type lineWriter struct {
	emit func(line string)
	// clean is what becomes of a line before it is passed on; nil leaves it.
	clean func(line string) string
	// limit is how many characters of a line are kept at all; 0 for all.
	limit int
	last  []string
	rest  []byte
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.rest = append(w.rest, data...)
	for {
		at := bytes.IndexByte(w.rest, '\n')
		if at < 0 {
			if most := w.limit * utf8.UTFMax; most > 0 && len(w.rest) > 2*most {
				w.rest = w.rest[:most+1] // one that never ends must not fill the memory
			}
			return len(data), nil
		}
		w.line(string(w.rest[:at]))
		w.rest = w.rest[at+1:]
	}
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = nil
	}
}

func (w *lineWriter) line(text string) {
	text = strings.TrimRight(text, "\r")
	if w.clean != nil {
		text = w.clean(text)
	}
	if w.emit != nil {
		w.emit(text)
	}
	w.last = append(w.last, text)
	if len(w.last) > lastLines {
		w.last = w.last[1:]
	}
}

// tail gives the last lines of a log without the engine's time stamps, which
// matter in what is kept, not in what is shown; a negative count takes them
// all.
func tail(log []byte, count int) []string {
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	if count >= 0 {
		lines = lines[max(0, len(lines)-count):]
	}
	for at, line := range lines {
		stamp, rest, found := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339Nano, stamp); found && err == nil {
			lines[at] = rest
		}
	}
	return lines
}
