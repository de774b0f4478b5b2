package mage

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Adopt takes over a running shop that docker compose started, or undoes it.
func (Host) Adopt(ctx context.Context, environment string,
	version *string, // the version that takes over; its images are in the registry
	undo *bool, // go back to what stood before
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	request := agent.Rollout{
		What: "host:adopt " + environment, Version: value(version), Adopt: !value(undo), Undo: value(undo),
		PlanOnly: value(plan), AcceptDowntime: value(acceptDowntime), Wait: value(wait),
	}
	if request.Adopt == (request.Version == "") {
		return &deploy.Failure{
			Status: deploy.ExitUsage, Err: fmt.Errorf("host:adopt needs either the version that takes over, or -undo"),
			Hint: fmt.Sprintf("mage host:adopt %[1]s -version=v1.0.0, and back: mage host:adopt %[1]s -undo", environment),
		}
	}
	l, err := elsewhere(ctx, environment)
	if err != nil {
		return err
	}
	adopt := func(request agent.Rollout) error { return rollout(ctx, environment, request) }
	if l != nil {
		defer l.Close()
		adopt = func(request agent.Rollout) error { return l.Adopt(ctx, request) }
	}
	if !request.PlanOnly && !request.AcceptDowntime && term.IsTerminal(int(os.Stdin.Fd())) {
		look := request
		look.PlanOnly = true
		if err := adopt(look); err != nil {
			return err
		}
		if err := confirm(environment, "This interrupts "+environment+" as the plan says.", false); err != nil {
			return err
		}
		request.AcceptDowntime = true
	}
	return adopt(request)
}
