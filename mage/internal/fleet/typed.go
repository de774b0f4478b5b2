package fleet

import (
	"context"
	"fmt"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy/remote"
)

// Typed is a command that is typed on one host, joined to a person's streams.
type Typed struct {
	Args []string
	// In is what it reads, nil for nothing.
	In          io.Reader
	Out, ErrOut io.Writer
	// Terminal gives it one of the host's; nil for none.
	Terminal *remote.Terminal
}

// One reaches the host for a command that is for one of them: the first, or
// the one whose address is given.
func (f *Fleet) One(ctx context.Context, address string) (*Host, error) {
	if !f.Remote() {
		return nil, f.NoHosts()
	}
	for _, host := range f.Hosts {
		if address == "" || host.Address == address {
			return host, host.dial(ctx)
		}
	}
	return nil, usage("-host=%s is none of %v", address, f.Settings.Hosts)
}

// Type types a command on the host. One that fails is a remote.ExitError.
func (h *Host) Type(ctx context.Context, typed Typed) error {
	command := "cd " + remote.Quote(h.fleet.Directory) + " && exec ./mage " + remote.Quote(typed.Args...)
	if typed.Terminal != nil {
		return h.client.RunOnTerminal(ctx, command, *typed.Terminal, typed.In, typed.Out)
	}
	if err := h.client.Run(ctx, command, typed.In, typed.Out, typed.ErrOut); err != nil {
		return fmt.Errorf("on %s: %w", h.Address, err)
	}
	return nil
}
