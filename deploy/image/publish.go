package image

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// PublishOptions are what Publish is told beyond names.
type PublishOptions struct {
	// Digest is that of an image which the builder has pushed already, from
	// Built; empty pushes the engine's.
	Digest string
	// Overwrite lets an immutable tag name another image than it did.
	Overwrite bool
	// Progress is that of Push; may be nil.
	Progress func(current, total int64)
}

// Publish puts an image in its registry under the immutable tag of its
// reference, and then moves the other tags to it, such as "latest": each by
// putting the manifest, so that none ever names what is not complete. A tag
// that names another image already is not overwritten unless that is asked
// for; one that names the same image is left, and nothing is sent.
func (p *Publisher) Publish(ctx context.Context, reference string, moving []string, options PublishOptions) (Pushed, error) {
	parsed, err := parse(reference)
	if err != nil {
		return Pushed{}, err
	}
	tag, ok := parsed.(name.Tag)
	if !ok {
		return Pushed{}, fmt.Errorf("push image %s: it is pinned by digest; give it a tag", reference)
	}
	for _, one := range moving {
		if _, err := name.NewTag(parsed.Context().Name() + ":" + one); err != nil {
			return Pushed{}, fmt.Errorf("push image %s: %w", reference, err)
		}
	}
	asked, err := p.ask(ctx, reference, parsed)
	if err != nil {
		return Pushed{}, err
	}
	pushed, err := p.settle(ctx, parsed, asked, options)
	if err != nil {
		return Pushed{}, err
	}
	moving = slices.DeleteFunc(slices.Clone(moving), func(one string) bool { return one == tag.TagStr() })
	if len(moving) == 0 {
		return pushed, nil
	}
	return pushed, p.registries(asked.login).Tag(ctx, pushed.Image, moving...)
}

// settle makes the immutable tag name the image, where it does not yet.
func (p *Publisher) settle(ctx context.Context, parsed name.Reference, asked question, options PublishOptions) (Pushed, error) {
	reference := asked.subject
	if !options.Overwrite {
		there, same, err := p.taken(ctx, parsed, asked, options.Digest)
		if err != nil {
			return Pushed{}, err
		}
		if same {
			return Pushed{Image: deploy.Image{Reference: reference, Digest: there}}, nil
		}
	}
	if options.Digest == "" {
		return p.Push(ctx, reference, options.Progress)
	}
	built := deploy.Image{Reference: reference, Digest: options.Digest}
	return Pushed{Image: built}, p.registries(asked.login).Tag(ctx, built, parsed.Identifier())
}

// taken gives the digest that the tag has in the registry, and whether it is
// the image that is to be published. One that is not is an error.
func (p *Publisher) taken(ctx context.Context, parsed name.Reference, asked question, digest string) (there string, same bool, err error) {
	registries := p.registries(asked.login)
	there, err = registries.digest(ctx, parsed, asked)
	if err != nil {
		if causeOf(err) == causeMissing {
			return "", false, nil
		}
		asked.left = "nothing was sent"
		return "", false, asked.explain(err)
	}
	ours := "the new one is " + digest
	if same = there == digest; digest == "" {
		if same, ours, err = p.equals(ctx, parsed, asked, there); err != nil {
			return "", false, err
		}
	}
	if same {
		return there, true, nil
	}
	return "", false, &Error{
		Action: "push image", Subject: asked.subject, Err: ErrTagTaken,
		Reason: fmt.Sprintf("%s has %s under that tag, and %s", hostOf(parsed.Context()), there, ours),
		Hint:   "take a new version; what a tag once named may be deployed somewhere. To overwrite it all the same, ask for that",
	}
}

// equals compares the engine's image with that in the registry. The engine
// knows an image by the digest of its configuration, which pins the content of
// all its layers, and since its containerd store by that of its manifest.
func (p *Publisher) equals(ctx context.Context, parsed name.Reference, asked question, there string) (same bool, ours string, err error) {
	local, err := p.Docker.ImageInspect(ctx, asked.subject)
	if errdefs.IsNotFound(err) {
		return false, "", &Error{
			Action: "push image", Subject: asked.subject, Reason: "the engine does not have it",
			Hint: "build it first", Err: fmt.Errorf("%w: %w", ErrNotFound, err),
		}
	}
	if err != nil {
		return false, "", fmt.Errorf("inspect image %s: %w", asked.subject, err)
	}
	if local.ID == there || slices.Contains(digestsIn(local.RepoDigests, parsed.Context()), there) {
		return true, "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	registries := p.registries(asked.login)
	ourPlatform := v1.Platform{OS: local.Os, Architecture: local.Architecture, Variant: local.Variant}
	theirs, err := remote.Image(parsed.Context().Digest(there),
		append(registries.options(ctx, asked.login), remote.WithPlatform(ourPlatform))...)
	if err != nil {
		return false, "", asked.explain(err)
	}
	config, err := theirs.ConfigName()
	if err != nil {
		return false, "", asked.explain(err)
	}
	return config.String() == local.ID, fmt.Sprintf("the engine's is another: configuration %s there, %s here", config, local.ID), nil
}
