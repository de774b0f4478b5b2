package mage

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Deploy rolls releases out.
type Deploy mg.Namespace

// Here rolls a version out on this machine, without losing a request.
func (Deploy) Here(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	overlap *string, // warm, brief or single; by free memory by default
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	options := deploy.Options{PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime), Overlap: deploy.Overlap(value(overlap))}
	return rollout(ctx, command{env: value(env), what: "deploy:here " + version, wait: value(wait), options: options},
		func(ctx context.Context, s *session.Session) (*deploy.Release, error) {
			return s.Release(ctx, version)
		})
}
