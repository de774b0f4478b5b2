package remote

import (
	"cmp"
	"context"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// Terminal is a person's terminal, which the command on the host gets one like.
type Terminal struct {
	// Kind is its TERM: "xterm-256color".
	Kind string
	// Size is its size at first, Resized each next one; it is never closed.
	Size    Size
	Resized <-chan Size
}

// Size is a terminal's, in characters. It is an alias, so that what watches a
// terminal need not know who follows its size.
type Size = struct{ Width, Height uint }

// The size of a terminal that does not know its own.
const usualWidth, usualHeight = 80, 24

// RunOnTerminal is Run on a terminal of the host: stdin is what is typed, and
// all that the command writes comes to stdout, with the terminal's line ends.
// The caller's own terminal should be raw meanwhile, so that Ctrl-C and the
// like go to the command.
func (c *Client) RunOnTerminal(ctx context.Context, command string, terminal Terminal, stdin io.Reader, stdout io.Writer) error {
	return c.run(ctx, command, &terminal, stdin, stdout, nil)
}

// request asks for the terminal, and follows its size until ctx ends.
func (t *Terminal) request(ctx context.Context, session *ssh.Session) error {
	width, height := int(cmp.Or(t.Size.Width, usualWidth)), int(cmp.Or(t.Size.Height, usualHeight)) //nolint:gosec // characters
	if err := session.RequestPty(cmp.Or(t.Kind, "vt100"), height, width, ssh.TerminalModes{}); err != nil {
		return errors.New("the host gives no terminal: see PermitTTY in its /etc/ssh/sshd_config")
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case size := <-t.Resized:
				_ = session.WindowChange(int(size.Height), int(size.Width)) //nolint:gosec // characters; a session that ended needs none
			}
		}
	}()
	return nil
}
