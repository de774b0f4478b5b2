package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// OwnLabel marks a one-off container that Run made, so that what a killed
// deploy left behind can be told from what a person runs.
const OwnLabel = "webshop-deploy.run"

// expendable is the value of OwnLabel of a container that may be stopped.
const expendable = "expendable"

// Inspect looks at one container; deploy.ErrNoContainer if it is gone.
func (e *Engine) Inspect(ctx context.Context, name string) (deploy.Container, error) {
	inspected, err := e.inspect(ctx, name)
	if err != nil {
		return deploy.Container{}, err
	}
	shared, err := e.proxyNetworks(ctx, inspected.Config.Labels[api.ProjectLabel])
	if err != nil {
		return deploy.Container{}, err
	}
	return describe(inspected, shared), nil
}

func (e *Engine) inspect(ctx context.Context, name string) (container.InspectResponse, error) {
	inspected, err := e.docker.ContainerInspect(ctx, name)
	if err != nil {
		return inspected, fmt.Errorf("inspect container %s: %w", name, gone(err))
	}
	return inspected, nil
}

// gone turns the engine's "not found" into the domain's sentinel.
func gone(err error) error {
	if cerrdefs.IsNotFound(err) {
		return deploy.ErrNoContainer
	}
	return err
}

// list gives the project's containers, running or not; with a service only
// that service's, one-off ones left out.
func (e *Engine) list(ctx context.Context, project, service string) ([]container.Summary, error) {
	wanted := filters.NewArgs(filters.Arg("label", api.ProjectLabel+"="+project))
	if service != "" {
		wanted.Add("label", api.ServiceLabel+"="+service)
		wanted.Add("label", api.OneoffLabel+"=False")
	}
	found, err := e.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: wanted})
	if err != nil {
		return nil, fmt.Errorf("list the containers of %s: %w", project, err)
	}
	return found, nil
}

// proxyNetworks gives the networks that the project's proxy is in.
func (e *Engine) proxyNetworks(ctx context.Context, project string) (map[string]bool, error) {
	if e.options.ProxyService == "" || project == "" {
		return nil, nil
	}
	found, err := e.list(ctx, project, e.options.ProxyService)
	return networksOf(found, e.options.ProxyService), err
}

// networksOf collects the networks that a service's containers are in.
func networksOf(found []container.Summary, service string) map[string]bool {
	networks := map[string]bool{}
	for _, one := range found {
		if service == "" || one.Labels[api.ServiceLabel] != service || one.NetworkSettings == nil {
			continue
		}
		for name := range one.NetworkSettings.Networks {
			networks[name] = true
		}
	}
	return networks
}

// describe says what the engine found in the domain's words.
func describe(inspected container.InspectResponse, shared map[string]bool) deploy.Container {
	described := deploy.Container{
		ID:       inspected.ID,
		Name:     strings.TrimPrefix(inspected.Name, "/"),
		Restarts: inspected.RestartCount,
		Created:  moment(inspected.Created),
	}
	var labels map[string]string
	if inspected.Config != nil {
		labels = inspected.Config.Labels
		described.Image = inspected.Config.Image
	}
	described.Service = labels[api.ServiceLabel]
	described.Number, _ = strconv.Atoi(labels[api.ContainerNumberLabel])
	described.ConfigHash = labels[api.ConfigHashLabel]
	described.OneOff = labels[api.OneoffLabel] == "True"
	described.Ours = labels[OwnLabel] != ""
	described.Expendable = labels[OwnLabel] == expendable
	if state := inspected.State; state != nil {
		described.Status = deploy.ContainerStatus(state.Status)
		described.ExitCode = state.ExitCode
		described.OOMKilled = state.OOMKilled
		described.Started = moment(state.StartedAt)
		if state.Health != nil && state.Health.Status != container.NoHealthcheck {
			described.Health = deploy.HealthStatus(state.Health.Status)
		}
	}
	belongings(inspected, &described)
	if inspected.NetworkSettings != nil {
		described.Address = address(inspected.NetworkSettings.Networks, labels[api.ProjectLabel], shared)
	}
	return described
}

// address picks the network that a container shares with the proxy, else the
// project's default one, else the first by name.
func address(networks map[string]*network.EndpointSettings, project string, shared map[string]bool) string {
	names := slices.Sorted(maps.Keys(networks))
	pick := func(wanted func(string) bool) string {
		for _, name := range names {
			if settings := networks[name]; settings != nil && wanted(name) {
				if settings.IPAddress != "" {
					return settings.IPAddress
				}
				if settings.GlobalIPv6Address != "" {
					return settings.GlobalIPv6Address
				}
			}
		}
		return ""
	}
	if found := pick(func(name string) bool { return shared[name] }); found != "" {
		return found
	}
	if found := pick(func(name string) bool { return name == project+"_default" }); found != "" {
		return found
	}
	return pick(func(string) bool { return true })
}

// moment reads the engine's time; its year 1 for "never" is Go's zero time.
func moment(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return parsed
}
