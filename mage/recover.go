package mage

import (
	"context"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// Recover repairs what an interrupted command has left.
func Recover(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	request := agent.Rollout{
		What: "recover", Recover: true, PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime), Wait: value(wait),
	}
	return carry(ctx, value(env), request, (*laptop).Repair)
}
