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
	asked, err := r.ask(ctx, "resolve image", reference, parsed.Context())
	if err != nil {
		return deploy.Image{}, err
	}
	digest, err := r.digest(ctx, parsed, asked)
	if err == nil {
		return deploy.Image{Reference: reference, Digest: digest}, nil
	}
	if causeOf(err) == causeMissing {
		return deploy.Image{}, r.missing(ctx, parsed, asked)
	}
	return deploy.Image{}, asked.explain(err)
}

// ask begins a question with the login for it.
func (r *Registries) ask(ctx context.Context, action, subject string, repository name.Repository) (question, error) {
	found, err := login(ctx, r.Keychain, repository)
	if err != nil {
		return question{}, fmt.Errorf("%s %s: %w", action, subject, err)
	}
	return question{action: action, subject: subject, repository: repository, login: found}, nil
}

// digest asks with HEAD, which registries count least, and once more with GET
// where that fails: only its answer has a body that says why.
func (r *Registries) digest(ctx context.Context, parsed name.Reference, asked question) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	head, err := remote.Head(parsed, r.options(ctx, asked.login)...)
	if err == nil {
		return head.Digest.String(), nil
	}
	failed, ok := errors.AsType[*transport.Error](err)
	if !ok || failed.StatusCode == http.StatusNotFound || failed.Temporary() {
		return "", err
	}
	got, err := remote.Get(parsed, r.options(ctx, asked.login)...)
	if err != nil {
		return "", err
	}
	return got.Digest.String(), nil
}

// missing says what there is instead, as far as that can be read.
func (r *Registries) missing(ctx context.Context, parsed name.Reference, asked question) error {
	failure := &Error{Action: asked.action, Subject: asked.subject, Err: ErrNotFound}
	failure.Hint = "push it first, or check the version"
	tags, err := r.tags(ctx, asked)
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
	asked, err := r.ask(ctx, "list the tags of", repository, parsed)
	if err != nil {
		return nil, err
	}
	tags, err := r.tags(ctx, asked)
	if err != nil {
		return nil, asked.explain(err)
	}
	slices.SortFunc(tags, func(a, b string) int { return compareTags(b, a) })
	return tags, nil
}

func (r *Registries) tags(ctx context.Context, asked question) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	puller, err := remote.NewPuller(r.options(ctx, asked.login)...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, asked.repository)
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
// manifest under them, in their order: nothing is pulled or pushed. Promoting
// a tested image is tagging its digest; an index of several platforms stays
// one. An error says which of the tags were put.
func (r *Registries) Tag(ctx context.Context, image deploy.Image, tags ...string) error {
	pinned, err := parse(image.Pinned())
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if _, err := name.NewTag(pinned.Context().Name() + ":" + tag); err != nil {
			return fmt.Errorf("tag image %s: %w", image.Pinned(), err)
		}
	}
	asked, err := r.ask(ctx, "read manifest", image.Pinned(), pinned.Context())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	manifest, err := remote.Get(pinned, r.options(ctx, asked.login)...)
	if err != nil {
		asked.left = untagged(tags, nil)
		return asked.explain(err)
	}
	asked.action, asked.writes = "tag image", true
	for at, tag := range tags {
		if err := remote.Tag(pinned.Context().Tag(tag), manifest, r.options(ctx, asked.login)...); err != nil {
			asked.subject, asked.left = image.Pinned()+" as "+tag, untagged(tags, tags[:at])
			return asked.explain(err)
		}
	}
	return nil
}

// untagged says which tags name the image by now, when one could not be put.
func untagged(tags, put []string) string {
	switch {
	case len(put) > 0:
		return "only " + strings.Join(put, ", ") + " was moved"
	case len(tags) == 1:
		return "the tag was not moved"
	}
	return "no tag was moved"
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
	if known := digestsIn(found.RepoDigests, parsed.Context()); len(known) > 0 {
		return deploy.Image{Reference: reference, Digest: known[0]}, nil
	}
	failure.Reason = "the engine has it, but knows no digest: it was never pushed to " + parsed.Context().Name()
	failure.Hint = "push it first"
	return deploy.Image{}, failure
}

// digestsIn picks a repository's digests from those that the engine remembers
// of an image.
func digestsIn(pinned []string, repository name.Repository) []string {
	var digests []string
	for _, one := range pinned {
		digest, err := name.NewDigest(one)
		if err == nil && digest.Context().Name() == repository.Name() {
			digests = append(digests, digest.DigestStr())
		}
	}
	return digests
}

// options are those of every question. The attempts are go-containerregistry's
// own: three, after 5xx, 408, 429 and connections that ended.
func (r *Registries) options(ctx context.Context, with foundLogin) []remote.Option {
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuth(with.authenticator()),
		remote.WithTransport(patient(ctx, remote.DefaultTransport)),
		remote.WithUserAgent("webshop-deploy"),
	}
	if r.backoff != (remote.Backoff{}) {
		options = append(options, remote.WithRetryBackoff(r.backoff))
	}
	return options
}
