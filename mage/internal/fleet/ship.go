package fleet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/mage/internal/binary"
)

// ship sends to every host what differs there: the compiled magefile for its
// platform, and the Compose file, which waits under another name until a
// release of it serves.
func (f *Fleet) ship(ctx context.Context) error {
	compose, err := f.Model.Ship(f.Directory, f.Variables)
	if err != nil {
		return err
	}
	return f.send(ctx, compose)
}

// send is ship with a Compose file; nil leaves the hosts' as it is.
func (f *Fleet) send(ctx context.Context, compose []byte) error {
	compiled, err := f.compile(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, host := range f.Hosts {
		group.Go(func() error { return host.ship(ctx, compiled[host.looked.Platform], compose) })
	}
	return group.Wait()
}

// compile gives the magefile for the platforms that the hosts have.
func (f *Fleet) compile(ctx context.Context) (map[string]binary.Compiled, error) {
	compiled := map[string]binary.Compiled{}
	for _, host := range f.Hosts {
		platform := host.looked.Platform
		if _, ok := compiled[platform]; ok {
			continue
		}
		one, err := binary.For(ctx, f.Root, platform)
		if err != nil {
			return nil, err
		}
		if one.Built {
			f.say("compiled the magefile for %s", platform)
		}
		compiled[platform] = one
	}
	return compiled, nil
}

func (h *Host) ship(ctx context.Context, compiled binary.Compiled, compose []byte) error {
	content, err := os.Open(compiled.Path)
	if err != nil {
		return fmt.Errorf("ship to %s: %w", h.Address, err)
	}
	defer content.Close()
	files := []remote.File{{
		Path: h.binaryPath(), Mode: 0o755, Content: content, SHA256: compiled.SHA256, Held: h.looked.Digests[h.binaryPath()],
	}}
	if compose != nil {
		files = append(files, remote.File{
			Path: h.shippedPath(), Mode: 0o640, Content: bytes.NewReader(compose), Held: h.looked.Digests[h.shippedPath()],
		})
	}
	sent, err := h.client.Upload(ctx, h.uploading(), files...)
	if err != nil {
		return &deploy.Failure{
			Err:  fmt.Errorf("ship to %s: %w", h.Address, err),
			Hint: "Nothing was touched. Is the host prepared? mage host:check " + h.fleet.Name,
		}
	}
	if len(sent.Sent) > 0 {
		h.fleet.say("shipped to %s: %d of %d files, %.1f MB", h.Address, len(sent.Sent), len(files), float64(sent.Bytes)/1e6)
	}
	return nil
}

// uploadPause is how often a long upload is told of.
const uploadPause = 3 * time.Second

// uploading says how far an upload is, where it takes long.
func (h *Host) uploading() func(bytes, total int64) {
	said := time.Now()
	return func(bytes, total int64) {
		if now := time.Now(); now.Sub(said) >= uploadPause {
			said = now
			h.fleet.say("shipping to %s: %.1f of %.1f MB", h.Address, float64(bytes)/1e6, float64(total)/1e6)
		}
	}
}
