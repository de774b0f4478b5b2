package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Target is the mage target that a host is asked through.
const Target = "host:serve"

// inherited is the descriptor under which a supervisor finds its transcript,
// and a worker the deploy lock.
const inherited = 3

// start starts a supervisor that outlives the connection, and follows it.
func (s *server) start(ctx context.Context) error {
	if s.Rollout == nil {
		return errors.New("start what?")
	}
	if token := s.Rollout.Token; token != "" {
		// The connection was lost before anybody could know that it runs.
		if id, err := s.store.Transcript(token); err == nil {
			s.Follow = &Follow{Run: id}
			return s.follow(ctx)
		}
	}
	transcript, err := s.store.NewTranscript(s.Rollout.What, s.Who, s.Rollout.Token)
	if err != nil {
		return err
	}
	request := *s.Request
	request.Do, request.Run = Attend, &transcript.Run
	err = detach(&request, transcript.File())
	if closeErr := transcript.File().Close(); err != nil || closeErr != nil {
		return errors.Join(err, closeErr)
	}
	s.Follow = &Follow{Run: transcript.Run.ID}
	return s.follow(ctx)
}

// detach starts a supervisor in a session of its own: neither the end of the SSH
// connection nor a signal to this process group reaches it. The request is
// written into the pipe before it starts, so that it has it even where
// this process dies at once.
func detach(request *Request, transcript *os.File) error {
	content, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	program, err := self()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	defer reader.Close()
	if len(content) > pipeSize {
		return errors.Join(fmt.Errorf("start the supervisor: the request of %d bytes is longer than %d", len(content), pipeSize), writer.Close())
	}
	_, err = writer.Write(content)
	if err := errors.Join(err, writer.Close()); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	// Not CommandContext: it is to live on.
	supervisor := exec.Command(program, Target) //nolint:noctx // see above
	supervisor.Stdin, supervisor.Stdout, supervisor.Stderr = reader, transcript, transcript
	supervisor.ExtraFiles = []*os.File{transcript}
	supervisor.SysProcAttr = ownSession()
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	return supervisor.Process.Release()
}

// pipeSize is what fits into a pipe before anybody reads, on Linux.
const pipeSize = 64 << 10
