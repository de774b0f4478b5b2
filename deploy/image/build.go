// Package image builds, pushes and resolves the images of a release, and
// serves the small registry that the demonstration and the tests push to.
//
// Images are built by the BuildKit inside the Docker engine, so that neither
// buildx nor a docker command is needed, and pushed by the engine, which knows
// which layers the registry has. Tags and digests are asked for and set by
// go-containerregistry.
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
	"github.com/distribution/reference"
	"github.com/docker/docker/client"
	buildkitdial "github.com/docker/docker/client/buildkit"
	"github.com/google/go-containerregistry/pkg/authn"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
)

// Builder builds images in a Docker engine.
type Builder struct {
	Docker *client.Client
	// Keychain has the logins for base images; DefaultKeychain where nil.
	Keychain authn.Keychain
}

// Options are what a build is told beyond the Compose file.
type Options struct {
	// Version, Revision, Created and Source become the image's labels where
	// they are set. Created changes the image's digest with every value: take
	// the commit's time, not the clock's.
	Version, Revision, Source string
	Created                   time.Time
	// NoCache runs every step again.
	NoCache bool
	// Out gets BuildKit's own progress display; nil shows nothing.
	Out io.Writer
	// Plain prints lines even where Out is a terminal.
	Plain bool
}

// Built is one image in the engine.
type Built struct {
	// Reference is the image's name, with its tag.
	Reference string
	// Services use it.
	Services []string
	// ID is the engine's identifier; the registry's digest is known only
	// after a push.
	ID string
	// Size is in bytes, unpacked.
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
	builder, err := buildkit.New(ctx, "", buildkitdial.ClientOpts(b.Docker)...)
	if err != nil {
		return nil, fmt.Errorf("reach the engine's builder: %w", err)
	}
	defer builder.Close()

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
	_, err = builder.Solve(ctx, nil, solve, statuses) // closes statuses
	<-passed
	if err != nil {
		return nil, buildFailure(ctx, subject, steps, err)
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

// solve is the request in BuildKit's words. The exporter "moby" is the
// engine's own image store, and "dockerfile.v0" the frontend inside the
// engine, which prefers images that are there to those of a registry.
func (b *Builder) solve(request *request) (buildkit.SolveOpt, error) {
	names := make([]string, 0, len(request.references)+len(request.tags))
	for _, familiar := range slices.Concat(request.references, request.tags) {
		named, err := reference.ParseNormalizedNamed(familiar)
		if err != nil {
			return buildkit.SolveOpt{}, fmt.Errorf("read image reference %q: %w", familiar, err)
		}
		names = append(names, named.String())
	}
	opt := buildkit.SolveOpt{
		Exports:             []buildkit.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": strings.Join(names, ",")}}},
		Frontend:            "dockerfile.v0",
		FrontendAttrs:       request.attrs,
		LocalMounts:         map[string]fsutil.FS{},
		CacheImports:        request.cacheFrom,
		CacheExports:        request.cacheTo,
		AllowedEntitlements: request.entitlements,
		// The engine keeps what it got of a context by this key, and the next
		// build sends only what changed.
		SharedKey: request.context + "\x00" + request.dockerfile,
		Session: []session.Attachable{
			buildLogins(b.Keychain),
			secretsprovider.FromMap(request.secrets),
		},
	}
	for name, folder := range map[string]string{"context": request.context, "dockerfile": request.dockerfile} {
		if folder == "" {
			continue
		}
		mounted, err := fsutil.NewFS(folder)
		if err != nil {
			return buildkit.SolveOpt{}, fmt.Errorf("read the build's %s: %w", name, err)
		}
		opt.LocalMounts[name] = mounted
	}
	if request.inline != "" {
		file := staticfs.NewFS()
		file.Add("Dockerfile", &fstypes.Stat{Mode: 0o644}, []byte(request.inline))
		opt.LocalMounts["dockerfile"] = file
	}
	if len(request.agents) > 0 {
		agents, err := sshprovider.NewSSHAgentProvider(request.agents)
		if err != nil {
			return buildkit.SolveOpt{}, fmt.Errorf("forward the ssh agent: %w", err)
		}
		opt.Session = append(opt.Session, agents)
	}
	return opt, nil
}

// buildFailure names the step that failed. BuildKit's own error repeats the
// step's command, so secrets are hidden in it as well.
func buildFailure(ctx context.Context, subject string, steps *steps, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build %s: %w", subject, ctx.Err())
	}
	text := steps.hide.Replace(err.Error())
	failure := &Error{Action: "build", Subject: subject, Hint: buildHint(text)}
	name, lines := steps.failure()
	failure.Logs = slices.Clone(lines)
	if name != "" {
		failure.Reason = "step " + name
		if at := strings.LastIndex(text, exitCode); at >= 0 {
			text = text[at+len(": "):]
		}
	}
	if failure.Err = err; text != err.Error() {
		failure.Err = errors.New(text)
	}
	return failure
}

// exitCode stands at the end of BuildKit's error about a command, behind the
// command.
const exitCode = ": exit code: "

// buildHint knows the failures that are not in the command itself.
func buildHint(text string) string {
	text = strings.ToLower(text)
	for _, known := range []struct{ text, hint string }{
		{"no space left on device", "free some disk: docker builder prune"},
		{exitCode, ""}, // the command may contain any of the words below
		{"cannot connect to the docker daemon", engineHint},
		{"connection error: desc", engineHint},
		{"failed to dial", engineHint},
		{"dockerfile parse error", ""},
		{"failed to read dockerfile", "check build.dockerfile; it is relative to the build context"},
		{"target stage", "check build.target; it names a stage of the Dockerfile"},
		{"secret ", "list the secret under the service's build.secrets and under secrets"},
		{"failed to compute cache key", contextHint},
		{"failed to calculate checksum", contextHint},
		{"pull access denied", "check the base image's name, or log in to its registry with docker login"},
		{"failed to resolve source metadata", baseHint},
		{"failed to create llb definition", baseHint},
		{"failed to load metadata", baseHint},
	} {
		if strings.Contains(text, known.text) {
			return known.hint
		}
	}
	return ""
}

const (
	engineHint  = "check that the Docker engine runs and that this user may use its socket"
	contextHint = "check that the file is in the build context and not excluded by .dockerignore"
	baseHint    = "check the base image's name and that its registry can be reached"
)
