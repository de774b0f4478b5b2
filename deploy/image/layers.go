package image

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Layer is one layer of an image in its registry.
type Layer struct {
	// DiffID is the digest of its unpacked content, by which engines know it.
	DiffID string
	// Compressed is how many bytes of it are downloaded.
	Compressed int64
}

// Layers gives an image's layers, the lowest first, without pulling any, so
// that it can be said what a pull will download. Of an index it takes the
// platform, such as "linux/arm64"; an image of one platform needs none.
func (r *Registries) Layers(ctx context.Context, image deploy.Image, platform string) ([]Layer, error) {
	parsed, err := parse(image.Pinned())
	if err != nil {
		return nil, err
	}
	asked, err := r.ask(ctx, "read the layers of", image.Pinned(), parsed.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	found, err := remote.Get(parsed, r.options(ctx, asked.login)...)
	if err != nil {
		return nil, asked.explain(err)
	}
	one, err := ofPlatform(found, platform)
	if err != nil {
		return nil, asked.explain(err)
	}
	layers, err := layersOf(one)
	if err != nil {
		return nil, asked.explain(err)
	}
	return layers, nil
}

// ofPlatform picks the image that an engine of that platform would.
func ofPlatform(found *remote.Descriptor, platform string) (v1.Image, error) {
	if !found.MediaType.IsIndex() {
		return found.Image()
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	members, err := imagesIn(index)
	if err != nil {
		return nil, err
	}
	wanted, err := platforms.Parse(platform)
	if err != nil {
		return nil, fmt.Errorf("read platform %q: %w", platform, err)
	}
	matcher := platforms.Only(wanted)
	var there []string
	var best *v1.Descriptor
	for at, member := range members {
		if member.Platform == nil {
			continue
		}
		there = append(there, member.Platform.String())
		better := best == nil || matcher.Less(specOf(member.Platform), specOf(best.Platform))
		if matcher.Match(specOf(member.Platform)) && better {
			best = &members[at]
		}
	}
	if best == nil {
		return nil, fmt.Errorf("it has no image for %s, only for %s", platform, strings.Join(there, ", "))
	}
	return index.Image(best.Digest)
}

func specOf(platform *v1.Platform) platforms.Platform {
	return platforms.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant}
}

func layersOf(one v1.Image) ([]Layer, error) {
	manifest, err := one.Manifest()
	if err != nil {
		return nil, err
	}
	config, err := one.ConfigFile()
	if err != nil {
		return nil, err
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("its manifest has %d layers and its configuration %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	var layers []Layer
	for at, layer := range manifest.Layers {
		layers = append(layers, Layer{DiffID: config.RootFS.DiffIDs[at].String(), Compressed: layer.Size})
	}
	return layers, nil
}
