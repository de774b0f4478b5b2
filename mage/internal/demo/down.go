package demo

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// Down removes every trace of the demonstration: containers, networks,
// volumes, images and its folder. The base image and the engine's build cache
// may serve others and stay.
func Down(ctx context.Context, root string, out io.Writer) error {
	settings, err := readSettings(root)
	if err != nil {
		return err
	}
	e, err := engine.Open(ctx, engine.Options{})
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.Down(ctx, settings.project); err != nil {
		return err
	}
	images, err := e.RemoveImages(ctx, settings.images()+"/")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(settings.directory); err != nil {
		return fmt.Errorf("remove the demonstration's folder: %w", err)
	}
	_, err = fmt.Fprintf(out, "The demonstration is gone: containers, networks, volumes, %d images, and .demo.\n%s and the engine's build cache stay; `docker builder prune` empties the cache.\n", images, baseImage)
	return err
}
