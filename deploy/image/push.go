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
}

// Pushed is an image in its registry.
type Pushed struct {
	deploy.Image
	// Uploaded and Present count the layers that were sent and those that
	// the registry had.
	Uploaded, Present int
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
	host := parsed.Context().RegistryStr()
	auth, err := engineLogin(ctx, p.Keychain, parsed.Context())
	if err != nil {
		return Pushed{}, fmt.Errorf("push image %s: %w", reference, err)
	}
	if err := p.Check(ctx, reference); err != nil && !errors.Is(err, ErrUnreachable) {
		return Pushed{}, err
	}
	pauses := p.pauses
	if pauses == nil {
		pauses = []time.Duration{time.Second, 3 * time.Second}
	}
	for attempt := 0; ; attempt++ {
		pushed, err := p.push(ctx, reference, auth, progress)
		if err == nil && pushed.Digest == "" {
			// Some engines do not say it; the registry does.
			pushed.Image, err = (&Registries{Keychain: p.Keychain}).Resolve(ctx, reference)
			return pushed, err
		}
		if err == nil {
			return pushed, nil
		}
		if client.IsErrConnectionFailed(err) {
			return Pushed{}, &Error{Action: "push image", Subject: reference, Err: err, Hint: engineHint}
		}
		// Without and with the engine's containerd image store.
		if text := err.Error(); strings.Contains(text, "does not exist locally") || strings.Contains(text, "tag does not exist") {
			return Pushed{}, &Error{
				Action: "push image", Subject: reference, Reason: "the engine does not have it",
				Hint: "build it first", Err: fmt.Errorf("%w: %w", ErrNotFound, err),
			}
		}
		if attempt == len(pauses) || !causeOf(err).temporary() || ctx.Err() != nil {
			return Pushed{}, explain("push image", reference, host, err)
		}
		if err := pause(ctx, pauses[attempt]); err != nil {
			return Pushed{}, fmt.Errorf("push image %s: %w", reference, err)
		}
	}
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
	keychain := p.Keychain
	if keychain == nil {
		keychain = DefaultKeychain
	}
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = registryTimeout
	defer transport.CloseIdleConnections()
	err = remote.CheckPushPermission(parsed, keychain, roundTripper(func(r *http.Request) (*http.Response, error) {
		return transport.RoundTrip(r.WithContext(ctx))
	}))
	if err == nil {
		return nil
	}
	switch causeOf(err) {
	case causeUnauthorized, causeForbidden:
		return explain("push image", reference, parsed.Context().RegistryStr(), err)
	}
	return fmt.Errorf("check the login for %s: %w: %w", parsed.Context().RegistryStr(), ErrUnreachable, err)
}

// roundTripper gives requests of go-containerregistry a context that it has no
// parameter for.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// push makes one attempt and reads the engine's messages to their end: the
// engine says in them, not in its status, whether it worked.
func (p *Publisher) push(ctx context.Context, reference, auth string, progress func(current, total int64)) (Pushed, error) {
	messages, err := p.Docker.ImagePush(ctx, reference, image.PushOptions{RegistryAuth: auth})
	if err != nil {
		return Pushed{}, err
	}
	defer messages.Close()
	pushed := Pushed{Image: deploy.Image{Reference: reference}}
	sent := transfer{}
	for decoder := json.NewDecoder(messages); ; {
		var message jsonmessage.JSONMessage
		if err := decoder.Decode(&message); errors.Is(err, io.EOF) {
			return pushed, nil
		} else if err != nil {
			return Pushed{}, fmt.Errorf("read the engine's answer: %w", err)
		}
		switch {
		case message.Error != nil:
			return Pushed{}, message.Error
		case message.Aux != nil:
			var result types.PushResult
			if json.Unmarshal(*message.Aux, &result) == nil && result.Digest != "" {
				pushed.Digest = result.Digest
			}
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
