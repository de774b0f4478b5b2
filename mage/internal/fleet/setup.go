package fleet

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/deploy/system"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// setupFolder is where the binary waits, in the login's home, until there is a
// deploy directory.
const setupFolder = ".cache/webshop-deploy"

// SetUp prepares the hosts, or only looks whether they are. Each thing is
// shown as it is done or found.
func (f *Fleet) SetUp(ctx context.Context, onlyLook bool, show func(host string, item system.Item)) error {
	if err := f.Dial(ctx); err != nil {
		return err
	}
	compiled, err := f.compile(ctx)
	if err != nil {
		return err
	}
	for _, host := range f.Hosts {
		uploaded := path.Join(host.looked.Home, setupFolder, "mage")
		content, err := os.Open(compiled[host.looked.Platform].Path)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", host.Address, err)
		}
		_, err = host.client.Upload(ctx, nil, remote.File{
			Path: uploaded, Mode: 0o755, Content: content, SHA256: compiled[host.looked.Platform].SHA256, Held: host.looked.Digests[uploaded],
		})
		_ = content.Close()
		if err != nil {
			return fmt.Errorf("prepare %s: %w", host.Address, err)
		}
		if err := host.setUp(ctx, uploaded, onlyLook, show); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) setUp(ctx context.Context, binary string, onlyLook bool, show func(string, system.Item)) error {
	request := agent.Request{Do: agent.SetUp, Setup: &agent.Setup{
		Directory: h.fleet.Directory, Owner: h.looked.User, Project: h.fleet.Project(), Ports: h.fleet.Ports(),
	}}
	if onlyLook {
		request.Do = agent.LookOver
	}
	command := "exec " + remote.Quote(binary) + " " + agent.Target
	if !h.looked.Root {
		command = "exec sudo -n " + remote.Quote(binary) + " " + agent.Target
	}
	result, err := h.askIn(ctx, command, request, func(line agent.Line, _ int) {
		if line.Item != nil {
			show(h.Address, *line.Item)
		}
	})
	if err != nil {
		if strings.Contains(err.Error(), "sudo") {
			return &deploy.Failure{
				Err:  fmt.Errorf("prepare %s: %s may not become root without a password: %w", h.Address, h.looked.User, err),
				Hint: "Log in as root once (x-deploy.hosts: [root@…]), or allow it: echo '" + h.looked.User + " ALL=(ALL) NOPASSWD:ALL' | sudo tee /etc/sudoers.d/deploy",
			}
		}
		return err
	}
	return result.Err()
}

// Ports are those that the proxy publishes, where no variable of the host is
// needed to know them.
func (f *Fleet) Ports() []int {
	var ports []int
	for _, text := range f.Model.PublishedBy(f.Model.ProxyService(), f.Variables) {
		parsed, err := types.ParsePortConfig(text)
		if err != nil {
			continue // the loader says what is wrong with it
		}
		for _, port := range parsed {
			if number, err := strconv.Atoi(port.Published); err == nil {
				ports = append(ports, number)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
