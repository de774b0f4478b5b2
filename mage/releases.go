package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Releases lists what a rollback can go to.
func Releases(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"releases"}, func(ctx context.Context, s *session.Session) error {
		candidates, err := s.Releases(ctx)
		if err != nil {
			return err
		}
		show.Releases(os.Stdout, candidates)
		return nil
	})
}
