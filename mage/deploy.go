package mage

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/fleet"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Deploy rolls releases out.
type Deploy mg.Namespace

// Staging builds the commit that is checked out, and rolls it out on staging.
func (Deploy) Staging(ctx context.Context,
	env *string, // another environment that is deployed like staging
	dirty *bool, // deploy changes that are not committed, too
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	overlap *string, // warm, brief or single; by free memory by default
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := openLaptop(ctx, cmp.Or(value(env), "staging"), "")
	if err != nil {
		return err
	}
	defer l.Close()
	tree, err := source.Read(ctx, l.Root)
	if err != nil {
		return err
	}
	version, err := tree.Version(value(dirty))
	if err != nil {
		return err
	}
	l.Say("%s of %s for %s", version, cmp.Or(tree.Branch, "a commit"), l.Name)
	return l.Deploy(ctx, fleet.Deploy{
		What: "deploy:staging " + version, Version: version, Tree: tree, Display: display(),
		AcceptDowntime: value(acceptDowntime), Overlap: deploy.Overlap(value(overlap)), Wait: value(wait),
	})
}

// Production builds a release's tag from a clean checkout, and rolls it out.
func (Deploy) Production(ctx context.Context, version string,
	env *string, // another environment that is deployed like production
	yes *bool, // do not ask for the environment's name
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	overlap *string, // warm, brief or single; by free memory by default
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the project: %w", err)
	}
	commit, err := source.Tagged(ctx, root, version)
	if err != nil {
		return err
	}
	name := cmp.Or(value(env), "production")
	if err := confirm(name, fmt.Sprintf("This deploys %s (%.12s) to %s.", version, commit, name), value(yes)); err != nil {
		return err
	}
	checkout, err := source.Checkout(ctx, root, commit)
	if err != nil {
		return err
	}
	defer checkout.Close()
	l, err := openLaptop(ctx, name, checkout.Root)
	if err != nil {
		return err
	}
	defer l.Close()
	l.Say("%s is %s, checked out clean for %s", version, checkout.Short, l.Name)
	return l.Deploy(ctx, fleet.Deploy{
		What: "deploy:production " + version, Version: version, Tree: &checkout.Tree, Display: display(),
		From:           []string{"sha-" + checkout.Short},
		AcceptDowntime: value(acceptDowntime), Overlap: deploy.Overlap(value(overlap)), Wait: value(wait),
	})
}

// Here rolls a version out on this machine, without losing a request.
func (Deploy) Here(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	plan *bool, // print the plan and stop
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	overlap *string, // warm, brief or single; by free memory by default
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	request := agent.Rollout{
		What: "deploy:here " + version, Version: version, PlanOnly: value(plan),
		AcceptDowntime: value(acceptDowntime), Overlap: deploy.Overlap(value(overlap)), Wait: value(wait),
	}
	return rollout(ctx, value(env), request)
}

// Plan prints what a deploy of a version that was pushed would do.
func (Deploy) Plan(ctx context.Context, environment, version string) error {
	request := agent.Rollout{What: "deploy:plan " + version, Version: version, PlanOnly: true}
	return carry(ctx, environment, request, (*laptop).Rollout)
}

// Follow shows the deploy that is running, or the last one, to its end.
func (Deploy) Follow(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := elsewhere(ctx, value(env))
	if err != nil {
		return err
	}
	if l == nil {
		return followHere(ctx, value(env))
	}
	defer l.Close()
	return l.Follow(ctx)
}
