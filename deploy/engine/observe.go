package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// observeAtOnce bounds the requests that are under way to the engine.
const observeAtOnce = 16

// Observe lists the project's containers by Compose's project label, one-off
// ones included, sorted by service, one-off and number, and the memory of the
// host: what the kernel calls available, bounded by the limits of the control
// groups that this process lives in.
//
// Each container is inspected, and sampled if it runs, in parallel. A container
// that disappears in the middle is left out.
func (e *Engine) Observe(ctx context.Context, project string) ([]deploy.Container, deploy.Memory, error) {
	found, err := e.list(ctx, project, "")
	if err != nil {
		return nil, deploy.Memory{}, err
	}
	shared := networksOf(found, e.options.ProxyService)
	containers := make([]deploy.Container, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(observeAtOnce)
	for at, one := range found {
		group.Go(func() error {
			inspected, err := e.inspect(ctx, one.ID)
			if errors.Is(err, deploy.ErrNoContainer) {
				return nil
			}
			if err != nil {
				return err
			}
			containers[at] = describe(inspected, shared)
			if containers[at].Running() {
				containers[at].MemoryBytes = e.memoryOf(ctx, inspected)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, deploy.Memory{}, err
	}
	containers = slices.DeleteFunc(containers, func(c deploy.Container) bool { return c.ID == "" })
	slices.SortFunc(containers, func(a, b deploy.Container) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), compareBool(a.OneOff, b.OneOff),
			cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name))
	})
	return containers, hostMemory(os.DirFS("/")), nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// memoryOf samples a container's memory without the page cache that the kernel
// can take back, as `docker stats` counts it; 0 if it cannot be had. The
// control group's files answer at once. The engine is asked only where they
// are another machine's: its statistics, one-shot ones (API 1.41) too, take
// about a second when they are asked for twice in one (measured with 20.10).
func (e *Engine) memoryOf(ctx context.Context, inspected container.InspectResponse) uint64 {
	if used, ok := processMemory(os.DirFS("/"), inspected.State.Pid, inspected.ID); ok {
		return used
	}
	response, err := e.docker.ContainerStatsOneShot(ctx, inspected.ID)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	var stats container.StatsResponse
	if err := json.NewDecoder(response.Body).Decode(&stats); err != nil {
		return 0
	}
	return withoutCache(stats.MemoryStats)
}

// withoutCache subtracts the inactive page cache, named total_inactive_file by
// cgroup v1 and inactive_file by v2.
func withoutCache(stats container.MemoryStats) uint64 {
	for _, key := range []string{"total_inactive_file", "inactive_file"} {
		if cache, ok := stats.Stats[key]; ok && cache < stats.Usage {
			return stats.Usage - cache
		}
	}
	return stats.Usage
}
