// Package image builds, pushes and resolves the images of a release, and
// serves the small registry that the demonstration and the tests push to.
//
// Images are built by the BuildKit inside the Docker engine, so that neither
// buildx nor a docker command is needed, and pushed by the engine, which knows
// which layers the registry has; or by a BuildKit elsewhere, which pushes them
// itself. Tags and digests are asked for and set by go-containerregistry.
package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/authn"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/util/progress/progressui"
	"golang.org/x/sync/errgroup"
)

// Builder builds images in a Docker engine, or at Address.
type Builder struct {
	// Docker is the engine; may be nil where there is an Address.
	Docker *client.Client
	// Address is a BuildKit elsewhere, as BUILDKIT_HOST gives it: tcp://,
	// unix:// or docker-container://. It pushes what it builds to the registry
	// by digest, and nothing is loaded into the engine; Publish then gives the
	// image its tag. Empty takes the BuildKit inside the engine.
	Address string
	// Keychain has the logins for base images, caches and what Address pushes;
	// DefaultKeychain where nil.
	Keychain authn.Keychain
}

// Options are what a build is told beyond the Compose file.
type Options struct {
	// Version, Revision, Created and Source become the image's labels where
	// they are set. Created changes the image's digest with every value: take
	// the commit's time, not the clock's.
	Version, Revision, Source string
	Created                   time.Time
	// Platform is built where the Compose file names none: "linux/arm64".
	// Empty leaves it to the builder.
	Platform string
	// Tree identifies the content of a build context's folder, such as Git's
	// hash of it, for the label that says what an image was built from; see
	// Inputs. Empty where it cannot be said, as with changes that are not
	// committed. Nil sets no such label.
	Tree func(folder string) (string, error)
	// NoCache runs every step again.
	NoCache bool
	// Out gets BuildKit's own progress display; nil shows nothing.
	Out io.Writer
	// Plain prints lines even where Out is a terminal.
	Plain bool
}

// Built is one image, in the engine or in its registry.
type Built struct {
	// Reference is the image's name, with its tag.
	Reference string
	// Services use it.
	Services []string
	// ID is the engine's identifier; the registry's digest is known only
	// after a push.
	ID string
	// Digest is that in the registry, of an image which the builder at an
	// Address pushed there, without a tag; empty for the engine's.
	Digest string
	// Size is in bytes, unpacked; 0 where the engine does not have it.
	Size int64
	// Took is how long the build ran, beside others.
	Took time.Duration
}

// Build builds the named services' images, or those of all services with a
// build section, side by side. Services with the same build section share one
// build. The first that fails ends the others; the error is an *Error that
// names the service and the step and has the step's last lines. Values of
// build secrets appear neither in it nor in the display.
func (b *Builder) Build(ctx context.Context, project *types.Project, services []string, options Options) ([]Built, error) {
	wanted, err := requests(project, services, options)
	if err != nil || len(wanted) == 0 {
		return nil, err
	}
	builder, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer builder.Close()
	if err := b.checkPlatforms(ctx, builder, wanted); err != nil {
		return nil, err
	}

	shown, finish, err := display(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	var (
		group, groupCtx = errgroup.WithContext(ctx)
		lock            sync.Mutex
		all             []Built
		failures        []error
	)
	for _, request := range wanted {
		prefix := ""
		if len(wanted) > 1 {
			prefix = request.services[0]
		}
		group.Go(func() error {
			built, err := b.build(groupCtx, builder, request, prefix, shown)
			lock.Lock()
			defer lock.Unlock()
			if err != nil && !errors.Is(err, context.Canceled) {
				failures = append(failures, err)
			}
			all = append(all, built...)
			return err
		})
	}
	err = group.Wait()
	finish()
	if err != nil {
		return nil, cmp.Or(errors.Join(failures...), err)
	}
	slices.SortFunc(all, func(a, b Built) int { return strings.Compare(a.Reference, b.Reference) })
	return all, nil
}

// display merges the builds' progress into one; finish waits until all of it
// is shown. It goes on after ctx would have ended, for what is still to say.
func display(ctx context.Context, options Options) (shown chan<- *buildkit.SolveStatus, finish func(), err error) {
	mode := progressui.AutoMode
	switch {
	case options.Out == nil:
		mode = progressui.QuietMode
	case options.Plain:
		mode = progressui.PlainMode
	}
	screen, err := progressui.NewDisplay(options.Out, mode)
	if err != nil {
		return nil, nil, fmt.Errorf("show the build's progress: %w", err)
	}
	statuses := make(chan *buildkit.SolveStatus)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = screen.UpdateFrom(ctx, statuses) // it fails only with ctx
	}()
	return statuses, func() {
		close(statuses)
		<-ended
	}, nil
}

// build runs one request and looks at what it made.
func (b *Builder) build(ctx context.Context, builder *buildkit.Client, request *request, prefix string, shown chan<- *buildkit.SolveStatus) ([]Built, error) {
	subject := strings.Join(request.services, ", ")
	started := time.Now()
	solve, err := b.solve(request)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", subject, err)
	}
	steps := newSteps(prefix, request.secrets)
	statuses := make(chan *buildkit.SolveStatus)
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		for status := range statuses {
			shown <- steps.observe(status)
		}
	}()
	answer, err := builder.Solve(ctx, nil, solve, statuses) // closes statuses
	<-passed
	if err != nil {
		return nil, b.failure(ctx, request, steps, err)
	}
	if b.Address != "" {
		return request.pushed(answer.ExporterResponse, time.Since(started))
	}
	var all []Built
	for _, reference := range request.references {
		found, err := b.Docker.ImageInspect(ctx, reference)
		if err != nil {
			return nil, fmt.Errorf("inspect the built image %s: %w", reference, err)
		}
		all = append(all, Built{
			Reference: reference, Services: request.services,
			ID: found.ID, Size: found.Size, Took: time.Since(started),
		})
	}
	return all, nil
}

// pushed reads what a builder says of an image that it pushed.
func (r *request) pushed(said map[string]string, took time.Duration) ([]Built, error) {
	digest := said[exptypes.ExporterImageDigestKey]
	if digest == "" {
		return nil, fmt.Errorf("build %s: the builder gave no digest of what it pushed", strings.Join(r.services, ", "))
	}
	var all []Built
	for _, reference := range r.references {
		all = append(all, Built{
			Reference: reference, Services: r.services,
			ID: said[exptypes.ExporterImageConfigDigestKey], Digest: digest, Took: took,
		})
	}
	return all, nil
}
