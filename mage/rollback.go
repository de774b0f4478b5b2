package mage

import (
	"context"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// Rollback returns to a version that served before, or to previous.
func Rollback(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	request := agent.Rollout{
		What: "rollback " + version, Version: version, Rollback: true,
		PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime), Wait: value(wait),
	}
	return carry(ctx, value(env), request, (*laptop).Return)
}
