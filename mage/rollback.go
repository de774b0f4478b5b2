package mage

import (
	"context"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Rollback returns to a version that served before.
func Rollback(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	options := deploy.Options{Rollback: true, PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime)}
	return rollout(ctx, command{env: value(env), what: "rollback " + version, back: version, wait: value(wait), options: options},
		func(ctx context.Context, s *session.Session) (*deploy.Release, error) {
			return s.Recorded(ctx, version)
		})
}
