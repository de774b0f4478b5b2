package mage

import (
	"cmp"
	"context"
	"fmt"
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

// Production rolls a release's tag out, once the checklist is done.
// It is built from a clean checkout. On a terminal it asks for the environment's
// name first; a job says -yes.
func (Deploy) Production(ctx context.Context, version string,
	env *string, // another environment that is deployed like production
	yes *bool, // do not ask for the environment's name
	waive *string, // what of the checklist may be missing, and why: "notified: they sit here"
	acceptDowntime *bool, // consent to the interruptions that the plan shows
	overlap *string, // warm, brief or single; by free memory by default
	wait *time.Duration, // how long to wait for another command, such as 5m
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	p, err := openProduction(ctx, version, value(env), value(waive))
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.check(ctx); err != nil {
		return err
	}
	if err := confirm(p.Name, fmt.Sprintf("This deploys %s (%.12s) to %s.", version, p.tree.Commit, p.Name), value(yes)); err != nil {
		return err
	}
	return p.Deploy(ctx, fleet.Deploy{
		What: "deploy:production " + version, Version: version, Tree: &p.tree.Tree, Display: display(),
		From: []string{"sha-" + p.tree.Short}, Waivers: p.waivers,
		AcceptDowntime: value(acceptDowntime), Overlap: deploy.Overlap(value(overlap)), Wait: value(wait),
	})
}

// Checklist says whether a release's tag may go to production.
// It is what deploy:production begins with, and touches nothing.
func (Deploy) Checklist(ctx context.Context, version string,
	env *string, // another environment that is deployed like production
	waive *string, // what of the checklist may be missing, and why: "notified: they sit here"
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	p, err := openProduction(ctx, version, value(env), value(waive))
	if err != nil {
		return err
	}
	defer p.Close()
	return p.check(ctx)
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
