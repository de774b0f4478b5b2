package deploy

import (
	"context"
	"errors"
)

// Restart replaces the containers of the release that serves by new ones of
// the same release: what is rolled without losing a request, schedulers one
// after the other, and with RenewAll databases and the proxy too, which
// interrupts. Nothing is pulled and nothing is migrated.
func (h *Host) Restart(ctx context.Context, options Options) (*Report, error) {
	serving, err := h.Serving(ctx)
	if err == nil && serving == nil {
		err = &Failure{Status: ExitUsage, Err: errors.New("nothing serves yet: there is nothing to restart"), Hint: "What was interrupted is cleared by: mage recover"}
	}
	if err != nil {
		return &Report{Outcome: OutcomeUntouched}, err
	}
	options.Rollback = true
	if options.Renew == "" {
		options.Renew = RenewRolled
	}
	return h.Rollout(ctx, serving, options)
}
