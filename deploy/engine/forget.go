package engine

import (
	"context"
	"fmt"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Forget takes the local names of images away, and what is in the registry's
// name with them, which removes an image with its last name. It says how many
// names those were and how many bytes of layers the engine has again.
func (e *Engine) Forget(ctx context.Context, images, kept []deploy.Image) (deploy.Pruned, error) {
	var pruned deploy.Pruned
	freed, err := e.measure(ctx)
	if err != nil {
		return pruned, err
	}
	used, err := e.usedImages(ctx)
	if err != nil {
		return pruned, err
	}
	keep := map[string]bool{}
	for _, one := range kept {
		keep[localTag(one)], keep[one.Pinned()] = true, true
		if found, err := e.docker.ImageInspect(ctx, one.Pinned()); err == nil && !slices.Contains(found.RepoTags, localTag(one)) {
			used[found.ID] = true // it has nothing but another version's name
		}
	}
	for _, one := range images {
		names, err := e.namesOf(ctx, one)
		if err != nil {
			return pruned, err
		}
		layers, err := freed.layersOf(ctx, names)
		if err != nil {
			return pruned, err
		}
		for _, name := range names.all {
			if keep[name] {
				continue
			}
			if used[names.id] {
				pruned.Held = append(pruned.Held, name)
				continue
			}
			gone, err := e.docker.ImageRemove(ctx, name, image.RemoveOptions{PruneChildren: true})
			switch {
			case cerrdefs.IsNotFound(err): // it went with another name
			case cerrdefs.IsConflict(err):
				pruned.Held = append(pruned.Held, name)
			case err != nil:
				return pruned, fmt.Errorf("remove image %s: %w", name, err)
			default:
				pruned.Images++
				freed.removed(layers, gone)
			}
		}
	}
	pruned.Freed, err = freed.bytes(ctx)
	return pruned, err
}

// names are those of one image that a release gave it.
type names struct {
	id  string
	all []string
}

func (e *Engine) namesOf(ctx context.Context, wanted deploy.Image) (names, error) {
	found, err := e.docker.ImageInspect(ctx, wanted.Pinned())
	if cerrdefs.IsNotFound(err) {
		return names{}, nil
	}
	if err != nil {
		return names{}, fmt.Errorf("inspect image %s: %w", wanted.Pinned(), err)
	}
	of := names{id: found.ID}
	for _, name := range []string{localTag(wanted), wanted.Pinned()} {
		if slices.Contains(found.RepoTags, name) || slices.Contains(found.RepoDigests, name) {
			of.all = append(of.all, name)
		}
	}
	return of, nil
}

// usedImages are those of all containers on the host, by identifier.
func (e *Engine) usedImages(ctx context.Context) (map[string]bool, error) {
	list, err := e.docker.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	used := map[string]bool{}
	for _, one := range list {
		used[one.ImageID] = true
	}
	return used, nil
}
