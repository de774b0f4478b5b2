package engine

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/versions"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Takes is what takes the engine's disk, in bytes.
type Takes struct {
	// Images are all images, each layer once, and Idle what of them no container
	// uses, at most.
	Images, Idle int64
	// Cache is BuildKit's.
	Cache int64
	// Containers are what they have written beside volumes; Volumes are all of
	// them. Both are 0 where the engine was not asked: it walks through every
	// file for that.
	Containers, Volumes int64
}

// Takes asks the engine what takes its disk. An engine before API 1.42 answers
// only with everything, which may take long.
func (e *Engine) Takes(ctx context.Context, all bool) (Takes, error) {
	options := types.DiskUsageOptions{}
	if !all && versions.GreaterThanOrEqualTo(e.docker.ClientVersion(), "1.42") {
		options.Types = []types.DiskUsageObject{types.ImageObject, types.BuildCacheObject}
	}
	usage, err := e.docker.DiskUsage(ctx, options)
	if err != nil {
		return Takes{}, fmt.Errorf("ask the engine what takes its disk: %w", err)
	}
	takes := Takes{Images: usage.LayersSize}
	for _, one := range usage.Images {
		if one.Containers == 0 {
			takes.Idle += one.Size - max(one.SharedSize, 0)
		}
	}
	for _, one := range usage.BuildCache {
		if !one.Shared {
			takes.Cache += one.Size
		}
	}
	for _, one := range usage.Containers {
		takes.Containers += one.SizeRw
	}
	for _, one := range usage.Volumes {
		if one.UsageData != nil {
			takes.Volumes += max(one.UsageData.Size, 0)
		}
	}
	return takes, nil
}

// SizeOf sums what images take of which some are not here any more; layers that
// they share are counted for each, so that it is the most that they take.
func (e *Engine) SizeOf(ctx context.Context, images []deploy.Image) int64 {
	var sum int64
	for _, one := range images {
		if inspected, err := e.docker.ImageInspect(ctx, one.Pinned()); err == nil {
			sum += inspected.Size
		}
	}
	return sum
}

// Root is the folder in which the engine keeps its images.
func (e *Engine) Root(ctx context.Context) (string, error) {
	info, err := e.docker.Info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the engine where it keeps its images: %w", err)
	}
	return info.DockerRootDir, nil
}
