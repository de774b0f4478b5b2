// Package proxy drives HAProxy, the one process that all of a host's requests
// pass: it writes its file, and moves, switches and reads its servers through
// its runtime API.
//
// Facts about HAProxy that the package rests on are of version 3.0. They come
// from its own documents, named where they are used: the configuration manual
// ("conf") and the management guide ("mgmt"). What a comment states of it
// beyond these was tried, and most of it is held by an integration test.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// MountPath is where the proxy's folder stands inside its container. The
// folder is mounted, never the single file: a file that is renamed over a
// mounted one is not seen inside.
const MountPath = "/var/lib/deploy-proxy"

// UnusedName is the host name of every place that no container holds. HAProxy
// can give a place another name later only if it had one when it started.
//
// The engine's DNS passes on what it does not know, so each look-up of this
// name goes to the host's own name server. A network alias of this name on the
// proxy's own service keeps it here; the places are in maintenance either way.
const UnusedName = "deploy-unused-slot"

// The files of the folder, the same in it and in the container's mount.
const (
	configFile   = "haproxy.cfg"
	lastGoodFile = "haproxy.cfg.last-good"
	countersFile = "counters.json"
	socketFile   = "haproxy.sock"
	masterFile   = "master.sock"
)

// ErrNotRunning says that no proxy answers on the socket.
var ErrNotRunning = errors.New("the proxy does not run")

// ErrNotPrepared says that a container holds no place in the running proxy, or
// that its name is not resolved: Prepare comes before Switch, again after the
// proxy was restarted between the two.
var ErrNotPrepared = errors.New("the container has no place in the proxy")

// ErrOtherStructure says that the running proxy has not loaded the frontends,
// backends and places that the routes need: Configure comes before the rest.
var ErrOtherStructure = errors.New("the proxy runs with other routes")

// ErrRefused says that HAProxy did not accept its file, and serves on with what
// it had loaded before.
var ErrRefused = errors.New("the proxy refused its file and serves on as before")

// Command starts HAProxy in its container: a master that stays (-W, in the
// foreground by -db) and a worker that it replaces on a reload, with the
// master's own socket (-S), through which a reload is asked for.
func Command() []string {
	return []string{
		"haproxy", "-W", "-db",
		"-S", MountPath + "/" + masterFile + ",mode,660",
		"-f", MountPath + "/" + configFile,
	}
}

// DNSOptions are resolver options for the proxy's container. HAProxy looks the
// names in its file up one after another before it serves, and with libc's own
// waiting times a name server that does not answer would cost 10 s for each
// container that is missing.
func DNSOptions() []string { return []string{"timeout:1", "attempts:1"} }

// Options say where the proxy is found.
type Options struct {
	// Dir is the proxy's folder on this host: ".deploy/proxy".
	Dir string
	// Prepare bounds the wait for a name to resolve; 0 takes DefaultPrepare.
	Prepare time.Duration
}

// DefaultPrepare is how long Prepare waits for names to resolve. They take
// resolveEvery at most; the rest is for a host that is busy.
const DefaultPrepare = 10 * time.Second

// Proxy is the HAProxy of one folder. Its methods keep no state between calls
// but what stands in the folder, so that a next process goes on where one
// ended. One process at a time may use the methods that change something: the
// deploy lock sees to that. Observe may be called at any time.
type Proxy struct {
	dir     string
	prepare time.Duration
	worker  *client
	master  *client
}

var _ deploy.Proxy = (*Proxy)(nil)

// New makes the proxy of the options' folder; nothing is read or written yet.
func New(options Options) *Proxy {
	return &Proxy{
		dir:     options.Dir,
		prepare: cmp.Or(options.Prepare, DefaultPrepare),
		worker:  &client{path: filepath.Join(options.Dir, socketFile)},
		master:  &client{path: filepath.Join(options.Dir, masterFile), timeout: masterReply},
	}
}

// folderMode lets the deploying group in and nobody else. The set-group-id bit
// gives that group to whatever is made in the folder, the sockets that HAProxy
// makes as its image's user included (inode(7)).
const folderMode = os.ModeSetgid | 0o770

// EnsureDir makes the folder, or sets the mode of one that is there. The
// proxy's container runs as its image's user and needs Group as a further
// group to write its sockets there.
func (p *Proxy) EnsureDir() error {
	if err := os.MkdirAll(p.dir, 0o770); err != nil {
		return fmt.Errorf("make the proxy's folder: %w", err)
	}
	info, err := os.Stat(p.dir)
	if err != nil {
		return fmt.Errorf("read the proxy's folder: %w", err)
	}
	if info.Mode()&(os.ModeSetgid|os.ModePerm) == folderMode && groupOf(info) == Group() {
		return nil
	}
	// The group first: a change of it clears the bit (chown(2)).
	if err := os.Chown(p.dir, -1, Group()); err != nil {
		return fmt.Errorf("give the proxy's folder to group %d: %w", Group(), err)
	}
	if err := os.Chmod(p.dir, folderMode); err != nil {
		return fmt.Errorf("set the mode of the proxy's folder: %w", err)
	}
	return nil
}

// Group is the group that the proxy's container needs beside its own: the
// deploying process's.
func Group() int { return os.Getgid() }

// Configure writes the file for these routes and this routing and, where a
// proxy runs whose structure differs, makes it load the file. A file that
// HAProxy refuses is replaced by the last one that it accepted.
//
// A reload starts a new worker beside the old, which answers what it has open
// and closes each kept connection with its next response (conf 4.2, "option
// idle-close-on-response"). An old worker takes no more commands ("Proxy is
// disabled."), so until its connections have ended it may send one more
// request to the containers that were ready before: Observe counts these as leaving.
func (p *Proxy) Configure(ctx context.Context, routes []deploy.Route, routing deploy.Routing) error {
	layout, err := newLayout(routes)
	if err != nil {
		return err
	}
	if err := p.EnsureDir(); err != nil {
		return err
	}
	running, err := p.running(ctx)
	if errors.Is(err, ErrNotRunning) {
		seats, err := layout.seat(routing, nil)
		if err != nil {
			return err
		}
		return p.writeConfig(layout.render(seats))
	}
	if err != nil {
		return err
	}
	seats, err := layout.seat(routing, running.slots)
	if err != nil {
		return err
	}
	config := layout.render(seats)
	if running.structure == layout.structure() {
		if err := p.writeConfig(config); err != nil {
			return err
		}
		return p.keepLastGood(config)
	}
	if err := p.saveCounters(ctx); err != nil {
		return err
	}
	if err := p.writeConfig(config); err != nil {
		return err
	}
	if err := p.reload(ctx, layout.structure()); err != nil {
		restored, restoreErr := p.restoreLastGood()
		if restored {
			err = fmt.Errorf("%w (the last file that it accepted is back in place)", err)
		}
		return errors.Join(err, restoreErr)
	}
	return p.keepLastGood(config)
}
