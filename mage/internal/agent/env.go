package agent

import (
	"context"
	"errors"

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
		if err := s.store.WriteEnv(s.Variables); err != nil {
			return err
		}
	}
	return s.say(Line{Env: changes})
}
