package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// tellBound is how long people may take to be told, whatever becomes of that.
const tellBound = 15 * time.Second

// tellPeople has a process of its own tell people what came of the command: the
// supervisor reads no Compose file and knows nobody. What goes wrong with it
// changes nothing of what was done, and is noted. The deploy lock is free by
// now, so that nobody waits for a service that hangs.
func (s *Supervisor) tellPeople(ctx context.Context, over session.Over) {
	if !s.tells || !over.Result.Told(s.began) {
		return
	}
	if ctx.Err() != nil { // a command that was interrupted is told of too
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, tellBound)
	defer cancel()
	if err := s.startTelling(ctx, over); err != nil {
		s.note("what came of it could not be told: %v", err)
	}
}

func (s *Supervisor) startTelling(ctx context.Context, over session.Over) error {
	// As with a worker, the thread that starts it must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	request := s.Request
	request.Do, request.Over, request.Logins = Tell, &over, nil
	program, err := self()
	if err != nil {
		return err
	}
	teller := exec.CommandContext(ctx, program, Target)
	teller.SysProcAttr = withParent()
	in, err := teller.StdinPipe()
	if err != nil {
		return err
	}
	out, err := teller.StdoutPipe()
	if err != nil {
		return err
	}
	if err := teller.Start(); err != nil {
		return err
	}
	_ = json.NewEncoder(in).Encode(request) // one that cannot read it says nothing, which is seen below
	_ = in.Close()
	var result *deploy.Result
	_ = ReadLines(out, func(line Line, _ int) {
		switch {
		case line.Event != nil:
			s.event(*line.Event)
		case line.Result != nil:
			result = line.Result
		}
	})
	err = teller.Wait()
	switch {
	case result != nil:
		return result.Err()
	case ctx.Err() != nil:
		return fmt.Errorf("not within %s", tellBound)
	case err == nil:
		return errors.New("who was to tell it said nothing")
	}
	return fmt.Errorf("who was to tell it died: %w", err)
}

// tell is the process that tells.
func (s *server) tell(ctx context.Context) error {
	if s.Rollout == nil || s.Over == nil || s.Over.Result == nil {
		return errors.New("tell what?")
	}
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	return session.Tell(ctx, s.command(), *s.Over, func(event deploy.Event) { _ = s.say(Line{TranscriptLine: deploy.TranscriptLine{Event: &event}}) })
}
