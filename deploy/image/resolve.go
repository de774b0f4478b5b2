package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const (
	// registryTimeout bounds one question to a registry, attempts included.
	registryTimeout = 30 * time.Second
	// mostTags bounds how many tags are read of one repository: the release
	// tags of many years.
	mostTags = 5000
	// shownTags is how many tags an error suggests.
	shownTags = 5
)

// Registries asks registries about tags and digests, and sets tags.
type Registries struct {
	// Docker is asked by ResolveLocal only; may be nil otherwise.
	Docker *client.Client
	// Keychain has the logins; DefaultKeychain where nil.
	Keychain authn.Keychain
	// backoff is between attempts; go-containerregistry's own, 1 s and 3 s,
	// where zero. Tests shorten it.
	backoff remote.Backoff
}

// Resolve pins a reference: it asks the registry which digest the tag has now.
// An index of several platforms stays one; the engine picks from it when it
// pulls. The error is ErrNotFound, with the nearest tags, where there is no
// such tag, and ErrUnreachable where the registry does not answer.
func (r *Registries) Resolve(ctx context.Context, reference string) (deploy.Image, error) {
	parsed, err := parse(reference)
	if err != nil {
		return deploy.Image{}, err
	}
	digest, err := r.digest(ctx, parsed)
	if err == nil {
		return deploy.Image{Reference: reference, Digest: digest}, nil
	}
	if causeOf(err) == causeMissing {
		return deploy.Image{}, r.missing(ctx, reference, parsed)
	}
	return deploy.Image{}, explain("resolve image", reference, parsed.Context().RegistryStr(), err)
}

// digest asks with HEAD, which registries count least, and once more with GET
// where that fails: only its answer has a body that says why.
func (r *Registries) digest(ctx context.Context, parsed name.Reference) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	head, err := remote.Head(parsed, r.options(ctx)...)
	if err == nil {
		return head.Digest.String(), nil
	}
	failed, ok := errors.AsType[*transport.Error](err)
	if !ok || failed.StatusCode == http.StatusNotFound || failed.Temporary() {
		return "", err
	}
	got, err := remote.Get(parsed, r.options(ctx)...)
	if err != nil {
		return "", err
	}
	return got.Digest.String(), nil
}

// missing says what there is instead, as far as that can be read.
func (r *Registries) missing(ctx context.Context, reference string, parsed name.Reference) error {
	failure := &Error{Action: "resolve image", Subject: reference, Err: ErrNotFound}
	failure.Hint = "push it first, or check the version"
	tags, err := r.tags(ctx, parsed.Context())
	switch {
	case err != nil && causeOf(err) == causeMissing:
		failure.Reason = "the repository " + parsed.Context().Name() + " does not exist"
		failure.Hint = "push to it first, or check its name"
	case err != nil: // then what is known must do
	case len(tags) == 0:
		failure.Reason = "the repository has no tags"
	default:
		failure.Reason = "nearest tags: " + strings.Join(nearest(tags, parsed.Identifier(), shownTags), ", ")
	}
	return failure
}

// ListTags gives a repository's tags, the highest version first: v1.10.0
// before v1.9.0. Of a repository with thousands it reads the first 5,000.
func (r *Registries) ListTags(ctx context.Context, repository string) ([]string, error) {
	parsed, err := parseRepository(repository)
	if err != nil {
		return nil, err
	}
	tags, err := r.tags(ctx, parsed)
	if err != nil {
		return nil, explain("list the tags of", repository, parsed.RegistryStr(), err)
	}
	slices.SortFunc(tags, func(a, b string) int { return compareTags(b, a) })
	return tags, nil
}

func (r *Registries) tags(ctx context.Context, repository name.Repository) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	puller, err := remote.NewPuller(r.options(ctx)...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, repository)
	if err != nil {
		return nil, err
	}
	var tags []string
	for pages.HasNext() && len(tags) < mostTags {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		tags = append(tags, page.Tags...)
	}
	return tags[:min(len(tags), mostTags)], nil
}

// Tag gives an image that the registry has further tags, by putting its
// manifest under them: nothing is pulled or pushed. Promoting a tested image
// is tagging its digest.
func (r *Registries) Tag(ctx context.Context, image deploy.Image, tags ...string) error {
	pinned, err := parse(image.Pinned())
	if err != nil {
		return err
	}
	host := pinned.Context().RegistryStr()
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	manifest, err := remote.Get(pinned, r.options(ctx)...)
	if err != nil {
		return explain("read manifest", image.Pinned(), host, err)
	}
	for _, tag := range tags {
		if _, err := name.NewTag(pinned.Context().Name() + ":" + tag); err != nil {
			return fmt.Errorf("tag image %s: %w", image.Pinned(), err)
		}
		if err := remote.Tag(pinned.Context().Tag(tag), manifest, r.options(ctx)...); err != nil {
			return explain("tag image", image.Pinned()+" as "+tag, host, err)
		}
	}
	return nil
}

// ResolveLocal pins a reference from what the engine remembers of its pushes
// and pulls, for when the registry does not answer. ErrNotFound means that the
// engine does not have the image, or never met the registry with it. An engine
// with the containerd image store knows the digest from the build on, so there
// the answer does not say that the image was pushed.
func (r *Registries) ResolveLocal(ctx context.Context, reference string) (deploy.Image, error) {
	parsed, err := parse(reference)
	if err != nil {
		return deploy.Image{}, err
	}
	failure := &Error{Action: "resolve image", Subject: reference, Err: ErrNotFound}
	found, err := r.Docker.ImageInspect(ctx, reference)
	switch {
	case errdefs.IsNotFound(err):
		failure.Reason = "the engine does not have it"
		return deploy.Image{}, failure
	case err != nil:
		return deploy.Image{}, fmt.Errorf("inspect image %s: %w", reference, err)
	}
	for _, pinned := range found.RepoDigests {
		digest, err := name.NewDigest(pinned)
		if err == nil && digest.Context().Name() == parsed.Context().Name() {
			return deploy.Image{Reference: reference, Digest: digest.DigestStr()}, nil
		}
	}
	failure.Reason = "the engine has it, but knows no digest: it was never pushed to " + parsed.Context().Name()
	failure.Hint = "push it first"
	return deploy.Image{}, failure
}

// options are those of every question. The attempts are go-containerregistry's
// own: three, after 5xx, 408, 429 and connections that ended.
func (r *Registries) options(ctx context.Context) []remote.Option {
	keychain := r.Keychain
	if keychain == nil {
		keychain = DefaultKeychain
	}
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(keychain),
		remote.WithUserAgent("webshop-deploy"),
	}
	if r.backoff != (remote.Backoff{}) {
		options = append(options, remote.WithRetryBackoff(r.backoff))
	}
	return options
}
