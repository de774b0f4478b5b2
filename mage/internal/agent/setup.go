package agent

import (
	"context"
	"errors"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/system"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// setup prepares the host, or only looks whether it is.
func (s *server) setup(ctx context.Context) error {
	if s.Setup == nil {
		return errors.New("set up what?")
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	options := system.Options{
		Directory: s.Setup.Directory, Environment: s.Env, Owner: s.Setup.Owner, Binary: executable,
		Ports: s.Setup.Ports, Project: s.Setup.Project, Now: s.Now, Received: s.received,
	}
	report := func(item system.Item) { _ = s.say(Line{Item: &item}) }
	if s.Do == LookOver {
		return system.Check(ctx, options, report)
	}
	return system.Setup(ctx, options, report)
}

// check looks whether a rollout could begin.
func (s *server) check(ctx context.Context) error {
	return session.Check(ctx, session.CheckOptions{
		Env: s.Env, Now: s.Now, Received: s.received,
	}, func(finding deploy.Finding) { _ = s.say(Line{Finding: &finding}) })
}
