//go:build unix

package agent

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// terminate asks the process that has the deploy lock to go back, as Ctrl-C
// does where it runs. One that has ended by itself is as good.
func terminate(holder deploy.Holder) error {
	if err := syscall.Kill(holder.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ask %s (process %d) to go back: %w", holder.What, holder.PID, err)
	}
	return nil
}
