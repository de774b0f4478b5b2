package mage

import (
	"context"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// Restart replaces the containers of the release that serves, without a gap.
func Restart(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	all *bool, // databases and the proxy too, which interrupts
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	request := agent.Rollout{
		What: "restart", Renew: deploy.RenewRolled,
		PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime), Wait: value(wait),
	}
	if value(all) {
		request.What, request.Renew = "restart -all", deploy.RenewAll
	}
	return carry(ctx, value(env), request, (*laptop).Repair)
}
