package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// Docker is the engine's client, for those who build and push.
func (e *Engine) Docker() *client.Client { return e.docker }

// RemoveImages removes the images whose references begin so, unless a
// container uses them, and says how many there were.
func (e *Engine) RemoveImages(ctx context.Context, prefix string) (int, error) {
	list, err := e.docker.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("list images: %w", err)
	}
	removed := 0
	for _, one := range list {
		found := false
		for _, reference := range append(append([]string{}, one.RepoTags...), one.RepoDigests...) {
			if !strings.HasPrefix(reference, prefix) {
				continue
			}
			found = true
			if _, err := e.docker.ImageRemove(ctx, reference, image.RemoveOptions{PruneChildren: true}); err != nil && !errdefs.IsNotFound(err) {
				return removed, fmt.Errorf("remove image %s: %w", reference, err)
			}
		}
		if found {
			removed++
		}
	}
	return removed, nil
}
