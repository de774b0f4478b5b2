package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// throwawayMemory bounds a throw-away container whose service has no limit of
// its own.
const throwawayMemory = 512 << 20

// throwawayLabel tells a throw-away container from the other one-off ones.
const throwawayLabel = "webshop-deploy.throwaway"

// Throwaway starts a container of the service's image with its command,
// environment, secrets and limits, that nothing of what runs can notice: empty
// anonymous volumes stand where it has volumes, and it has no network but its
// own loopback, no ports, no restart policy and no health check. What it mounts
// only to read, a configuration file say, is mounted. Its memory is bounded.
//
// remove removes it with its volumes, also when ctx has ended. If this process
// is killed, what it left carries Compose's one-off label and OwnLabel, and the
// next one of the service is not started before it is removed.
func (e *Engine) Throwaway(ctx context.Context, release *deploy.Release, service string) (name string, remove func() error, err error) {
	name, err = e.throwaway(ctx, release, service)
	if err != nil {
		return "", nil, fmt.Errorf("start a throw-away container of %s: %w", service, err)
	}
	return name, func() error { return e.discard(ctx, name) }, nil
}

func (e *Engine) throwaway(ctx context.Context, release *deploy.Release, service string) (string, error) {
	project, err := projectOf(release)
	if err != nil {
		return "", err
	}
	if err := e.discardThrowaways(ctx, project.Name, service); err != nil {
		return "", err
	}
	config, known := project.Services[service]
	if !known {
		return "", fmt.Errorf("the release has no service %s", service)
	}
	wanted, name, err := oneOff(project, deploy.OneOff{Service: service, Command: config.Command})
	if err != nil {
		return "", err
	}
	isolate(wanted, name)
	err = e.compose.Create(ctx, wanted, api.CreateOptions{
		Recreate: api.RecreateNever, RecreateDependencies: api.RecreateNever,
		IgnoreOrphans: true, SkipProviders: true, QuietPull: true,
	})
	if err != nil {
		return "", errors.Join(explainCreate(err), e.discard(ctx, name))
	}
	err = e.putFiles(ctx, wanted, wanted.Services[name], name)
	if err == nil {
		err = e.docker.ContainerStart(ctx, name, container.StartOptions{})
	}
	if err != nil {
		return "", errors.Join(err, e.discard(ctx, name))
	}
	return name, nil
}

// isolate takes everything from the one service of a project that others could
// notice.
func isolate(project *types.Project, name string) {
	config := project.Services[name]
	config.CustomLabels = config.CustomLabels.Add(throwawayLabel, "1")
	config.NetworkMode, config.Networks = "none", nil
	config.Expose, config.ExtraHosts, config.DNS = nil, nil, nil
	volumes := make([]types.ServiceVolumeConfig, len(config.Volumes))
	for at, volume := range config.Volumes {
		if volume.Type == types.VolumeTypeBind && volume.ReadOnly || volume.Type == types.VolumeTypeTmpfs {
			volumes[at] = volume
			continue
		}
		volumes[at] = types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: volume.Target}
	}
	config.Volumes = volumes
	limited := config.Deploy != nil && config.Deploy.Resources.Limits != nil && config.Deploy.Resources.Limits.MemoryBytes > 0
	if !limited && config.MemLimit == 0 {
		config.MemLimit = throwawayMemory
	}
	project.Services[name] = config
	project.Networks, project.Volumes = nil, nil
}

// discardThrowaways removes what killed commands have left of a service.
func (e *Engine) discardThrowaways(ctx context.Context, project, service string) error {
	left, err := e.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", api.ProjectLabel+"="+project), filters.Arg("label", api.ServiceLabel+"="+service),
		filters.Arg("label", throwawayLabel),
	)})
	if err != nil {
		return fmt.Errorf("list the containers of %s: %w", project, err)
	}
	for _, one := range left {
		if err := e.discard(ctx, one.ID); err != nil {
			return err
		}
	}
	return nil
}
