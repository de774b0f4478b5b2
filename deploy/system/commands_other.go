//go:build !linux

package system

import (
	"context"
	"errors"
	"io"
)

// Commands runs commands on this host.
type Commands struct {
	// Directory is the deploy directory.
	Directory string
}

// Run says that it cannot: what a command starts could outlive it here.
func (Commands) Run(context.Context, []string, map[string]string, io.Writer) error {
	return errors.New("hooks run on Linux hosts; one in a container runs here, too")
}

// EndLeft has nothing to end.
func (Commands) EndLeft(context.Context) error { return nil }
