package fleet

import (
	"context"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// Adopt has all hosts take over what somebody else has started there, in
// order, or undo that. To undo needs nothing but the binary.
func (f *Fleet) Adopt(ctx context.Context, rollout agent.Rollout) error {
	if !rollout.Undo {
		return f.Rollout(ctx, rollout)
	}
	return f.Repair(ctx, rollout)
}
