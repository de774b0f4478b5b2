package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Check says whether the release could be created without replacing a network
// or a volume that exists. Compose 5 does replace a network whose definition
// changed, and stops everything in it; Create never does, and refuses.
func (e *Engine) Check(ctx context.Context, release *deploy.Release) error {
	project, err := projectOf(release)
	if err != nil {
		return fmt.Errorf("check the release's networks and volumes: %w", err)
	}
	return e.unchanged(ctx, project)
}

// unchanged compares definitions by the hash that Compose 5 writes in the
// label com.docker.compose.config-hash of networks and volumes. Those without
// it were made by an older Compose or by hand; Compose leaves them alone.
func (e *Engine) unchanged(ctx context.Context, project *types.Project) error {
	ours := filters.NewArgs(filters.Arg("label", api.ProjectLabel+"="+project.Name))
	networks, err := e.docker.NetworkList(ctx, network.ListOptions{Filters: ours})
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(project.Networks)) {
		wanted := project.Networks[key]
		hash, err := compose.NetworkHash(&wanted)
		if err != nil {
			return fmt.Errorf("hash network %s: %w", key, err)
		}
		for _, found := range networks {
			if found.Labels[api.NetworkLabel] == key && !bool(wanted.External) && differs(found.Labels, hash) {
				return changed("network", found.Name, "stops every container in it")
			}
		}
	}
	volumes, err := e.docker.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(project.Volumes)) {
		wanted := project.Volumes[key]
		hash, err := compose.VolumeHash(wanted)
		if err != nil {
			return fmt.Errorf("hash volume %s: %w", key, err)
		}
		for _, found := range volumes.Volumes {
			if found.Labels[api.VolumeLabel] == key && !bool(wanted.External) && differs(found.Labels, hash) {
				return changed("volume", found.Name, "loses what is in it")
			}
		}
	}
	return nil
}

func differs(labels map[string]string, hash string) bool {
	recorded := labels[api.ConfigHashLabel]
	return recorded != "" && recorded != hash
}

func changed(kind, name, cost string) error {
	return &deploy.Failure{
		Status: deploy.ExitConsent,
		Err:    fmt.Errorf("%s %s is defined differently from the one that exists, and replacing it %s", kind, name, cost),
		Hint: fmt.Sprintf("Put its definition in the Compose file back; see what exists with: docker %s inspect %s. "+
			"To change it all the same, take the application down by hand first.", kind, name),
	}
}
