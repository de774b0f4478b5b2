package session

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

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
	if status.Serving == nil {
		return status, nil
	}
	status.State, err = s.Host.Observe(ctx, status.Serving)
	return status, err
}

// Logs copies a service's logs.
func (s *Session) Logs(ctx context.Context, service string, options engine.LogOptions, out io.Writer) error {
	serving, err := s.Host.Serving(ctx)
	if err != nil {
		return err
	}
	if serving == nil {
		return usage("%s has no release yet: there are no logs", s.Name)
	}
	if _, ok := serving.Service(service); !ok {
		var names []string
		for _, one := range serving.Environment.Services {
			names = append(names, one.Name)
		}
		slices.Sort(names)
		text := fmt.Sprintf("no service %s in %s", service, s.Name)
		if near := deploy.Nearest(service, names, 1); len(near) > 0 {
			text += "; did you mean " + near[0] + "?"
		}
		return usage("%s\nThere are %s.", text, strings.Join(names, ", "))
	}
	return s.Engine.Logs(ctx, serving.Environment.Project.Name, service, options, out)
}
