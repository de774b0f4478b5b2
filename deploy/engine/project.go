package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ConfigHash is Compose's hash of a service's configuration: what Create
// writes in the label com.docker.compose.config-hash. The service must come
// from a loaded project, with its environment files resolved.
//
// What cannot be hashed before the container exists, and what Create does not
// do, is an error.
func ConfigHash(service types.ServiceConfig) (string, error) {
	if err := supported(service); err != nil {
		return "", err
	}
	return compose.ServiceHash(service)
}

// supported names what Create cannot do for a service. Compose replaces a
// reference to another service by that service's container ID before it
// hashes, so that the hash would change with every deploy.
func supported(service types.ServiceConfig) error {
	var mistakes []error
	refuse := func(key, why string) {
		mistakes = append(mistakes, fmt.Errorf("service %s: %s is not supported: %s", service.Name, key, why))
	}
	for key, mode := range map[string]string{"network_mode": service.NetworkMode, "ipc": service.Ipc, "pid": service.Pid} {
		if strings.HasPrefix(mode, types.ServicePrefix) {
			refuse(key+": "+mode, "it binds one container to another that a deploy replaces")
		}
	}
	for _, source := range service.VolumesFrom {
		if !strings.HasPrefix(source, types.ContainerPrefix) {
			refuse("volumes_from", "it binds one container to another that a deploy replaces; use a named volume")
		}
	}
	if len(service.Links) > 0 {
		refuse("links", "it binds one container to another that a deploy replaces; service names resolve without it")
	}
	if service.Provider != nil {
		refuse("provider", "it runs no container")
	}
	if len(service.PreStart) > 0 || len(service.PostStart) > 0 || len(service.PreStop) > 0 {
		refuse("pre_start, post_start and pre_stop", "hooks run only with docker compose")
	}
	if service.UseAPISocket {
		refuse("use_api_socket", "mount the socket yourself")
	}
	return errors.Join(mistakes...)
}

// alone copies the project down to one service with the networks and volumes
// that it needs, so that the SDK, which converges whole projects, has nothing
// else to converge. scale is how many containers there are to be.
func alone(project *types.Project, name string, scale int) (*types.Project, error) {
	if project == nil {
		return nil, errors.New("the release's Compose file is not loaded")
	}
	if _, ok := project.Services[name]; !ok {
		return nil, fmt.Errorf("the release has no service %s", name)
	}
	copied, err := project.WithSelectedServices([]string{name}, types.IgnoreDependencies)
	if err != nil {
		return nil, err
	}
	copied = copied.WithoutUnnecessaryResources()
	service := copied.Services[name]
	if err := supported(service); err != nil {
		return nil, err
	}
	service.CustomLabels = composeLabels(copied, name)
	service.DependsOn = nil
	service.Build = nil
	service.PullPolicy = types.PullPolicyNever
	service.SetScale(scale)
	copied.Services = types.Services{name: service}
	copied.DisabledServices = nil
	return copied, nil
}

// composeLabels are the labels that Compose's own loader gives a service
// (pkg/compose/loader.go); they are outside the configuration hash.
func composeLabels(project *types.Project, service string) types.Labels {
	return types.Labels{
		api.ProjectLabel:     project.Name,
		api.ServiceLabel:     service,
		api.VersionLabel:     api.ComposeVersion,
		api.WorkingDirLabel:  project.WorkingDir,
		api.ConfigFilesLabel: strings.Join(project.ComposeFiles, ","),
		api.OneoffLabel:      "False",
	}
}

// projectOf gives the loaded Compose project of a release.
func projectOf(release *deploy.Release) (*types.Project, error) {
	if release == nil || release.Environment == nil || release.Environment.Project == nil {
		return nil, errors.New("the release's Compose file is not loaded")
	}
	return release.Environment.Project, nil
}
