package github

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// longest is how long a line may be; a longer one is broken.
const longest = 1 << 20

// log is what the runner reads: lines of one or two streams.
type log struct {
	token string
	mu    sync.Mutex
	// grouped says that a group is open.
	grouped bool
}

// stream is one of a command's, on its way to the log.
type stream struct {
	*log
	out io.Writer
	// each is told every line that is no command, before it is written; nil for
	// nobody.
	each func(line string)
	rest []byte
}

// Write hands whole lines on. A carriage return ends one, too, as the runner
// has it.
func (s *stream) Write(content []byte) (int, error) {
	s.rest = append(s.rest, content...)
	for {
		end := bytes.IndexAny(s.rest, "\r\n") + 1
		if end == 0 && len(s.rest) < longest {
			return len(content), nil
		}
		line, stop := s.rest[:max(end-1, 0)], string(s.rest[max(end-1, 0):end])
		if end == 0 || end > longest {
			line, stop, end = s.rest[:longest], "\n", longest
		}
		if err := s.line(string(line), stop); err != nil {
			return len(content), err
		}
		s.rest = s.rest[end:]
	}
}

// Close hands on what is left.
func (s *stream) Close() error {
	if len(s.rest) == 0 {
		return nil
	}
	rest := string(s.rest)
	s.rest = nil
	return s.line(rest, "")
}

func (s *stream) line(line, stop string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	command, ours := strings.CutPrefix(line, s.token)
	switch {
	case !ours:
		if s.each != nil {
			s.each(line)
		}
		_, err := io.WriteString(s.out, neutral(line)+stop)
		return err
	case strings.HasPrefix(command, "::group::"):
		err := s.endGroup(s.out)
		if err == nil {
			_, err = io.WriteString(s.out, command+"\n")
		}
		s.grouped = true
		return err
	case command == endGroup:
		return s.endGroup(s.out)
	default:
		_, err := io.WriteString(s.out, command+"\n")
		return err
	}
}

// endGroup ends the group that is open.
func (l *log) endGroup(out io.Writer) error {
	if !l.grouped {
		return nil
	}
	l.grouped = false
	_, err := io.WriteString(out, endGroup+"\n")
	return err
}
