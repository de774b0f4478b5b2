//go:build unix

package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// watch calls changed after each change of the terminal's size.
func watch(ctx context.Context, changed func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			changed()
		case <-ctx.Done():
			return
		}
	}
}
