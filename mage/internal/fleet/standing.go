package fleet

import (
	"context"
	"fmt"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Stand asks a host that was reached what its records say.
func (h *Host) Stand(ctx context.Context) (*session.Standing, error) {
	var standing *session.Standing
	result, err := h.ask(ctx, agent.Request{Do: agent.Stand}, func(line agent.Line, _ int) {
		if line.Standing != nil {
			standing = line.Standing
		}
	})
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s what it serves: %w", h.Address, err)
	}
	if standing == nil {
		standing = &session.Standing{}
	}
	return standing, nil
}
