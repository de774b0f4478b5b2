package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Prune removes releases beyond x-deploy.retain: images, records, logs.
func Prune(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // say what would go and stop
) error {
	typed := []string{"prune"}
	if value(plan) {
		typed = append(typed, "-plan")
	}
	return onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		retention, err := s.Retention(ctx)
		if err != nil {
			return err
		}
		show.Retention(os.Stdout, retention)
		if value(plan) || retention.Empty() {
			return nil
		}
		pruned, err := s.Prune(ctx)
		if err == nil {
			show.Pruned(os.Stdout, pruned)
		}
		return err
	})
}
