package engine

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// Down removes a project without a trace: containers at once and without
// their grace periods, then networks and volumes, with all data in them. Only
// what carries the project's label is removed. It goes on after a failure and
// names all of them.
func (e *Engine) Down(ctx context.Context, project string) error {
	if project == "" {
		return errors.New("take a project down: it has no name")
	}
	ours := filters.NewArgs(filters.Arg("label", api.ProjectLabel+"="+project))
	var failures []error
	note := func(kind, name string, err error) {
		if err != nil && !cerrdefs.IsNotFound(err) {
			failures = append(failures, fmt.Errorf("remove %s %s: %w", kind, name, err))
		}
	}
	containers, err := e.list(ctx, project, "")
	if err != nil {
		return err
	}
	for _, one := range containers {
		note("container", nameOf(one), e.docker.ContainerRemove(ctx, one.ID, container.RemoveOptions{RemoveVolumes: true, Force: true}))
	}
	networks, err := e.docker.NetworkList(ctx, network.ListOptions{Filters: ours})
	if err != nil {
		return fmt.Errorf("list the networks of %s: %w", project, err)
	}
	for _, one := range networks {
		note("network", one.Name, e.docker.NetworkRemove(ctx, one.ID))
	}
	volumes, err := e.docker.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return fmt.Errorf("list the volumes of %s: %w", project, err)
	}
	for _, one := range volumes.Volumes {
		note("volume", one.Name, e.docker.VolumeRemove(ctx, one.Name, false))
	}
	return errors.Join(failures...)
}
