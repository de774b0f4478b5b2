package session

import (
	"context"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// Status is what an environment is doing now.
type Status struct {
	Environment string
	// Serving is nil where nothing was deployed.
	Serving *deploy.Release
	State   deploy.State
	// Holder is the command that is running; nil for none.
	Holder *deploy.Holder
	// Adoption is one that is not finished; nil for none.
	Adoption *deploy.Adoption
	// Maintenance is the one that is on; nil for none.
	Maintenance *deploy.Maintenance
}

// Status observes the environment without changing anything.
func (s *Session) Status(ctx context.Context) (*Status, error) {
	status := &Status{Environment: s.Name}
	var err error
	if status.Serving, err = s.Host.Serving(ctx); err != nil {
		return nil, err
	}
	if status.Holder, err = s.Host.Store.Holder(); err != nil {
		return nil, err
	}
	adoption, err := s.Host.Store.Adoption()
	if err != nil {
		return nil, err
	}
	if adoption != nil && adoption.Unfinished {
		status.Adoption = adoption
	}
	if status.Maintenance, err = s.Host.Store.Maintenance(); err != nil {
		return nil, err
	}
	if status.Serving == nil {
		return status, nil
	}
	status.State, err = s.Host.Observe(ctx, status.Serving)
	return status, err
}

// Logs copies a service's logs, or those of all services where it is empty.
func (s *Session) Logs(ctx context.Context, service string, options engine.LogOptions, out io.Writer) error {
	serving, err := s.deployed(ctx)
	if err != nil {
		return err
	}
	if service != "" {
		if err := s.known(serving, service); err != nil {
			return err
		}
	}
	return s.Engine.Logs(ctx, serving.Environment.Project.Name, service, options, out)
}
