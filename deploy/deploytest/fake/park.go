package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var _ deploy.Parking = (*Engine)(nil)

// Up starts every service of a Compose file as `docker compose up -d` does:
// no deploy has made these containers.
func (h *Host) Up(stack *deploy.Release) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, service := range stack.Environment.Services {
		for number := range service.Replicas {
			name := fmt.Sprintf("%s-%s-%d", stack.Environment.Project.Name, service.Name, number+1)
			h.make(stack, service, name, number+1).start()
		}
	}
}

// Standing says what there is, one container a line, without what the engine
// gives anew to one that is restored.
func (h *Host) Standing() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	var lines []string
	for _, c := range h.containers {
		lines = append(lines, fmt.Sprintf("%s of %s: %s, %s, ports %v, mounts %v", c.Name, c.version, c.ConfigHash, c.Status, c.Published, c.Mounts))
	}
	slices.Sort(lines)
	return lines
}

// belongings gives a new container the ports and mounts of its service.
func (h *Host) belongings(c *container, project *types.Project) {
	config := project.Services[c.Service]
	for _, port := range config.Ports {
		if number, err := strconv.Atoi(port.Published); err == nil {
			c.Published = append(c.Published, deploy.Port{Host: number, Target: int(port.Target)})
		}
	}
	for at, volume := range config.Volumes {
		mount := deploy.Mount{Target: volume.Target, ReadOnly: volume.ReadOnly}
		switch {
		case volume.Type == types.VolumeTypeBind:
			mount.Path = volume.Source
		case volume.Source == "":
			mount.Volume, mount.Anonymous = fmt.Sprintf("%062d%02d", h.created, at), true
			h.volumes[mount.Volume] = true
		default:
			mount.Volume = project.Volumes[volume.Source].Name
		}
		c.Mounts = append(c.Mounts, mount)
	}
}

// allocate refuses to start what wants a port that somebody has, and sees two
// that work on the same data.
func (h *Host) allocate(c *container) error {
	for _, other := range h.containers {
		if other == c || !other.Running() {
			continue
		}
		for _, port := range c.Published {
			if slices.ContainsFunc(other.Published, func(p deploy.Port) bool { return p.Host == port.Host }) {
				return fmt.Errorf("start %s: port %d is already allocated, to %s", c.Name, port.Host, other.Name)
			}
		}
		if c.service.Kind != deploy.KindKept || other.Service != c.Service {
			continue
		}
		for _, mount := range c.Mounts {
			if mount.Volume != "" && slices.ContainsFunc(other.Mounts, func(m deploy.Mount) bool { return m.Volume == mount.Volume }) {
				h.violated("%s was started on the data of %s, which runs", c.Name, other.Name)
			}
		}
	}
	return nil
}

// forgetVolumes removes what a removed container had without a name.
func (h *Host) forgetVolumes(c *container) {
	for _, mount := range c.Mounts {
		if mount.Anonymous {
			delete(h.volumes, mount.Volume)
		}
	}
}

// Snapshot remembers a container.
func (e *Engine) Snapshot(ctx context.Context, name string) (deploy.Snapshot, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return deploy.Snapshot{}, err
	}
	c := e.host.find(name)
	if c == nil {
		return deploy.Snapshot{}, fmt.Errorf("inspect %s: %w", name, deploy.ErrNoContainer)
	}
	e.host.remembered[c.ID] = *c
	inspection, err := json.Marshal(map[string]string{"Id": c.ID})
	return deploy.Snapshot{Container: c.Container, Inspection: inspection}, err
}

// Park stops a container and removes it; its volumes stay.
func (e *Engine) Park(ctx context.Context, name string, grace time.Duration) (bool, error) {
	killed, err := e.Stop(ctx, name, grace)
	if err != nil {
		return killed, err
	}
	half, err := e.host.begin(ctx, "Park %s", name)
	if err != nil && !half {
		return killed, err
	}
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	c := h.find(name)
	if c != nil && c.Running() {
		return killed, fmt.Errorf("remove %s: it runs", name)
	}
	h.containers = slices.DeleteFunc(h.containers, func(one *container) bool { return one == c })
	return killed, err
}

// Restore makes a remembered container again.
func (e *Engine) Restore(ctx context.Context, snapshot deploy.Snapshot) (deploy.Container, error) {
	name := snapshot.Container.Name
	half, err := e.host.begin(ctx, "Restore %s", name)
	if err != nil && !half {
		return deploy.Container{}, err
	}
	if err := wait(ctx, createTime); err != nil {
		return deploy.Container{}, err
	}
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	c := h.find(name)
	switch {
	case c == nil:
		c = h.remake(snapshot)
	case c.ID != snapshot.Container.ID && c.ConfigHash != snapshot.Container.ConfigHash:
		return deploy.Container{}, fmt.Errorf("restore %s: another container has its name", name)
	}
	if half || !snapshot.Container.Running() || c.Running() {
		return c.Container, err
	}
	if err := h.allocate(c); err != nil {
		return c.Container, err
	}
	if c.service.Kind == deploy.KindSingleton {
		h.judgeSingleton(c)
	}
	c.signalled, c.ends, c.ExitCode = time.Time{}, time.Time{}, 0
	c.start()
	return c.Container, err
}

func (h *Host) remake(snapshot deploy.Snapshot) *container {
	h.created++
	made := h.remembered[snapshot.Container.ID]
	made.Container = snapshot.Container
	made.ID, made.Created, made.Started = fmt.Sprintf("c%04d", h.created), time.Now(), time.Time{}
	made.Status, made.Health = deploy.StatusCreated, deploy.HealthNone
	made.Address = fmt.Sprintf("172.18.%d.%d", h.created/250, h.created%250+2)
	made.signalled, made.ends, made.quiet, made.open = time.Time{}, time.Time{}, false, 0
	h.containers = append(h.containers, &made)
	return &made
}

// Missing names volumes that are gone.
func (e *Engine) Missing(ctx context.Context, snapshot deploy.Snapshot) ([]string, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return nil, err
	}
	var missing []string
	for _, mount := range snapshot.Container.Mounts {
		if mount.Anonymous && !e.host.volumes[mount.Volume] {
			missing = append(missing, "the volume "+mount.Volume)
		}
	}
	return missing, nil
}

// Neighbours are the running containers of other projects.
func (e *Engine) Neighbours(ctx context.Context, project string) ([]deploy.Neighbour, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return nil, err
	}
	var neighbours []deploy.Neighbour
	for _, c := range e.host.containers {
		if c.project != project && c.Running() {
			neighbours = append(neighbours, deploy.Neighbour{Name: c.Name, Project: c.project, Published: c.Published})
		}
	}
	return neighbours, nil
}

// Forget loses all volumes without a name, as `docker volume prune` does.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.volumes)
}
