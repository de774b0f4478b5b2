package agent

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// env compares the host's variables with others, and puts those in place.
func (s *server) env(ctx context.Context) error {
	if s.Variables == nil {
		return errors.New("compare with what?")
	}
	changes, err := session.CompareEnv(ctx, s.store, s.Variables)
	if err != nil {
		return err
	}
	if s.Do == PushEnv && !changes.Empty() {
		if err := s.pushEnv(changes); err != nil {
			return err
		}
	}
	return s.say(Line{Env: changes})
}

// pushEnv replaces the variables, and names their keys in the history.
func (s *server) pushEnv(changes *session.EnvChanges) error {
	transcript, err := s.store.NewTranscript("env:push", s.Who, "")
	if err == nil {
		transcript.Run.Direct = true
		err = transcript.Begin()
	}
	if err != nil {
		return err
	}
	for _, part := range []struct {
		word string
		keys []string
	}{{"new", changes.Added}, {"other value", changes.Changed}, {"gone", changes.Removed}} {
		if len(part.keys) > 0 {
			text := part.word + ": " + strings.Join(part.keys, ", ")
			_ = transcript.Event(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: text}) // they are said to who asked, too
		}
	}
	err = s.store.WriteEnv(s.Variables)
	return errors.Join(err, transcript.End(deploy.NewResult(nil, err)))
}
