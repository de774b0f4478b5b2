package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/shlex"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// Words takes a command apart as a shell does, with quotes and backslashes, or
// leaves that to a shell in the container.
func Words(command string, shell bool) ([]string, error) {
	if strings.TrimSpace(command) == "" {
		return nil, usage("the command is empty")
	}
	if shell {
		return []string{"sh", "-c", command}, nil
	}
	words, err := shlex.Split(command)
	if err != nil || len(words) == 0 {
		return nil, usage("the command cannot be taken apart: a quote is not closed, or all of it is a comment; -shell leaves it to a shell in the container")
	}
	return words, nil
}

// Exec runs a command in a container of the release that serves, joined to a
// person's streams. It is written down nowhere. A status other than 0 is an
// engine.ExitError.
func (s *Session) Exec(ctx context.Context, service string, words []string, replica int, to engine.Attachment) error {
	container, err := s.replica(ctx, service, replica)
	if err != nil {
		return err
	}
	return s.Engine.Attach(ctx, container.Name, words, to)
}

// replica chooses a container of a service by its release: warm ones of older
// releases run beside. The number counts from 1; 0 takes the first, a healthy
// one where there is one.
func (s *Session) replica(ctx context.Context, service string, number int) (deploy.Container, error) {
	serving, err := s.deployed(ctx)
	if err != nil {
		return deploy.Container{}, err
	}
	if err := s.known(serving, service); err != nil {
		return deploy.Container{}, err
	}
	containers, _, err := s.Engine.Observe(ctx, serving.Environment.Project.Name)
	if err != nil {
		return deploy.Container{}, err
	}
	replicas := serving.Replicas(service, containers)
	if len(replicas) == 0 {
		return deploy.Container{}, &deploy.Failure{
			Err:  fmt.Errorf("no container of %s %s runs", service, serving),
			Hint: "See what does: mage status -env=" + s.Name + "; repair it: mage recover -env=" + s.Name,
		}
	}
	if number == 0 {
		return slices.MinFunc(replicas, func(a, b deploy.Container) int { return cmp.Compare(illness(a), illness(b)) }), nil
	}
	if number < 0 || number > len(replicas) {
		return deploy.Container{}, usage("-replica=%d: %s %s has %d running; allowed: 1 to %d", number, service, serving, len(replicas), len(replicas))
	}
	return replicas[number-1], nil
}

// illness is 0 for what is healthy or does not say.
func illness(c deploy.Container) int {
	switch c.Health {
	case deploy.HealthNone, deploy.HealthHealthy:
		return 0
	case deploy.HealthStarting:
		return 1
	}
	return 2
}

// known refuses a service that the release does not have, and names the nearest.
func (s *Session) known(release *deploy.Release, service string) error {
	if _, ok := release.Service(service); ok {
		return nil
	}
	var names []string
	for _, one := range release.Environment.Services {
		names = append(names, one.Name)
	}
	slices.Sort(names)
	text := fmt.Sprintf("no service %s in %s", service, s.Name)
	if near := deploy.Nearest(service, names, 1); len(near) > 0 {
		text += "; did you mean " + near[0] + "?"
	}
	return usage("%s\nThere are %s.", text, strings.Join(names, ", "))
}
