package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/scripts"
)

const (
	// oldestAPI is the one of Engine 20.10.
	oldestAPI = "1.41"
	// answerTimeout bounds one question to the engine.
	answerTimeout = 10 * time.Second
	// restartTimeout bounds the wait for an engine that was told to restart or
	// to read its configuration.
	restartTimeout = 60 * time.Second
)

func (h *host) lookDistribution(context.Context) Item {
	item := Item{Name: itemDistribution, State: Already}
	file, err := os.Open(h.path("/etc/os-release"))
	if err == nil {
		defer file.Close()
		h.distribution = readDistribution(file)
	}
	item.Text = h.distribution.String()
	switch {
	case h.distribution.known():
	case h.installed():
		item.State = Warning
		item.Text += ": neither Debian nor Ubuntu"
		item.Hint = "The engine that is there is enough; only installing one is not known here."
	default:
		item.State = Failed
		item.Text += ": an engine can be installed on Debian and Ubuntu only"
		item.Hint = byHand
	}
	return item
}

const byHand = "Install a Docker engine by hand (https://docs.docker.com/engine/install/); with one in place the rest works here too."

// installed says whether there is an engine, whether it runs or not.
func (h *host) installed() bool {
	_, err := os.Stat(h.socket)
	return err == nil || program("dockerd") != ""
}

// lookEngine asks the engine who it is, and keeps the answer for later items.
func (h *host) lookEngine(ctx context.Context) Item {
	item := Item{Name: itemEngine, State: Missing}
	version, api, err := h.reach(ctx)
	switch {
	case errors.Is(err, fs.ErrPermission):
		item.State, item.Text = Failed, "this user may not talk to it"
		item.Hint = "Run it with sudo, or as a member of the engine's group."
	case err != nil && h.installed():
		item.Text, item.Hint = "is installed, but does not answer: "+err.Error(), "host:setup starts it."
	case err != nil:
		item.Text, item.Hint = "is not installed", "host:setup installs the distribution's."
	case versions.LessThan(api, oldestAPI):
		item.State, item.Text = Failed, fmt.Sprintf("%s, API %s: too old", version, api)
		item.Hint = "Upgrade it to 20.10 at least. Its containers stop for that."
	default:
		item.State, item.Text = Already, fmt.Sprintf("%s, API %s", version, api)
	}
	return item
}

// reach connects to the engine and learns what it is.
func (h *host) reach(ctx context.Context) (version, api string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// A connection of its own, since the client wraps what the system said
	// into a text.
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", h.socket)
	if err != nil {
		return "", "", err
	}
	_ = connection.Close() // nothing was sent
	if h.docker == nil {
		h.docker, err = client.NewClientWithOpts(client.WithHost("unix://"+h.socket), client.WithAPIVersionNegotiation())
		if err != nil {
			return "", "", err
		}
	}
	answer, err := h.docker.ServerVersion(ctx)
	if err != nil {
		return "", "", err
	}
	info, err := h.docker.Info(ctx)
	if err != nil {
		return "", "", err
	}
	h.engine = &info
	return answer.Version, answer.APIVersion, nil
}

// installEngine starts the engine that is installed, or installs one.
func (h *host) installEngine(ctx context.Context) (string, error) {
	there := program("dockerd") != ""
	switch {
	case there || h.distribution.known() && !h.installed():
	case h.installed():
		return "", &deploy.Failure{
			Err:  errors.New("start the engine: its socket is there, but its program was not found"),
			Hint: "Start it as it was installed; a snap: sudo snap start docker.",
		}
	default:
		return "", &deploy.Failure{Err: errors.New("install the engine: " + h.distribution.String() + " is not known here"), Hint: byHand}
	}
	output, err := run(ctx, "bash", "-c", scripts.InstallDocker, "install-docker.sh")
	if err != nil {
		what := "install the engine"
		if there {
			what = "start the engine"
		}
		lines := lastLines(output)
		if len(lines) > 0 {
			err = errors.New(lines[len(lines)-1])
		}
		return "", &deploy.Failure{Err: fmt.Errorf("%s: %w", what, err), Hint: "The end of what was printed:", Logs: lines}
	}
	if there {
		return "started", nil
	}
	return "installed", nil
}

// swarm says whether the engine is, or is about to be, part of a swarm.
func (h *host) swarm() bool {
	state := string(h.engine.Swarm.LocalNodeState)
	return state != "" && state != "inactive"
}

// refresh asks the engine anew until it says what is waited for.
func (h *host) refresh(ctx context.Context, what string, until func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		if _, _, err := h.reach(ctx); err == nil && until() {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return &deploy.Failure{Err: fmt.Errorf("await %s: %w", what, ctx.Err()), Hint: "The engine's log says why: journalctl --unit docker --lines 30"}
		}
	}
}

// systemd says whether systemd runs this host. Its folder alone can stem from
// the installation of its package.
func (h *host) systemd() bool {
	folder, err := os.Stat(h.path("/run/systemd/system"))
	if err != nil || !folder.IsDir() {
		return false
	}
	first, err := os.ReadFile(h.path("/proc/1/comm"))
	return err == nil && strings.TrimSpace(string(first)) == "systemd"
}
