package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Publisher pushes images from a Docker engine.
type Publisher struct {
	Docker *client.Client
	// Keychain has the logins; DefaultKeychain where nil.
	Keychain authn.Keychain
	// pauses are between attempts; 1 s and 3 s where nil. Tests shorten them.
	pauses []time.Duration
	// backoff is that of go-containerregistry, likewise.
	backoff remote.Backoff
}

// pushPatience is how long a push may have gone on for another attempt to
// follow it. The engine tries a layer five times by itself, which takes a
// minute; more of that helps nobody.
const pushPatience = 2 * time.Minute

// Pushed is an image in its registry.
type Pushed struct {
	deploy.Image
	// Uploaded and Present count the layers that were sent and those that
	// the registry had.
	Uploaded, Present int
	// layers is how many the engine spoke of.
	layers int
}

// unfinished says how far a push that failed came.
func (p Pushed) unfinished() string {
	if p.layers == 0 {
		return "nothing was sent and no tag was moved"
	}
	return fmt.Sprintf("%d of %d layers are there and no tag was moved", p.Uploaded+p.Present, p.layers)
}

// Push sends the image with that tag to its registry and gives its digest
// there. Layers that the registry has are not sent again, also by a second
// Push after one that failed. Progress, which may be nil, gets the bytes sent
// so far and those known to be needed. Failures that may pass are tried again,
// twice.
func (p *Publisher) Push(ctx context.Context, reference string, progress func(current, total int64)) (Pushed, error) {
	parsed, err := parse(reference)
	if err != nil {
		return Pushed{}, err
	}
	asked, err := p.ask(ctx, reference, parsed)
	if err != nil {
		return Pushed{}, err
	}
	auth, err := asked.login.engineHeader(parsed.Context().RegistryStr())
	if err != nil {
		return Pushed{}, fmt.Errorf("push image %s: %w", reference, err)
	}
	if err := p.check(ctx, parsed, asked); err != nil && !errors.Is(err, ErrUnreachable) {
		return Pushed{}, err
	}
	pauses := p.pauses
	if pauses == nil {
		pauses = []time.Duration{time.Second, 3 * time.Second}
	}
	started := time.Now()
	for attempt := 0; ; attempt++ {
		pushed, err := p.push(ctx, reference, auth, progress)
		if err == nil && pushed.Digest == "" {
			// Some engines do not say it; the registry does.
			pushed.Image, err = p.registries(asked.login).Resolve(ctx, reference)
			return pushed, err
		}
		if err == nil {
			return pushed, nil
		}
		if failure := ofEngine(reference, err); failure != nil {
			return Pushed{}, failure
		}
		asked.left = pushed.unfinished()
		last := attempt == len(pauses) || time.Since(started) > pushPatience
		if last || !causeOf(err).temporary() || ctx.Err() != nil {
			return Pushed{}, asked.explain(err)
		}
		if err := p.wait(ctx, parsed, asked, err, pauses[attempt]); err != nil {
			return Pushed{}, err
		}
	}
}

// ofEngine explains what has nothing to do with the registry; nil otherwise.
func ofEngine(reference string, err error) error {
	if client.IsErrConnectionFailed(err) {
		return &Error{Action: "push image", Subject: reference, Err: err, Hint: engineHint}
	}
	// Without and with the engine's containerd image store.
	if text := err.Error(); strings.Contains(text, "does not exist locally") || strings.Contains(text, "tag does not exist") {
		return &Error{
			Action: "push image", Subject: reference, Reason: "the engine does not have it",
			Hint: "build it first", Err: fmt.Errorf("%w: %w", ErrNotFound, err),
		}
	}
	return nil
}

// wait pauses between attempts. The engine keeps to itself how long a registry
// wants to be left alone; asked directly, the registry says it.
func (p *Publisher) wait(ctx context.Context, parsed name.Reference, asked question, failed error, length time.Duration) error {
	if causeOf(failed) == causeLimited {
		if err := p.check(ctx, parsed, asked); err != nil && !errors.Is(err, ErrUnreachable) {
			return err
		}
	}
	if err := pause(ctx, length); err != nil {
		return fmt.Errorf("push image %s: %w", asked.subject, err)
	}
	return nil
}

// ask begins the question whether an image may be pushed.
func (p *Publisher) ask(ctx context.Context, reference string, parsed name.Reference) (question, error) {
	asked, err := (&Registries{Keychain: p.Keychain}).ask(ctx, "push image", reference, parsed.Context())
	asked.writes = true
	return asked, err
}

// registries asks with a login that was found.
func (p *Publisher) registries(with foundLogin) *Registries {
	return &Registries{Keychain: with, backoff: p.backoff}
}

// Check asks the registry whether this login may push that reference, without
// pushing: it begins an upload and cancels it. Push does so first, because the
// engine, refused, asks for most of a minute again. The error is
// ErrUnreachable where the registry does not answer from here; the engine's
// way to it may be another.
func (p *Publisher) Check(ctx context.Context, reference string) error {
	parsed, err := parse(reference)
	if err != nil {
		return err
	}
	asked, err := p.ask(ctx, reference, parsed)
	if err != nil {
		return err
	}
	return p.check(ctx, parsed, asked)
}

func (p *Publisher) check(ctx context.Context, parsed name.Reference, asked question) error {
	inner := remote.DefaultTransport.(*http.Transport).Clone()
	inner.ResponseHeaderTimeout = registryTimeout
	defer inner.CloseIdleConnections()
	err := remote.CheckPushPermission(parsed, asked.login, patient(ctx, inner))
	if err == nil {
		return nil
	}
	switch causeOf(err) {
	case causeUnauthorized, causeForbidden, causeMissing, causeLimited:
		asked.left = "nothing was sent"
		return asked.explain(err)
	}
	return fmt.Errorf("check the login for %s: %w: %w", hostOf(parsed.Context()), ErrUnreachable, asked.hidden(err))
}

// push makes one attempt and reads the engine's messages to their end: the
// engine says in them, not in its status, whether it worked. With an error it
// gives what was sent by then.
func (p *Publisher) push(ctx context.Context, reference, auth string, progress func(current, total int64)) (Pushed, error) {
	pushed := Pushed{Image: deploy.Image{Reference: reference}}
	messages, err := p.Docker.ImagePush(ctx, reference, image.PushOptions{RegistryAuth: auth})
	if err != nil {
		return pushed, err
	}
	defer messages.Close()
	sent := transfer{}
	for decoder := json.NewDecoder(messages); ; {
		var message jsonmessage.JSONMessage
		if err := decoder.Decode(&message); errors.Is(err, io.EOF) {
			return pushed, nil
		} else if err != nil {
			return pushed, fmt.Errorf("read the engine's answer: %w", err)
		}
		switch {
		case message.Error != nil:
			return pushed, message.Error
		case message.Aux != nil:
			var result types.PushResult
			if json.Unmarshal(*message.Aux, &result) == nil && result.Digest != "" {
				pushed.Digest = result.Digest
			}
		case message.Status == "Preparing":
			pushed.layers++
		case message.Status == "Pushed":
			pushed.Uploaded++
		case message.Status == "Layer already exists", strings.HasPrefix(message.Status, "Mounted from"):
			pushed.Present++
		case message.Progress != nil && message.Progress.Current > 0 && progress != nil:
			progress(sent.add(message.ID, message.Progress.Current, message.Progress.Total))
		}
	}
}

// transfer sums up what the engine reports layer by layer.
type transfer map[string][2]int64

// add keeps a layer's figures and gives those of all. The engine knows the
// unpacked size only and counts a little past it.
func (t transfer) add(layer string, current, total int64) (sum, of int64) {
	t[layer] = [2]int64{current, max(current, total)}
	for _, figures := range t {
		sum += figures[0]
		of += figures[1]
	}
	return sum, of
}
