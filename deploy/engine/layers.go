package engine

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// DiffIDs are the layers that the host has, by the digests of their unpacked
// content, which image configurations name them by. What else an image needs
// is downloaded; a layer that is here on top of others is downloaded again.
func (e *Engine) DiffIDs(ctx context.Context) (map[string]bool, error) {
	list, err := e.docker.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	known := map[string]bool{}
	for _, one := range list {
		inspected, err := e.docker.ImageInspect(ctx, one.ID)
		if cerrdefs.IsNotFound(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("inspect image %s: %w", one.ID, err)
		}
		for _, layer := range inspected.RootFS.Layers {
			known[layer] = true
		}
	}
	return known, nil
}
