package fake

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Commands runs commands on the host, as the behaviour of "host" says. What a
// killed deployer had begun runs on until somebody ends it.
type Commands struct {
	host *Host
	left int
}

var _ deploy.HostCommands = (*Commands)(nil)

// Run runs a command.
func (c *Commands) Run(ctx context.Context, command []string, environment map[string]string, out io.Writer) error {
	half, err := c.host.begin(ctx, "Host %v", command)
	if half {
		c.host.mu.Lock()
		c.left++
		c.host.mu.Unlock()
	}
	if err != nil {
		return err
	}
	return c.host.behaviour("host", "").run(ctx, command, environment, out)
}

// EndLeft ends what a killed deployer has left.
func (c *Commands) EndLeft(ctx context.Context) error {
	defer c.host.mu.Unlock()
	if err := c.host.look(ctx); err != nil {
		return err
	}
	c.left = 0
	return nil
}

// Left is how many commands run without a deployer.
func (c *Commands) Left() int {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	return c.left
}

// Ran gives what was run of hooks and other commands, in order: the calls that
// begin so, "Host" or "Run backend".
func (h *Host) Ran(prefixes ...string) []string {
	return slices.DeleteFunc(h.Calls(), func(call string) bool {
		return !slices.ContainsFunc(prefixes, func(prefix string) bool {
			return len(call) > len(prefix) && call[:len(prefix)+1] == prefix+" "
		})
	})
}

func (h *Host) commandsLeft() error {
	if h.Commands.left > 0 {
		return fmt.Errorf("%d commands on the host run without a deployer", h.Commands.left)
	}
	return nil
}
