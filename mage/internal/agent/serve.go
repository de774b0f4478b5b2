package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Serve answers one request. It runs in the deploy directory.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	received := time.Now()
	requests := json.NewDecoder(io.LimitReader(in, longestRequest))
	request, err := readRequest(requests)
	if err != nil {
		return err
	}
	directory, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the deploy directory: %w", err)
	}
	s := &server{
		Request: request, received: received, in: requests, answer: json.NewEncoder(out), out: out,
		store: &deploy.Store{Directory: directory, Environment: request.Env},
	}
	switch request.Do {
	case Start:
		err = s.start(ctx)
	case Attend:
		return s.supervise(ctx) // its answer is the transcript
	case Work:
		return s.work(ctx)
	case Resume:
		err = s.follow(ctx)
	case Cancel:
		err = s.cancel()
	case Check:
		err = s.check(ctx)
	case Stand:
		err = s.stand()
	case SetUp, LookOver:
		err = s.setup(ctx)
	case DiffEnv, PushEnv:
		err = s.env(ctx)
	default:
		err = fmt.Errorf("%q is nothing that a host can be asked", request.Do)
	}
	if errors.Is(err, errAnswered) {
		return nil
	}
	return s.say(Line{TranscriptLine: deploy.TranscriptLine{Result: deploy.NewResult(nil, err)}})
}

// errAnswered says that the result was in what was followed.
var errAnswered = errors.New("the result was said")

type server struct {
	*Request
	received time.Time
	store    *deploy.Store
	in       *json.Decoder
	out      io.Writer
	mu       sync.Mutex
	answer   *json.Encoder
}

func (s *server) say(line Line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer.Encode(line)
}

// follow copies a transcript.
func (s *server) follow(ctx context.Context) error {
	if s.Follow == nil {
		return errors.New("follow what?")
	}
	err := s.store.Follow(ctx, s.Follow.Run, s.Follow.From, s.out)
	switch {
	case errors.Is(err, deploy.ErrNoTranscript):
		return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("nothing was deployed to %s yet: there is nothing to follow", s.Env)}
	case errors.Is(err, deploy.ErrDied):
		return &deploy.Failure{
			Err:  err,
			Hint: "What serves goes on serving. The next deploy or rollback clears what is left; `mage status` shows it.",
		}
	case err != nil:
		return err
	}
	return errAnswered
}

// cancel asks the process that has the deploy lock to go back.
func (s *server) cancel() error {
	holder, err := s.store.Holder()
	if err != nil || holder == nil {
		return err // it is over already
	}
	return terminate(*holder)
}
