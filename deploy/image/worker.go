package image

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	buildkitdial "github.com/docker/docker/client/buildkit"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/connhelper/dockercontainer"
)

// builderTimeout bounds the first answer of a builder.
const builderTimeout = 20 * time.Second

// name is what people know the builder by.
func (b *Builder) name() string {
	if b.Address == "" {
		return "the engine's builder"
	}
	return "the builder at " + b.Address
}

// connect makes the connection, which nothing goes over yet.
func (b *Builder) connect(ctx context.Context) (*buildkit.Client, error) {
	options, err := b.dial()
	if err != nil {
		return nil, err
	}
	builder, err := buildkit.New(ctx, b.Address, options...)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", b.name(), err)
	}
	return builder, nil
}

// dial chooses the way to the builder.
func (b *Builder) dial() ([]buildkit.ClientOpt, error) {
	if b.Address == "" {
		return buildkitdial.ClientOpts(b.Docker), nil
	}
	failure := &Error{Action: "reach the builder at", Subject: b.Address}
	address, err := url.Parse(b.Address)
	if err != nil {
		failure.Err, failure.Hint = err, addressHint
		return nil, failure
	}
	switch address.Scheme {
	case "tcp", "unix":
		return nil, nil
	case "docker-container":
		if _, err := exec.LookPath("docker"); err != nil {
			failure.Reason = "the docker command, which speaks to a container, is not installed"
			failure.Hint = "install it, or let BUILDKIT_HOST name the builder's own port: tcp://HOST:PORT"
			return nil, failure
		}
		container, err := dockercontainer.Helper(address)
		if err != nil {
			failure.Err, failure.Hint = err, addressHint
			return nil, failure
		}
		return []buildkit.ClientOpt{buildkit.WithContextDialer(container.ContextDialer)}, nil
	}
	failure.Reason = "it is not an address of one of these kinds: tcp, unix, docker-container"
	failure.Hint = addressHint
	return nil, failure
}

const addressHint = "BUILDKIT_HOST is tcp://HOST:PORT, unix:///PATH/buildkitd.sock or docker-container://NAME; unset it to build in the Docker engine"

// checkPlatforms asks the builder what its machine can run, before it pulls
// base images only to fail in their first command.
func (b *Builder) checkPlatforms(ctx context.Context, builder *buildkit.Client, wanted []*request) error {
	ctx, cancel := context.WithTimeout(ctx, builderTimeout)
	defer cancel()
	workers, err := builder.ListWorkers(ctx)
	if err != nil {
		failure := &Error{Action: "reach", Subject: b.name(), Err: err, Hint: engineHint}
		if b.Address != "" {
			failure.Hint = "check that it runs and listens there. " + addressHint
		}
		return failure
	}
	var supported []string
	for _, worker := range workers {
		for _, platform := range worker.Platforms {
			supported = union(supported, platforms.Format(platforms.Normalize(platform)))
		}
	}
	return b.unsupported(wanted, supported)
}

// unsupported is an error about the first request that the builder cannot run.
// One that does not say what it runs is let be.
func (b *Builder) unsupported(wanted []*request, supported []string) error {
	for _, one := range wanted {
		platform := one.attrs["platform"]
		if platform != "" && len(supported) > 0 && !slices.Contains(supported, platform) {
			return b.cannotRun(one, platform, supported)
		}
	}
	return nil
}

func (b *Builder) cannotRun(one *request, platform string, supported []string) error {
	_, architecture, _ := strings.Cut(platform, "/")
	architecture, _, _ = strings.Cut(architecture, "/")
	return &Error{
		Action: "build", Subject: strings.Join(one.services, ", "),
		Reason: fmt.Sprintf("%s does not run %s, only %s", b.name(), platform, strings.Join(supported, ", ")),
		Hint: fmt.Sprintf("let its machine emulate it: docker run --privileged --rm tonistiigi/binfmt --install %s, or apt install qemu-user-static;"+
			" or name a builder of that platform by BUILDKIT_HOST", architecture),
	}
}
