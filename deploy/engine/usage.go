package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"
)

// Usage is what a container takes of its host.
type Usage struct {
	// CPU is the share of one core over the last moment: 0.5 is half a core, 2
	// are two whole ones.
	CPU float64
	// Memory is in bytes, without the page cache that the kernel can take back.
	Memory uint64
	// Limit is how much memory it may take, in bytes: the host's where it has no
	// limit of its own.
	Limit uint64
}

const (
	// usageSpan is the least time between the two samples that a share is made
	// from, and usagePause between two questions for the second one.
	usageSpan  = 500 * time.Millisecond
	usagePause = 100 * time.Millisecond
)

// errNotRunning says that there is nothing to measure.
var errNotRunning = errors.New("it does not run")

// Usage measures a running container: two samples of the engine's statistics,
// whose form is the same for both versions of control groups. It takes half a
// second, and up to two with Engine 20.10. deploy.ErrNoContainer if it is gone.
func (e *Engine) Usage(ctx context.Context, name string) (Usage, error) {
	first, err := e.sample(ctx, name)
	if err != nil {
		return Usage{}, err
	}
	pause := time.NewTimer(usageSpan)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return Usage{}, context.Cause(ctx)
		}
		second, err := e.sample(ctx, name)
		if err != nil {
			return Usage{}, err
		}
		span := second.Read.Sub(first.Read)
		if span < usageSpan/2 { // the engine gave the same sample once more
			pause.Reset(usagePause)
			continue
		}
		used := Usage{Memory: withoutCache(second.MemoryStats), Limit: second.MemoryStats.Limit}
		// Less than before is another process: it was restarted in between.
		if before, now := first.CPUStats.CPUUsage.TotalUsage, second.CPUStats.CPUUsage.TotalUsage; now > before {
			used.CPU = float64(now-before) / float64(span)
		}
		return used, nil
	}
}

// sample asks for the statistics of this moment.
func (e *Engine) sample(ctx context.Context, name string) (container.StatsResponse, error) {
	var stats container.StatsResponse
	response, err := e.docker.ContainerStatsOneShot(ctx, name)
	if err == nil {
		defer response.Body.Close()
		err = json.NewDecoder(response.Body).Decode(&stats)
	}
	if err == nil && stats.Read.IsZero() {
		err = errNotRunning
	}
	if err != nil {
		return stats, fmt.Errorf("read the usage of container %s: %w", name, gone(err))
	}
	return stats, nil
}
