package session

import (
	"context"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Retention looks what of the recorded releases is kept and what is not.
func (s *Session) Retention(ctx context.Context) (*deploy.Retention, error) {
	serving, err := s.Host.Serving(ctx)
	if err != nil {
		return nil, err
	}
	if serving == nil {
		return nil, usage("%s has no release yet: there is nothing to prune", s.Name)
	}
	return s.Host.Store.Retention(serving.Environment.Settings.Retain, serving)
}

// Prune removes what is not kept, with the deploy lock held: what another
// command is about to start is not taken away under it.
func (s *Session) Prune(ctx context.Context) (deploy.Pruned, error) {
	if err := s.Lock(ctx, "prune"); err != nil {
		return deploy.Pruned{}, err
	}
	retention, err := s.Retention(ctx)
	if err != nil {
		return deploy.Pruned{}, err
	}
	pruned, err := s.Host.Prune(ctx, retention)
	if err == nil {
		err = s.Note("%s", pruned)
	}
	return pruned, err
}
