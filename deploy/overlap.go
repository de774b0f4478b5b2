package deploy

import (
	"fmt"
	"math"
)

// chooseOverlap decides how long old and new run side by side: what is forced,
// else the most comfortable way that the host's free memory allows.
func (p *planner) chooseOverlap() error {
	need, largest := p.memoryNeed()
	available := p.state.Memory.Available
	switch {
	case p.options.Overlap != "":
		p.plan.Overlap = p.options.Overlap
	case need == 0 || available == 0 || available >= need+need/2+memoryReserve:
		p.plan.Overlap = OverlapWarm
	case available >= need+memoryReserve:
		p.plan.Overlap = OverlapBrief
		p.plan.Why = fmt.Sprintf("memory: %s free, the new containers need about %s: the old ones are retired right after the switch, so going back means starting them again",
			megabytes(available), megabytes(need))
	case available >= largest+memoryReserve || p.back(): // the way back is never refused
		p.plan.Overlap = OverlapSingle
		p.plan.Why = fmt.Sprintf("memory: %s free, the new containers need about %s: one service at a time, each switched by itself, the old ones retired at once",
			megabytes(available), megabytes(need))
	default:
		return &Failure{
			Err:  fmt.Errorf("not enough memory: %s free, and the largest new container needs about %s beside the old one", megabytes(available), megabytes(largest)),
			Hint: "Nothing was touched. Free memory on the host, or give the service deploy.update_config.order: stop-first, which stops the old container before the new one starts.",
		}
	}
	return nil
}

// memoryNeed estimates what the new containers take beside the old ones, all
// together and the largest batch that starts at once, from what the old
// containers of the same services use now. A declared limit bounds it.
func (p *planner) memoryNeed() (total, largest uint64) {
	for _, c := range p.changes {
		if c.service.Kind != KindRolled || len(c.add) == 0 {
			continue
		}
		each := p.memoryOf(c)
		total += each * count(c.add)
		largest = max(largest, each*count(batchOf(c, 0)))
	}
	if p.state.Serving == nil {
		return 0, 0
	}
	return total, largest
}

func (p *planner) memoryOf(c *change) uint64 {
	var used uint64
	for _, container := range p.state.Of(c.service.Name) {
		used = max(used, container.MemoryBytes)
	}
	if used == 0 {
		used = assumedMemory
	}
	limit := uint64(math.MaxUint64)
	service := p.want.Environment.Project.Services[c.service.Name]
	if service.Deploy != nil && service.Deploy.Resources.Limits != nil && service.Deploy.Resources.Limits.MemoryBytes > 0 {
		limit = uint64(service.Deploy.Resources.Limits.MemoryBytes)
	}
	if service.MemLimit > 0 {
		limit = min(limit, uint64(service.MemLimit))
	}
	return min(used, limit)
}

func count[T any](list []T) uint64 { return uint64(len(list)) }

func megabytes(bytes uint64) string { return fmt.Sprintf("%d MB", (bytes+500_000)/1_000_000) }
