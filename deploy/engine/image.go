package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// HasImage says whether an image is on the host, by its digest.
func (e *Engine) HasImage(ctx context.Context, wanted deploy.Image) (bool, error) {
	_, err := e.docker.ImageInspect(ctx, wanted.Pinned())
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("inspect image %s: %w", wanted.Pinned(), err)
	}
	return true, nil
}

// Labels are those of an image on the host; none where it is not here.
func (e *Engine) Labels(ctx context.Context, wanted deploy.Image) (map[string]string, error) {
	found, err := e.docker.ImageInspect(ctx, wanted.Pinned())
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inspect image %s: %w", wanted.Pinned(), err)
	}
	if found.Config == nil {
		return nil, nil
	}
	return found.Config.Labels, nil
}

// Present says by pinned reference which of the images are on the host under
// their own names. One that is here only under another version's has none to
// keep it when that version is pruned: pulling it gives it one, and asks no
// registry.
func (e *Engine) Present(ctx context.Context, images []deploy.Image) (map[string]bool, error) {
	present := make(map[string]bool, len(images))
	for _, wanted := range images {
		found, err := e.docker.ImageInspect(ctx, localTag(wanted))
		if err != nil && !cerrdefs.IsNotFound(err) {
			return nil, fmt.Errorf("inspect image %s: %w", localTag(wanted), err)
		}
		present[wanted.Pinned()] = err == nil && slices.ContainsFunc(found.RepoDigests, func(pinned string) bool {
			return strings.HasSuffix(pinned, "@"+wanted.Digest)
		})
	}
	return present, nil
}

// Pull brings an image by its digest and tags it <repository>:<tag of its
// reference>, which keeps it from being dangling, so that pruning leaves it.
// Where the image is here already, the registry is not asked.
//
// progress gets the bytes downloaded and the bytes of the layers known so far;
// both only grow. What can be expected to pass is tried again, twice. Other
// failures are a *deploy.Failure each, with what to do.
func (e *Engine) Pull(ctx context.Context, wanted deploy.Image, progress func(current, total int64)) error {
	here, err := e.HasImage(ctx, wanted)
	if err != nil {
		return err
	}
	if !here {
		if err := e.pullPatiently(ctx, wanted, progress); err != nil {
			return fmt.Errorf("pull image %s: %w", wanted.Pinned(), err)
		}
	}
	if err := e.docker.ImageTag(ctx, wanted.Pinned(), localTag(wanted)); err != nil {
		return fmt.Errorf("tag image %s as %s: %w", wanted.Pinned(), localTag(wanted), err)
	}
	return nil
}

// localTag is what an image is called on the host. One whose reference has no
// tag of its own is named after its digest, so that it has a name at all.
func localTag(wanted deploy.Image) string {
	repository := deploy.Repository(wanted.Reference)
	if strings.Contains(wanted.Reference, "@") && deploy.Tag(wanted.Reference) == "latest" {
		_, digest, _ := strings.Cut(wanted.Digest, ":")
		return repository + ":digest-" + digest[:min(len(digest), 12)]
	}
	return repository + ":" + deploy.Tag(wanted.Reference)
}

func (e *Engine) pullPatiently(ctx context.Context, wanted deploy.Image, progress func(current, total int64)) error {
	login, err := e.login(ctx, wanted.Reference)
	if err != nil {
		return err
	}
	sum := &layers{report: progress}
	for attempt := 0; ; attempt++ {
		err := e.pullOnce(ctx, wanted, login, sum)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !temporary(err) || attempt == len(e.backoff) {
			return explainPull(err, wanted)
		}
		select {
		case <-time.After(e.backoff[attempt]):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errStalled says that a registry has begun an answer and does not go on.
var errStalled = errors.New("nothing more came")

func (e *Engine) pullOnce(ctx context.Context, wanted deploy.Image, login string, sum *layers) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(e.stall, func() { cancel(fmt.Errorf("%w for %s", errStalled, e.stall)) })
	defer watchdog.Stop()
	stream, err := e.docker.ImagePull(ctx, wanted.Pinned(), image.PullOptions{RegistryAuth: login})
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
			err = cause
		}
		return err
	}
	defer stream.Close()
	decoder := json.NewDecoder(stream)
	for {
		var message pullMessage
		if err := decoder.Decode(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return fmt.Errorf("read the engine's progress: %w", err)
		}
		watchdog.Reset(e.stall)
		if message.Error != "" {
			return errors.New(message.Error)
		}
		sum.add(message)
	}
}

// dockerHubLogin is under what engines know the login for Docker Hub.
const dockerHubLogin = "https://index.docker.io/v1/"

// login is the image's registry's login as the engine's API takes it; empty
// where there is none: public images need none.
func (e *Engine) login(ctx context.Context, ref string) (string, error) {
	if e.options.Login == nil {
		return "", nil
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", fmt.Errorf("read image reference %s: %w", ref, err)
	}
	host := reference.Domain(named)
	found, err := e.options.Login(ctx, host)
	if err != nil || found.Empty() {
		return "", err
	}
	address := host
	if host == "docker.io" {
		address = dockerHubLogin
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username: found.Username, Password: found.Password,
		IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken, ServerAddress: address,
	})
}

// pullMessage is one line of the engine's answer to a pull.
type pullMessage struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error string `json:"error"`
}

// layers sums the download over an image's layers, across attempts.
type layers struct {
	report func(current, total int64)
	sizes  map[string][2]int64
}

func (l *layers) add(message pullMessage) {
	before, known := l.sizes[message.ID]
	now := before
	switch message.Status {
	case "Downloading":
		now = [2]int64{max(before[0], message.Progress.Current), max(before[1], message.Progress.Total)}
	case "Download complete", "Verifying Checksum", "Pull complete":
		now[0] = before[1]
	default:
		return
	}
	if known && now == before || l.report == nil {
		return
	}
	if l.sizes == nil {
		l.sizes = map[string][2]int64{}
	}
	l.sizes[message.ID] = now
	var current, total int64
	for _, size := range l.sizes {
		current, total = current+size[0], total+size[1]
	}
	l.report(current, total)
}
