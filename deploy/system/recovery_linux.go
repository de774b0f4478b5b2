package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unitText is the unit of this host.
func (h *host) unitText() string {
	_, group, err := h.engineGroup()
	if err != nil {
		group = engineGroupName
	}
	return unit(h.options, group)
}

func (h *host) lookRecovery(ctx context.Context) Item {
	name := unitName(h.options)
	item := Item{Name: itemRecovery, State: Already, Text: name}
	path := filepath.Join(unitFolder, name)
	content, err := os.ReadFile(h.path(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		item.State, item.Text, item.Hint = Missing, path+" is missing", "host:setup writes and enables it."
		return item
	case err != nil:
		return failed(itemRecovery, err)
	case !ours(string(content)):
		item.State, item.Text = Warning, path+" is somebody else's, and stays"
		item.Hint = "Let it run at boot: " + h.options.Directory + "/mage recover -env=" + h.options.Environment
		return item
	case string(content) != h.unitText():
		item.State, item.Text, item.Hint = Missing, path+" is an old or changed one", "host:setup replaces it."
		return item
	case !h.systemd():
		item.State, item.Text = Warning, name+" is in place, but systemd does not run here"
		item.Hint = "After a reboot run: " + h.options.Directory + "/mage recover -env=" + h.options.Environment
		return item
	}
	state, _ := run(ctx, "systemctl", "is-enabled", name) // the state is also in what it prints when it fails
	if state = strings.TrimSpace(state); state != "enabled" {
		item.State, item.Text, item.Hint = Missing, name+" is "+state, "host:setup enables it."
	}
	return item
}

func (h *host) installRecovery(ctx context.Context) (string, error) {
	name, text := unitName(h.options), h.unitText()
	path := filepath.Join(unitFolder, name)
	if content, err := os.ReadFile(h.path(path)); err != nil || string(content) != text {
		if err := h.writeOurs(path, text, 0o644); err != nil {
			return "", err
		}
	}
	if !h.systemd() {
		return "", nil
	}
	if _, err := run(ctx, "systemctl", "daemon-reload"); err != nil {
		return "", fmt.Errorf("let systemd read %s: %w", name, err)
	}
	if _, err := run(ctx, "systemctl", "enable", name); err != nil {
		return "", fmt.Errorf("enable %s: %w", name, err)
	}
	return "", nil
}
