package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// pidFile is where the engine notes its process when it starts.
const pidFile = "/var/run/docker.pid"

// configuration is the engine's, as it stands in its file now.
type configuration struct {
	*daemonJSON
	// path is the file itself, behind any link; it need not exist.
	path  string
	stat  os.FileInfo
	flags given
	// arguments are those of the engine's process, and process its number; 0
	// where it is not known.
	arguments []string
	process   int
}

// readConfiguration reads the engine's file and its command line.
func (h *host) readConfiguration() (*configuration, error) {
	c := &configuration{}
	c.process, c.arguments = h.engineProcess()
	var file string
	c.flags, file = flagsGiven(c.arguments)
	if file == "" {
		file = daemonFile
	}
	c.path = h.path(file)
	if real, err := filepath.EvalSymlinks(c.path); err == nil {
		c.path = real
	}
	content, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the engine's configuration: %w", err)
	}
	if c.stat, err = os.Stat(c.path); err != nil {
		c.stat = nil
	}
	c.daemonJSON, err = readDaemonJSON(content)
	if err != nil {
		return nil, &deploy.Failure{
			Err:  fmt.Errorf("read %s: %w", c.path, err),
			Hint: "Correct it by hand; nothing was changed. The engine would not start again with it as it is.",
		}
	}
	return c, nil
}

// engineProcess finds the engine's process and its command line.
func (h *host) engineProcess() (int, []string) {
	content, err := os.ReadFile(h.path(pidFile))
	if err != nil {
		return 0, nil
	}
	process, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, nil
	}
	folder := h.path(filepath.Join("/proc", strconv.Itoa(process)))
	name, err := os.ReadFile(filepath.Join(folder, "comm"))
	if err != nil || strings.TrimSpace(string(name)) != "dockerd" {
		return 0, nil // a number that was left by an engine that is gone
	}
	line, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // it ended just now
	return process, strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}

func (h *host) lookLogs(context.Context) Item {
	item := Item{Name: itemLogs, State: Already}
	c, err := h.readConfiguration()
	if err != nil {
		return failed(itemLogs, err)
	}
	top, logs := c.missingLogs(c.flags)
	switch {
	case c.flags[keyDriver] || c.flags[keyLogs]:
		item.Text = h.engine.LoggingDriver + ", set on the engine's command line"
	case !c.rotates():
		item.Text = c.driver + ", chosen in " + c.path
	case len(top)+len(logs) > 0:
		item.State, item.Text = Missing, "logs of containers grow without a bound"
		item.Hint = "host:setup bounds them: 3 files of 10 MB for each container."
	default:
		item.Text = fmt.Sprintf("json-file, %s × %s", option(c.logs["max-size"]), option(c.logs["max-file"]))
		if h.unread(c) {
			item.Text += "; applies from the next restart of the engine, to containers that are made after it"
		}
	}
	return item
}

// option is an option's value as a person writes it.
func option(value []byte) string { return strings.Trim(string(value), `"`) }

// unread says whether the file is newer than the engine, which reads the
// options of logs when it starts and at no other time.
func (h *host) unread(c *configuration) bool {
	started, err := os.Stat(h.path(pidFile))
	return err == nil && c.stat != nil && c.stat.ModTime().After(started.ModTime())
}

func (h *host) lookLiveRestore(context.Context) Item {
	item := Item{Name: itemLiveRestore, State: Already}
	c, err := h.readConfiguration()
	if err != nil {
		return failed(itemLiveRestore, err)
	}
	switch on := h.engine.LiveRestoreEnabled; {
	case h.swarm():
		item.State, item.Text = Warning, "off: the engine is part of a swarm, and the two exclude each other"
		item.Hint = "An upgrade of the engine stops every container. Unless the swarm is needed: docker swarm leave."
	case !on && c.flags[keyLiveRestore]:
		item.State, item.Text = Warning, "switched off on the engine's command line"
		item.Hint = "An upgrade of the engine stops every container."
	case c.liveRestore != nil && !*c.liveRestore:
		item.State, item.Text = Warning, "switched off in "+c.path
		item.Hint = "An upgrade of the engine stops every container. Unless that is wanted, take the line out and run host:setup."
	case !on:
		item.State, item.Text = Missing, "an upgrade of the engine would stop every container"
		item.Hint = "host:setup switches it on; no container restarts."
	case c.liveRestore == nil && !c.flags[keyLiveRestore]:
		item.State, item.Text = Missing, "is on, but not in "+c.path
	default:
		item.Text = "containers outlive a restart of the engine"
	}
	return item
}

// configure adds what is missing to the engine's file, for all items at once.
// Where no container could notice, the engine is restarted to read it.
func (h *host) configure(ctx context.Context) (string, error) {
	c, err := h.readConfiguration()
	if err != nil {
		return "", err
	}
	text, err := c.with(c.flags, h.swarm())
	if err != nil {
		return "", fmt.Errorf("add to %s: %w", c.path, err)
	}
	if c.stat != nil && bytes.Equal(text, c.text) {
		return "", nil
	}
	if len(c.missingLiveRestore(c.flags, h.swarm())) > 0 {
		h.brought[itemLiveRestore] = true
	}
	backup, err := c.put(ctx, text)
	if err != nil {
		return "", err
	}
	if backup != "" {
		backup = "the old file is " + backup
	}
	if h.engine.ContainersRunning > 0 || h.swarm() || !h.systemd() {
		return backup, nil
	}
	if _, err := run(ctx, "systemctl", "restart", "docker.service"); err != nil {
		return "", fmt.Errorf("restart the engine: %w", err)
	}
	if err := h.refresh(ctx, "the engine's restart", func() bool { return true }); err != nil {
		return "", err
	}
	return strings.TrimPrefix(backup+"; the engine was restarted, as no container runs", "; "), nil
}

// put replaces the engine's file after the engine itself has found nothing
// wrong with the new one, and gives the name under which the old one is kept;
// empty where there was none.
func (c *configuration) put(ctx context.Context, text []byte) (backup string, err error) {
	mode, uid, gid := os.FileMode(0o644), 0, 0
	if c.stat != nil {
		mode = c.stat.Mode().Perm()
		uid, gid = ownerOf(c.stat)
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the engine's configuration: %w", err)
	}
	written, err := beside(c.path, bytes.NewReader(text), mode, uid, gid)
	if err != nil {
		return "", fmt.Errorf("write beside %s: %w", c.path, err)
	}
	if err := c.validate(ctx, written); err != nil {
		return "", errors.Join(err, os.Remove(written))
	}
	if c.stat != nil {
		backup = c.path + ".before-" + time.Now().UTC().Format("20060102T150405Z")
		if err := os.Link(c.path, backup); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", errors.Join(fmt.Errorf("keep the old %s: %w", c.path, err), os.Remove(written))
		}
	}
	if err := moveInto(written, c.path); err != nil {
		return "", fmt.Errorf("put %s in place: %w", c.path, err)
	}
	return backup, nil
}

// validate lets the engine's own program judge a file, together with the flags
// that it runs with: what stands in both keeps it from starting. Engines before
// 23.0 cannot.
func (c *configuration) validate(ctx context.Context, file string) error {
	if program("dockerd") == "" {
		return nil
	}
	arguments := []string{"--validate", "--config-file=" + file}
	if len(c.arguments) > 0 {
		arguments = append(withoutConfigFile(c.arguments[1:]), arguments...)
	}
	output, err := run(ctx, "dockerd", arguments...)
	if err == nil || strings.Contains(output, "unknown flag: --validate") {
		return nil
	}
	said := strings.Join(lastLines(strings.ReplaceAll(output, file, c.path)), "; ")
	return &deploy.Failure{
		Err:  fmt.Errorf("check the new %s: the engine refuses it: %s", c.path, said),
		Hint: "Correct it by hand; nothing was changed.",
	}
}

// enableLiveRestore makes the engine read its file again, which no container
// notices.
func (h *host) enableLiveRestore(ctx context.Context) (string, error) {
	note, err := h.configure(ctx)
	if err != nil {
		return "", err
	}
	on := func() bool { return h.engine.LiveRestoreEnabled }
	if on() {
		return note, nil
	}
	if h.systemd() {
		_, err = run(ctx, "systemctl", "reload", "docker.service")
	} else {
		err = h.reloadByHand()
	}
	if err != nil {
		return "", fmt.Errorf("reload the engine's configuration: %w", err)
	}
	return note, h.refresh(ctx, "live-restore", on)
}

func (h *host) reloadByHand() error {
	process, _ := h.engineProcess()
	if process == 0 {
		return &deploy.Failure{
			Err:  errors.New("its process was not found in " + pidFile),
			Hint: "Send it a SIGHUP, or restart it.",
		}
	}
	return syscall.Kill(process, syscall.SIGHUP)
}
