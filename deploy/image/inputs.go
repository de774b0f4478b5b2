package image

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// inputs are what decides the content of an image, as far as it can be known
// before the build. Two builds with equal inputs make images that can stand
// for each other. A base image's tag may have moved in between.
type inputs struct {
	// Scheme changes with the meaning of what follows.
	Scheme int
	// Tree is the identity of the build context's content, or the address of a
	// remote one, pinned to a commit.
	Tree string
	// Dockerfile is its path from the context; Recipe its content and Ignored
	// that of its own .dockerignore, since both may stand outside the context.
	Dockerfile, Recipe, Ignored string
	// Attributes are the frontend's options: target, arguments, labels,
	// platform, network, and so on.
	Attributes                    map[string]string
	Secrets, Agents, Entitlements []string
}

// trees asks for each folder's identity once.
type trees struct {
	ask   func(folder string) (string, error)
	known map[string]string
}

func newTrees(ask func(folder string) (string, error)) *trees {
	return &trees{ask: ask, known: map[string]string{}}
}

func (t *trees) identity(folder string) (string, error) {
	if found, ok := t.known[folder]; ok {
		return found, nil
	}
	found, err := t.ask(folder)
	if err != nil {
		return "", fmt.Errorf("identify the build context %s: %w", folder, err)
	}
	t.known[folder] = found
	return found, nil
}

// Inputs gives, by service, a hash of what decides its image: the identity of
// its build context, as options.Tree says it, the Dockerfile, and all that the
// build section asks for with its variables resolved; neither version, revision
// and time nor the values of secrets. Build sets it as a label, so that an
// image which was built and tested once can be promoted instead of built again.
// A service whose context has no identity is left out.
func (b *Builder) Inputs(project *types.Project, services []string, options Options) (map[string]string, error) {
	selected, err := chosen(project, services)
	if err != nil {
		return nil, err
	}
	trees := newTrees(options.Tree)
	hashes := map[string]string{}
	for _, service := range selected {
		content, err := contentOf(project, service, options)
		if err == nil {
			err = content.identify(trees)
		}
		if err != nil {
			return nil, fmt.Errorf("hash the build inputs of %s: %w", service.Name, err)
		}
		if hash := content.attrs[labelAttr+labelInputs]; hash != "" {
			hashes[service.Name] = hash
		}
	}
	return hashes, nil
}

// identify sets the label with the hash of everything else.
func (c *content) identify(trees *trees) error {
	delete(c.attrs, labelAttr+labelInputs) // nobody else may claim it
	if trees.ask == nil {
		return nil
	}
	identity, err := c.identity(trees)
	if err != nil || identity == "" {
		return err
	}
	recipe, ignored, err := c.recipe()
	if err != nil {
		return err
	}
	given := inputs{
		Scheme: 1, Tree: identity, Dockerfile: c.attrs["filename"], Recipe: recipe, Ignored: ignored,
		Attributes: maps.Clone(c.attrs), Secrets: c.secretNames, Entitlements: slices.Sorted(slices.Values(c.entitlements)),
	}
	if c.dockerfile != "" {
		if folder, err := filepath.Rel(c.context, c.dockerfile); err == nil {
			given.Dockerfile = filepath.ToSlash(filepath.Join(folder, given.Dockerfile))
		}
	}
	for _, agent := range c.agents {
		given.Agents = append(given.Agents, agent.ID)
	}
	maps.DeleteFunc(given.Attributes, func(key, _ string) bool {
		label, isLabel := strings.CutPrefix(key, labelAttr)
		// How often the cache and the registry are asked is not what is built.
		return isLabel && !decides(label) || key == "no-cache" || key == "image-resolve-mode"
	})
	text, err := json.Marshal(given) // which sorts the keys
	if err != nil {
		return err
	}
	c.attrs[labelAttr+labelInputs] = fmt.Sprintf("sha256:%x", sha256.Sum256(text))
	return nil
}

// commit is the end of a remote context that is pinned to one.
var commit = regexp.MustCompile(`#[0-9a-f]{40}(:.*)?$`)

func (c *content) identity(trees *trees) (string, error) {
	if c.context != "" {
		return trees.identity(c.context)
	}
	if address := c.attrs["context"]; commit.MatchString(address) {
		return address, nil
	}
	return "", nil // a branch, or an archive, that may change
}

// recipe reads the Dockerfile and what it alone ignores.
func (c *content) recipe() (file, ignored string, err error) {
	if c.inline != "" || c.dockerfile == "" {
		return c.inline, "", nil
	}
	path := filepath.Join(c.dockerfile, c.attrs["filename"])
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("read the Dockerfile: %w", err)
	}
	ignore, err := os.ReadFile(path + ".dockerignore")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("read the Dockerfile's .dockerignore: %w", err)
	}
	return string(text), string(ignore), nil
}

// InputsOf reads from the registry what an image was built from, in the words
// of Inputs; empty where it does not say. Nothing is pulled but the image's
// configuration. Of an index it reads the first platform: all of them have the
// same labels.
func (r *Registries) InputsOf(ctx context.Context, reference string) (deploy.Image, string, error) {
	parsed, err := parse(reference)
	if err != nil {
		return deploy.Image{}, "", err
	}
	asked, err := r.ask(ctx, "read the build inputs of", reference, parsed.Context())
	if err != nil {
		return deploy.Image{}, "", err
	}
	questionCtx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	found, err := remote.Get(parsed, r.options(questionCtx, asked.login)...)
	if err != nil {
		if causeOf(err) == causeMissing {
			return deploy.Image{}, "", r.missing(ctx, parsed, asked)
		}
		return deploy.Image{}, "", asked.explain(err)
	}
	config, err := anyConfig(found)
	if err != nil {
		return deploy.Image{}, "", asked.explain(err)
	}
	return deploy.Image{Reference: reference, Digest: found.Digest.String()}, config.Config.Labels[labelInputs], nil
}

// anyConfig reads the configuration of an image, or of an index's first.
func anyConfig(found *remote.Descriptor) (*v1.ConfigFile, error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if err != nil {
			return nil, err
		}
		return image.ConfigFile()
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	members, err := imagesIn(index)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, errors.New("the index has no image")
	}
	image, err := index.Image(members[0].Digest)
	if err != nil {
		return nil, err
	}
	return image.ConfigFile()
}

// imagesIn leaves an index's attestations out: BuildKit lists them as images
// of no platform.
func imagesIn(index v1.ImageIndex) ([]v1.Descriptor, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(manifest.Manifests), func(one v1.Descriptor) bool {
		return !one.MediaType.IsImage() || one.Platform != nil && one.Platform.OS == "unknown"
	}), nil
}
