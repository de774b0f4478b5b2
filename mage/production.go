package mage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// production is a release's tag on its way to an environment: a clean checkout
// of it, and the hosts.
type production struct {
	*laptop
	version string
	tree    *source.Copy
	waivers []deploy.Waiver
}

// openProduction checks the tag out. waive says what of the checklist may be
// missing, and why.
func openProduction(ctx context.Context, version, env, waive string) (*production, error) {
	p := &production{version: version}
	var err error
	if p.waivers, err = deploy.ParseWaivers(waive, session.Who()); err != nil {
		return nil, err
	}
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	commit, err := source.Tagged(ctx, root, version)
	if err != nil {
		return nil, err
	}
	if p.tree, err = source.Checkout(ctx, root, commit); err != nil {
		return nil, err
	}
	if p.laptop, err = openLaptop(ctx, cmp.Or(env, "production"), p.tree.Root); err != nil {
		return nil, errors.Join(err, p.tree.Close())
	}
	return p, nil
}

// Close removes the checkout and ends the connections.
func (p *production) Close() {
	p.laptop.Close()
	_ = p.tree.Close() // what stays is swept by the next one
}

// check shows the checklist, keeps the waivers that were needed, and refuses
// what is missing.
func (p *production) check(ctx context.Context) error {
	p.Say("%s is %s, checked out clean for %s", p.version, p.tree.Short, p.Name)
	findings, err := p.Checklist(ctx, p.version, &p.tree.Tree)
	if err != nil {
		return err
	}
	findings, p.waivers = deploy.Waive(findings, p.waivers)
	show.Checklist(os.Stdout, findings)
	return deploy.ChecklistError(findings, p.Name, p.version)
}
