package deploy

import (
	"context"
	"encoding/json"
	"time"
)

// Parking takes containers that no deploy has made out of the way, so that
// they can be had again. Every method is safe to repeat.
type Parking interface {
	// Snapshot gives all that Restore needs of a container, or says why it
	// could not be restored.
	Snapshot(ctx context.Context, name string) (Snapshot, error)
	// Park stops a container, killing it after the grace period, and removes
	// it. All its volumes stay, those without a name too.
	Park(ctx context.Context, name string, grace time.Duration) (killed bool, err error)
	// Restore makes the container of a snapshot again, with the same name,
	// configuration, networks and volumes, and starts it if it ran. What is
	// there already is only started.
	Restore(ctx context.Context, snapshot Snapshot) (Container, error)
	// Missing names what the snapshot needs and the host has no more: its
	// image, volumes, networks.
	Missing(ctx context.Context, snapshot Snapshot) ([]string, error)
	// Neighbours are the running containers that are not of the project.
	Neighbours(ctx context.Context, project string) ([]Neighbour, error)
}

// Snapshot is a container as it stood, with its secrets.
type Snapshot struct {
	Container Container `json:"container"`
	// Inspection is the engine's own, whole.
	Inspection json.RawMessage `json:"inspection"`
}

// String gives the container's name, and nothing of what is secret.
func (s Snapshot) String() string { return s.Container.Name }

// GoString is String.
func (s Snapshot) GoString() string { return s.Container.Name }

// of says whether a container is the one of the snapshot, or was restored
// from it.
func (s Snapshot) of(container Container) bool {
	return container.ID == s.Container.ID || container.Name == s.Container.Name && container.ConfigHash == s.Container.ConfigHash
}

// Neighbour is a running container of another project, or of none.
type Neighbour struct {
	Name string
	// Project is its Compose project; empty for none.
	Project   string
	Published []Port
}

// Port is a port of the host that leads to one of a container.
type Port struct {
	Host, Target int
}

// Mount is where a container keeps what outlives it.
type Mount struct {
	// Target is the path in the container.
	Target string
	// Volume is the volume's name; empty for a folder of the host, which is
	// Path then.
	Volume, Path string
	// Anonymous marks a volume that nobody gave a name.
	Anonymous bool
	ReadOnly  bool
}

// publishes says whether a container publishes one of the host's ports.
func (c Container) publishes(ports map[int]bool) bool {
	for _, port := range c.Published {
		if ports[port.Host] {
			return true
		}
	}
	return false
}
