package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
)

// Resolver finds the digest that an image reference stands for now.
type Resolver func(ctx context.Context, reference string) (Image, error)

// MakeOptions say which release is made.
type MakeOptions struct {
	Version string
	By      string
	// Background is what it is made of; nil where nobody said.
	Background *Background
	Proxy      ProxyContainer
	Resolve    Resolver
}

// NewRelease makes the release of a version: every image resolved to its
// digest, the Compose file rendered with them. Images that do not carry the
// version, such as a database's, keep the digest of the release that serves
// while their reference stays the same: that somebody moved a tag elsewhere is
// no reason to replace a database in passing.
func (h *Host) NewRelease(ctx context.Context, model *Model, options MakeOptions) (*Release, error) {
	if err := CheckVersion(options.Version); err != nil {
		return nil, err
	}
	if err := model.imagesNamed(); err != nil {
		return nil, err
	}
	environment, err := h.loadUnpinned(ctx, model, options.Version)
	if err != nil {
		return nil, err
	}
	serving, err := h.Serving(ctx)
	if err != nil {
		return nil, err
	}
	images, err := resolveAll(ctx, environment, model, serving, options.Resolve)
	if err != nil {
		return nil, err
	}
	rendered, err := model.Render(RenderOptions{Version: options.Version, Images: images, Proxy: options.Proxy})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	id, err := h.Store.nextID(now, options.Version)
	if err != nil {
		return nil, err
	}
	release := &Release{
		ID: id, Version: options.Version, Images: images,
		Created: now, By: options.By, Background: options.Background, Rendered: rendered,
	}
	if release.Variables, err = h.Store.Fingerprints(h.Variables); err != nil {
		return nil, err
	}
	if serving != nil && serving.Version == release.Version && release.Background == nil {
		release.Background = serving.Background // it was made of the same
	}
	if serving != nil && serving.Version == release.Version && string(serving.Rendered) == string(rendered) {
		release.ID = serving.ID // it is the same one
	}
	return release, h.Decode(ctx, release)
}

// loadUnpinned decodes a Compose file as it is for a version, without what
// only a build needs.
func (h *Host) loadUnpinned(ctx context.Context, model *Model, version string) (*Environment, error) {
	content, err := model.Render(RenderOptions{Version: version, Images: map[string]Image{}})
	if err != nil {
		return nil, err
	}
	plain, err := ParseModel(ctx, model.Path, content)
	if err != nil {
		return nil, err
	}
	return plain.Load(ctx, LoadOptions{
		Name: h.Store.Environment, Directory: h.Store.Directory, Version: version, Variables: h.Variables,
	})
}

func resolveAll(ctx context.Context, environment *Environment, model *Model, serving *Release, resolve Resolver) (map[string]Image, error) {
	byReference := map[string]Image{}
	images := map[string]Image{}
	for _, service := range environment.Services {
		if before, ok := servingImage(serving, service, model); ok {
			byReference[service.Image] = before
			continue
		}
		byReference[service.Image] = Image{}
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	var errs []error
	for reference, known := range maps.Clone(byReference) {
		if known.Digest != "" {
			continue
		}
		group.Go(func() {
			image, err := resolve(ctx, reference)
			mu.Lock()
			defer mu.Unlock()
			byReference[reference] = image
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, service := range environment.Services {
		images[service.Name] = byReference[service.Image]
	}
	return images, nil
}

func servingImage(serving *Release, service *Service, model *Model) (Image, bool) {
	if serving == nil || model.versioned(service.Name) {
		return Image{}, false
	}
	image, ok := serving.Images[service.Name]
	return image, ok && image.Reference == service.Image
}

// imagesNamed says which services name no image: what is only built cannot be
// pushed, pinned or returned to.
func (m *Model) imagesNamed() error {
	mistakes := &Mistakes{File: m.Path}
	services, _ := m.content["services"].(map[string]any)
	for name, entry := range services {
		if service, ok := entry.(map[string]any); ok && service["image"] == nil {
			mistakes.add("services."+name+".image", "is missing: a release names every image, also of what is built, such as ${REGISTRY}/%s:${VERSION}", name)
		}
	}
	return mistakes.err()
}

// versioned says whether a service's image carries the version.
func (m *Model) versioned(service string) bool {
	services, _ := m.content["services"].(map[string]any)
	entry, _ := services[service].(map[string]any)
	image, _ := entry["image"].(string)
	return versionPattern.MatchString(image)
}

// CheckVersion refuses what cannot be an image tag. The registry's rule:
// letters, digits, _ . -, not starting with . or -, at most 128.
func CheckVersion(version string) error {
	valid := version != "" && len(version) <= 128 && !strings.HasPrefix(version, ".") && !strings.HasPrefix(version, "-")
	for _, r := range version {
		valid = valid && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r))
	}
	if valid {
		return nil
	}
	return &Failure{
		Status: ExitUsage,
		Err:    fmt.Errorf("%q is not a version", version),
		Hint:   "A version is an image tag: letters, digits, dots, dashes and underscores, at most 128, such as v1.16.0.",
	}
}
