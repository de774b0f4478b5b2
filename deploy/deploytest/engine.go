// Package deploytest is what the tests of several packages share: a real
// engine, images made on the spot, a registry, projects with names and ports
// of their own, and the compiled magefile. Whatever it makes in the engine
// carries a label, and is removed by it.
package deploytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// Label marks every container, network, volume and image that tests make.
const Label = "webshop-deploy.test"

// Engine connects to the machine's engine; a machine without one fails the
// test, since nothing of this project can be tested there.
func Engine(t testing.TB) *client.Client {
	t.Helper()
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err == nil {
		_, err = docker.Ping(t.Context())
	}
	if err != nil {
		t.Fatalf("these tests need a Docker engine: %v", err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	return docker
}

// Sweep removes everything of one test project, by label and value, also what
// an earlier run that was killed has left.
func Sweep(ctx context.Context, docker *client.Client, value string) error {
	labelled := filters.NewArgs(filters.Arg("label", Label+"="+value))
	containers, err := docker.ContainerList(ctx, container.ListOptions{All: true, Filters: labelled})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, one := range containers {
		if err := docker.ContainerRemove(ctx, one.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("sweep %v: %w", one.Names, err)
		}
	}
	networks, err := docker.NetworkList(ctx, network.ListOptions{Filters: labelled})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, one := range networks {
		if err := docker.NetworkRemove(ctx, one.ID); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("sweep network %s: %w", one.Name, err)
		}
	}
	volumes, err := docker.VolumeList(ctx, volume.ListOptions{Filters: labelled})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, one := range volumes.Volumes {
		if err := docker.VolumeRemove(ctx, one.Name, true); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("sweep volume %s: %w", one.Name, err)
		}
	}
	return nil
}

// RemoveImages removes the images whose references begin so.
func RemoveImages(ctx context.Context, docker *client.Client, prefix string) error {
	images, err := docker.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return fmt.Errorf("remove test images: %w", err)
	}
	for _, one := range images {
		for _, reference := range append(append([]string{}, one.RepoTags...), one.RepoDigests...) {
			if !strings.HasPrefix(reference, prefix) {
				continue
			}
			if err := removeImage(ctx, docker, reference, image.RemoveOptions{Force: true, PruneChildren: true}); err != nil {
				return fmt.Errorf("remove test image %s: %w", reference, err)
			}
		}
	}
	return nil
}

// removeUnnamed removes the tests' images that have lost their name to a newer
// one. It fails for none that a container still uses.
func removeUnnamed(ctx context.Context, docker *client.Client) error {
	unnamed := filters.NewArgs(filters.Arg("label", Label), filters.Arg("dangling", "true"))
	images, err := docker.ImageList(ctx, image.ListOptions{Filters: unnamed})
	if err != nil {
		return fmt.Errorf("remove test images: %w", err)
	}
	for _, one := range images {
		err := removeImage(ctx, docker, one.ID, image.RemoveOptions{PruneChildren: true})
		if err != nil && !errdefs.IsConflict(err) {
			return fmt.Errorf("remove test image %s: %w", one.ID, err)
		}
	}
	return nil
}

// removeImage removes an image, also while another package's tests remove or
// build one with the same layers: the engine answers such a collision with an
// error of its own, and not when it is asked again.
func removeImage(ctx context.Context, docker *client.Client, reference string, options image.RemoveOptions) error {
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for range 20 {
		if _, err := docker.ImageRemove(ctx, reference, options); err == nil || !errdefs.IsInternal(err) {
			return ignoreMissing(err)
		}
		<-again.C
	}
	_, err := docker.ImageRemove(ctx, reference, options)
	return ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Root is the project's own folder.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the project's folder is not known")
	}
	root := filepath.Join(filepath.Dir(file), "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("find the project's folder: %v", err)
	}
	return filepath.Clean(root)
}
