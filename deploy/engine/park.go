package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var _ deploy.Parking = (*Engine)(nil)

// anonymous is the name that the engine gives to a volume that has none.
var anonymous = regexp.MustCompile(`^[0-9a-f]{64}$`)

// shortID is how much of an identifier the engine uses as a name.
const shortID = 12

// Snapshot gives a container's inspection as the engine says it, secrets
// included. What could not be made again from it is refused.
func (e *Engine) Snapshot(ctx context.Context, name string) (deploy.Snapshot, error) {
	inspected, raw, err := e.docker.ContainerInspectWithRaw(ctx, name, false)
	if err != nil {
		return deploy.Snapshot{}, fmt.Errorf("inspect container %s: %w", name, gone(err))
	}
	if why := unrestorable(inspected); why != "" {
		return deploy.Snapshot{}, &deploy.Failure{
			Err:  fmt.Errorf("container %s could not be restored: %s", name, why),
			Hint: "Change that in the Compose file that started it, and start it anew.",
		}
	}
	described, err := e.Inspect(ctx, name)
	return deploy.Snapshot{Container: described, Inspection: raw}, err
}

// unrestorable says what of a container is bound to another one's identifier,
// or goes with it.
func unrestorable(inspected container.InspectResponse) string {
	host := inspected.HostConfig
	switch {
	case host.AutoRemove:
		return "it removes itself when it stops"
	case host.NetworkMode.IsContainer():
		return "its network is another container's (network_mode)"
	case host.IpcMode.IsContainer() || host.PidMode.IsContainer():
		return "it shares its ipc or pid with another container"
	case len(host.VolumesFrom) > 0:
		return "its volumes are another container's (volumes_from)"
	}
	return ""
}

// Park stops a container and removes it, and leaves every volume.
func (e *Engine) Park(ctx context.Context, name string, grace time.Duration) (killed bool, err error) {
	if killed, err = e.Stop(ctx, name, grace); err != nil {
		if errors.Is(err, deploy.ErrNoContainer) {
			return false, nil
		}
		return killed, err
	}
	err = gone(e.docker.ContainerRemove(ctx, name, container.RemoveOptions{}))
	if err != nil && !errors.Is(err, deploy.ErrNoContainer) {
		return killed, fmt.Errorf("remove container %s: %w", name, err)
	}
	return killed, nil
}

// Restore makes a container from its inspection. The engine gives it a new
// identifier and perhaps other addresses; all that Compose looks at is as it
// was.
func (e *Engine) Restore(ctx context.Context, snapshot deploy.Snapshot) (deploy.Container, error) {
	restored, err := e.restore(ctx, snapshot)
	if err != nil {
		return deploy.Container{}, fmt.Errorf("make container %s again: %w", snapshot, err)
	}
	return restored, nil
}

func (e *Engine) restore(ctx context.Context, snapshot deploy.Snapshot) (deploy.Container, error) {
	saved, err := decodeInspection(snapshot)
	if err != nil {
		return deploy.Container{}, err
	}
	name := snapshot.Container.Name
	found, err := e.inspect(ctx, name)
	switch {
	case errors.Is(err, deploy.ErrNoContainer):
		if err := e.createFrom(ctx, saved, name); err != nil {
			return deploy.Container{}, err
		}
	case err != nil:
		return deploy.Container{}, err
	case found.ID != saved.ID && found.Config.Labels[api.ConfigHashLabel] != saved.Config.Labels[api.ConfigHashLabel]:
		return deploy.Container{}, errors.New("another container has its name")
	}
	if err := e.connect(ctx, saved, name); err != nil {
		return deploy.Container{}, err
	}
	if snapshot.Container.Running() {
		if err := e.docker.ContainerStart(ctx, name, container.StartOptions{}); err != nil {
			return deploy.Container{}, fmt.Errorf("start it: %w", err)
		}
	}
	return e.Inspect(ctx, name)
}

func decodeInspection(snapshot deploy.Snapshot) (container.InspectResponse, error) {
	var saved container.InspectResponse
	if err := json.Unmarshal(snapshot.Inspection, &saved); err != nil || saved.ContainerJSONBase == nil ||
		saved.Config == nil || saved.HostConfig == nil || saved.NetworkSettings == nil {
		return saved, errors.New("its saved inspection is damaged") // the error may quote a secret
	}
	return saved, nil
}

// createFrom creates the container in its first network.
func (e *Engine) createFrom(ctx context.Context, saved container.InspectResponse, name string) error {
	image, err := e.imageOf(ctx, saved)
	if err != nil {
		return err
	}
	saved.Config.Image = image
	if saved.Config.Hostname == saved.ID[:min(shortID, len(saved.ID))] {
		saved.Config.Hostname = "" // its own identifier, which is another now
	}
	keepVolumes(saved)
	first := saved.HostConfig.NetworkMode.NetworkName()
	networks := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	if settings, ok := saved.NetworkSettings.Networks[first]; ok {
		networks.EndpointsConfig[first] = endpoint(saved, settings)
	}
	_, err = e.docker.ContainerCreate(ctx, saved.Config, saved.HostConfig, networks, nil, name)
	return err
}

// imageOf is the reference that the container was made from, unless that means
// another image now: then the image itself.
func (e *Engine) imageOf(ctx context.Context, saved container.InspectResponse) (string, error) {
	found, err := e.docker.ImageInspect(ctx, saved.Config.Image)
	if err == nil && found.ID == saved.Image {
		return saved.Config.Image, nil
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return "", fmt.Errorf("inspect image %s: %w", saved.Config.Image, err)
	}
	return saved.Image, nil
}

// keepVolumes names the volumes that had no name, so that they are mounted
// again and not made anew.
func keepVolumes(saved container.InspectResponse) {
	host := saved.HostConfig
	host.Binds = slices.DeleteFunc(host.Binds, func(bind string) bool { return !strings.Contains(bind, ":") })
	host.Mounts = slices.DeleteFunc(host.Mounts, func(m mount.Mount) bool { return m.Type == mount.TypeVolume && m.Source == "" })
	for _, point := range saved.Mounts {
		if point.Type != mount.TypeVolume || mounted(host, point.Destination) {
			continue
		}
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: point.Name, Target: point.Destination, ReadOnly: !point.RW,
		})
	}
}

// mounted says whether a host configuration mounts something at a path.
func mounted(host *container.HostConfig, target string) bool {
	return slices.ContainsFunc(host.Mounts, func(m mount.Mount) bool { return m.Target == target }) ||
		slices.ContainsFunc(host.Binds, func(bind string) bool {
			parts := strings.Split(bind, ":")
			return len(parts) > 1 && parts[1] == target
		})
}

// endpoint is a container's place in a network, without what the engine has
// given it.
func endpoint(saved container.InspectResponse, settings *network.EndpointSettings) *network.EndpointSettings {
	if settings == nil {
		return nil
	}
	kept := &network.EndpointSettings{IPAMConfig: settings.IPAMConfig, Links: settings.Links, DriverOpts: settings.DriverOpts}
	for _, alias := range settings.Aliases {
		if !strings.HasPrefix(saved.ID, alias) {
			kept.Aliases = append(kept.Aliases, alias)
		}
	}
	return kept
}

// connect puts a restored container into the networks that it is not in: the
// engine takes one when it creates.
func (e *Engine) connect(ctx context.Context, saved container.InspectResponse, name string) error {
	if !saved.HostConfig.NetworkMode.IsUserDefined() {
		return nil
	}
	found, err := e.inspect(ctx, name)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(saved.NetworkSettings.Networks)) {
		if _, ok := found.NetworkSettings.Networks[key]; ok {
			continue
		}
		if err := e.docker.NetworkConnect(ctx, key, name, endpoint(saved, saved.NetworkSettings.Networks[key])); err != nil {
			return fmt.Errorf("connect it to the network %s: %w", key, err)
		}
	}
	return nil
}

// Missing looks for the image, the volumes and the networks of a snapshot.
func (e *Engine) Missing(ctx context.Context, snapshot deploy.Snapshot) ([]string, error) {
	saved, err := decodeInspection(snapshot)
	if err != nil {
		return nil, fmt.Errorf("look what container %s needs: %w", snapshot, err)
	}
	var missing []string
	var failed error
	look := func(what string, err error) {
		if cerrdefs.IsNotFound(err) {
			missing = append(missing, what)
		} else if err != nil {
			failed = errors.Join(failed, fmt.Errorf("look for %s: %w", what, err))
		}
	}
	_, err = e.docker.ImageInspect(ctx, saved.Image)
	look("the image "+saved.Config.Image+" ("+saved.Image+")", err)
	for _, point := range saved.Mounts {
		if point.Type == mount.TypeVolume {
			_, err := e.docker.VolumeInspect(ctx, point.Name)
			look("the volume "+point.Name, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(saved.NetworkSettings.Networks)) {
		_, err := e.docker.NetworkInspect(ctx, key, network.InspectOptions{})
		look("the network "+key, err)
	}
	return missing, failed
}

// Neighbours lists what runs beside the project.
func (e *Engine) Neighbours(ctx context.Context, project string) ([]deploy.Neighbour, error) {
	found, err := e.docker.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the containers: %w", err)
	}
	var neighbours []deploy.Neighbour
	for _, one := range found {
		if one.Labels[api.ProjectLabel] == project {
			continue
		}
		neighbour := deploy.Neighbour{Name: nameOf(one), Project: one.Labels[api.ProjectLabel]}
		for _, port := range one.Ports {
			if port.PublicPort != 0 {
				neighbour.Published = append(neighbour.Published, deploy.Port{Host: int(port.PublicPort), Target: int(port.PrivatePort)})
			}
		}
		neighbours = append(neighbours, neighbour)
	}
	return neighbours, nil
}

// belongings says what of the host a container has: its ports and its mounts,
// also while it does not run.
func belongings(inspected container.InspectResponse, described *deploy.Container) {
	if config := inspected.Config; config != nil {
		if config.StopTimeout != nil {
			described.StopGrace = time.Duration(*config.StopTimeout) * time.Second
		}
		if check := config.Healthcheck; check != nil && len(check.Test) > 1 {
			switch check.Test[0] {
			case "CMD":
				described.HealthCommand = check.Test[1:]
			case "CMD-SHELL":
				described.HealthCommand = []string{"/bin/sh", "-c", check.Test[1]}
			}
		}
	}
	if inspected.ContainerJSONBase != nil && inspected.HostConfig != nil {
		for target, bindings := range inspected.HostConfig.PortBindings {
			for _, binding := range bindings {
				if host, err := strconv.Atoi(binding.HostPort); err == nil && target.Proto() == "tcp" {
					described.Published = append(described.Published, deploy.Port{Host: host, Target: target.Int()})
				}
			}
		}
		slices.SortFunc(described.Published, func(a, b deploy.Port) int { return a.Host - b.Host })
		described.Published = slices.Compact(described.Published)
	}
	for _, point := range inspected.Mounts {
		one := deploy.Mount{Target: point.Destination, ReadOnly: !point.RW}
		switch point.Type {
		case mount.TypeVolume:
			one.Volume, one.Anonymous = point.Name, anonymous.MatchString(point.Name)
		case mount.TypeBind:
			one.Path = point.Source
		default:
			continue
		}
		described.Mounts = append(described.Mounts, one)
	}
}
