package engine

import (
	"context"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Memory is what the host has and can still give.
func (e *Engine) Memory(context.Context) (deploy.Memory, error) {
	return hostMemory(os.DirFS("/")), nil
}

// FreeDisk is the space in bytes that is left where the engine keeps its
// images, for whoever is not root.
func (e *Engine) FreeDisk(ctx context.Context) (uint64, error) {
	info, err := e.docker.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the engine where it keeps its images: %w", err)
	}
	free, err := freeSpace(info.DockerRootDir)
	if err != nil {
		return 0, fmt.Errorf("read the free space of %s: %w", info.DockerRootDir, err)
	}
	return free, nil
}
