package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// session is a conversation with one psql, in which a transaction or a lock can
// be held. It ends when its input does, also when this process is killed.
type session struct {
	input  *io.PipeWriter
	output *bufio.Reader
	ended  chan error
	cancel context.CancelFunc
}

// answered stands behind each answer.
const answered = "-- answered --"

// open begins a session on a database, under a name. Whatever else is connected
// under a name of its own is ended with it, if that is not empty: a pg_dump
// does not notice that nobody reads any more.
func (s *server) open(ctx context.Context, database, name, others string) *session {
	ctx, cancel := context.WithCancel(ctx)
	command := psql
	if others != "" {
		command = append(append([]string{}, psql...), "--command=SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "+literal(others))
	}
	input, feed := io.Pipe()
	output, out := io.Pipe()
	c := &session{input: feed, output: bufio.NewReader(output), ended: make(chan error, 1), cancel: cancel}
	go func() {
		err := s.engine.Pipe(ctx, s.container, s.as(database, name, command...), input, out)
		_ = input.Close()
		_ = out.Close()
		c.ended <- err
	}()
	return c
}

// ask says statements and gives the lines of their answer. The session is over
// once it fails.
func (c *session) ask(statements string) ([]string, error) {
	if _, err := io.WriteString(c.input, speakUTF8+statements+"\n\\echo '"+answered+"'\n"); err != nil {
		return nil, c.failed(err)
	}
	var answer []string
	for {
		line, err := c.output.ReadString('\n')
		if err != nil {
			return nil, c.failed(err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == answered {
			return answer, nil
		}
		if line != "" {
			answer = append(answer, line)
		}
	}
}

// failed prefers what psql failed of to that it is gone.
func (c *session) failed(err error) error {
	_ = c.input.Close()
	ended := <-c.ended
	c.ended <- ended
	if ended != nil {
		return ended
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		return errors.New("psql ended before it had answered")
	}
	return fmt.Errorf("talk to psql: %w", err)
}

// close ends the session, and what it holds with it.
func (c *session) close() {
	_ = c.input.Close()
	go func() { _, _ = io.Copy(io.Discard, c.output) }()
	c.ended <- <-c.ended // for whoever asks again
	c.cancel()
}
