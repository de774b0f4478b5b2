package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/versions"
)

// freed measures what the engine has again after images were removed.
//
// An engine of API 1.42 (23.0) or newer says what its images take. An older one
// answers that only together with what all volumes and containers take, for
// which it walks through every file of theirs: half a minute on a host with
// large ones, and one such question at a time. There the layers that went are
// added up.
type freed struct {
	engine *Engine
	asks   bool
	before int64
	sum    int64
}

func (e *Engine) measure(ctx context.Context) (*freed, error) {
	f := &freed{engine: e, asks: versions.GreaterThanOrEqualTo(e.docker.ClientVersion(), "1.42")}
	if !f.asks {
		return f, nil
	}
	var err error
	f.before, err = f.layersSize(ctx)
	return f, err
}

// layersOf gives the sizes of an image's layers, the lowest first, where they
// have to be added up; those that take nothing are left out.
func (f *freed) layersOf(ctx context.Context, of names) (layers imageLayers, err error) {
	if f.asks || len(of.all) == 0 {
		return layers, nil
	}
	found, err := f.engine.docker.ImageInspect(ctx, of.id)
	if err != nil {
		return layers, fmt.Errorf("inspect image %s: %w", of.id, err)
	}
	history, err := f.engine.docker.ImageHistory(ctx, of.id)
	if err != nil {
		return layers, fmt.Errorf("look at the layers of image %s: %w", of.id, err)
	}
	layers.count = len(found.RootFS.Layers)
	for _, one := range slices.Backward(history) {
		if one.Size > 0 {
			layers.sizes = append(layers.sizes, one.Size)
		}
	}
	return layers, nil
}

// imageLayers are those of one image.
type imageLayers struct {
	count int
	sizes []int64
}

// removed adds what went with a name: the engine lists the image itself and
// each of its layers that no other image has. Those that stay are the lowest.
// Where one of them takes nothing the sum is too small, and never too large.
func (f *freed) removed(layers imageLayers, gone []image.DeleteResponse) {
	went := -1 // the image itself
	for _, one := range gone {
		if one.Deleted != "" {
			went++
		}
	}
	if went <= 0 {
		return
	}
	for _, size := range layers.sizes[min(max(layers.count-went, 0), len(layers.sizes)):] {
		f.sum += size
	}
}

// bytes is how many the engine has again.
func (f *freed) bytes(ctx context.Context) (int64, error) {
	if !f.asks {
		return f.sum, nil
	}
	after, err := f.layersSize(ctx)
	return max(f.before-after, 0), err
}

// layersSize is what all images take on the disk, each layer once.
func (f *freed) layersSize(ctx context.Context) (int64, error) {
	usage, err := f.engine.docker.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.ImageObject}})
	if err != nil {
		return 0, fmt.Errorf("ask for the images' size: %w", err)
	}
	return usage.LayersSize, nil
}
