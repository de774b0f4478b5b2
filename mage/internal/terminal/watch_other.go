//go:build !unix

package terminal

import (
	"context"
	"time"
)

// sizeEvery is how often a terminal is asked that tells nobody of a change.
const sizeEvery = time.Second

func watch(ctx context.Context, changed func()) {
	tick := time.NewTicker(sizeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			changed()
		case <-ctx.Done():
			return
		}
	}
}
