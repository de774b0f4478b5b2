// Package flock holds a file for one process at a time. The kernel frees the
// file when its holder dies, so that nothing is ever left locked.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrHeld says that another holder has the file.
var ErrHeld = errors.New("file is locked")

// pause is how often a file that is held is asked for again.
const pause = 50 * time.Millisecond

// Try locks a file, which is made where it is missing, or gives ErrHeld. The
// lock ends with the file's Close. The same process is refused as well when it
// opens the file a second time.
func Try(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock file: %w", err)
		}
		if err := lock(file); err != nil {
			file.Close()
			return nil, err
		}
		// Its former holder may have removed it between the two: a lock on a
		// file that has no name keeps nobody out.
		mine, err := file.Stat()
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("lock file: %w", err)
		}
		named, err := os.Stat(path)
		if err == nil && os.SameFile(mine, named) {
			return file, nil
		}
		file.Close()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("lock file: %w", err)
		}
	}
}

// Take waits for the file.
func Take(ctx context.Context, path string) (*os.File, error) {
	for {
		file, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
