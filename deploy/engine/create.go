package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Create makes and starts count new containers of one service beside whatever
// runs of it. The SDK makes them, with the numbers after the highest that
// exists, and with them the networks and volumes that are missing. What exists
// is not touched; where the SDK would, creating fails before anything is made.
//
// If one of them cannot be made or started, all of them are removed again. If
// this process dies in between, they carry Compose's labels and Observe shows
// them.
func (e *Engine) Create(ctx context.Context, release *deploy.Release, service string, count int) ([]deploy.Container, error) {
	created, err := e.create(ctx, release, service, count)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", service, err)
	}
	return created, nil
}

func (e *Engine) create(ctx context.Context, release *deploy.Release, service string, count int) ([]deploy.Container, error) {
	project, err := projectOf(release)
	if err != nil {
		return nil, err
	}
	made, err := e.add(ctx, project, service, count)
	if err == nil {
		err = e.startAll(ctx, project, service, made)
	}
	if err != nil {
		return nil, e.undo(ctx, made, err)
	}
	created := make([]deploy.Container, len(made))
	for at, one := range made {
		if created[at], err = e.Inspect(ctx, one.ID); err != nil {
			return nil, e.undo(ctx, made, err)
		}
	}
	return created, nil
}

// add has the SDK create the containers, and gives them by number. It also
// gives what was made when it fails.
func (e *Engine) add(ctx context.Context, project *types.Project, service string, count int) ([]container.Summary, error) {
	e.creating.Lock()
	defer e.creating.Unlock()
	before, err := e.list(ctx, project.Name, service)
	if err != nil {
		return nil, err
	}
	if err := settled(before); err != nil {
		return nil, err
	}
	wanted, err := alone(project, service, len(before)+count)
	if err != nil {
		return nil, err
	}
	if err := e.unchanged(ctx, wanted); err != nil {
		return nil, err
	}
	createErr := e.compose.Create(ctx, wanted, api.CreateOptions{
		Recreate: api.RecreateNever, RecreateDependencies: api.RecreateNever,
		IgnoreOrphans: true, SkipProviders: true, QuietPull: true,
	})
	after, err := e.list(context.WithoutCancel(ctx), project.Name, service)
	if err != nil {
		return nil, errors.Join(createErr, err)
	}
	made := slices.DeleteFunc(after, func(one container.Summary) bool {
		return slices.ContainsFunc(before, func(old container.Summary) bool { return old.ID == one.ID })
	})
	slices.SortFunc(made, func(a, b container.Summary) int { return cmp.Compare(numberOf(a), numberOf(b)) })
	switch {
	case createErr != nil:
		return made, explainCreate(createErr)
	case len(made) != count:
		return made, fmt.Errorf("%d containers were to be made and %d were: somebody else changes the containers of %s", count, len(made), service)
	}
	return made, nil
}

// settled refuses to create beside a container in a state that the SDK tries
// to start from, whatever it was asked for.
func settled(before []container.Summary) error {
	for _, one := range before {
		name, hint := nameOf(one), "Remove it with: docker rm -f "
		switch one.State {
		case container.StatePaused:
			hint = "Resume it with: docker unpause "
		case container.StateDead, container.StateRemoving:
		default:
			continue
		}
		return &deploy.Failure{Err: fmt.Errorf("container %s is %s", name, one.State), Hint: hint + name}
	}
	return nil
}

func explainCreate(err error) error {
	if cerrdefs.IsNotFound(err) {
		return &deploy.Failure{Err: err, Hint: "The image is not on this host; pull it first."}
	}
	return err
}

// startAll puts files in place and starts the containers, at once unless
// host ports are involved.
func (e *Engine) startAll(ctx context.Context, project *types.Project, name string, made []container.Summary) error {
	service := project.Services[name]
	group, ctx := errgroup.WithContext(ctx)
	if len(service.Ports) > 0 {
		e.starting.Lock()
		defer e.starting.Unlock()
		group.SetLimit(1)
	}
	for _, one := range made {
		group.Go(func() error {
			if err := e.putFiles(ctx, project, service, one.ID); err != nil {
				return err
			}
			if err := e.docker.ContainerStart(ctx, one.ID, container.StartOptions{}); err != nil {
				return fmt.Errorf("start container %s: %w", nameOf(one), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// undo removes what was made, also when ctx has ended, and says what it could
// not remove.
func (e *Engine) undo(ctx context.Context, made []container.Summary, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for _, one := range made {
		err := e.docker.ContainerRemove(ctx, one.ID, container.RemoveOptions{RemoveVolumes: true, Force: true})
		if err != nil && !cerrdefs.IsNotFound(err) {
			cause = errors.Join(cause, fmt.Errorf("remove container %s again: %w", nameOf(one), err))
		}
	}
	return cause
}

func numberOf(one container.Summary) int {
	number, _ := strconv.Atoi(one.Labels[api.ContainerNumberLabel])
	return number
}

func nameOf(one container.Summary) string {
	for _, name := range one.Names {
		return name[1:]
	}
	return one.ID
}
