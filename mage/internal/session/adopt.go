package session

import (
	"context"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// adopt takes over what somebody else has started, or undoes that.
func (s *Session) adopt(ctx context.Context, c Command) (*deploy.Report, error) {
	if c.Undo {
		return s.Host.Unadopt(ctx, c.Options)
	}
	release, err := s.Release(ctx, c.Version, c.Background)
	if err != nil {
		return nil, err
	}
	if !c.Options.PlanOnly {
		if err := s.ready(ctx, release); err != nil {
			return nil, err
		}
	}
	return s.Host.Adopt(ctx, release, c.Options)
}

// forgetOwnPorts leaves out the ports that the project has itself: an adoption
// moves them, and a deploy is refused for a better reason.
func (s *Session) forgetOwnPorts(ctx context.Context, release *deploy.Release, facts *deploy.Facts) error {
	if len(facts.Taken) == 0 {
		return nil
	}
	own, _, err := s.Engine.Observe(ctx, release.Environment.Project.Name)
	if err != nil {
		return err
	}
	for number := range facts.Taken {
		if publisher(own, number) != "" {
			delete(facts.Taken, number)
		}
	}
	return nil
}

// publisher names the container of a project that has a port of the host.
func publisher(own []deploy.Container, number int) string {
	for _, container := range own {
		for _, port := range container.Published {
			if port.Host == number && container.Running() {
				return container.Name
			}
		}
	}
	return ""
}
