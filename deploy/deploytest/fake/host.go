// Package fake has an engine, a proxy and a prober that behave: containers
// boot, become healthy, exit and are killed, the proxy gives places, drains
// and refuses. They take the time from package time, and so run in a
// testing/synctest bubble. Together they see whether the promises of a rollout
// hold at every instant.
package fake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ErrDead is what every call answers once the deployer has been killed: to the
// host it is as if no call was made.
var ErrDead = errors.New("the deployer is dead")

// Host is one machine. Its fields may be set before the first call; while
// something runs on it, use its methods.
type Host struct {
	Engine *Engine
	Proxy  *Proxy
	Prober *Prober
	// Commands runs what is run on the host itself.
	Commands *Commands
	// Django is the database and its migrations.
	Django *Migrator

	// Behaviours say how containers, and commands on the "host", behave: by "service:version", else by
	// "service", else as the zero Behaviour does.
	Behaviours map[string]Behaviour
	// Total is the host's memory; 0 for unknown. What is available is what
	// its running containers leave of it.
	Total uint64
	// Images are on the host, by pinned reference.
	Images map[string]bool
	// Faults hit the calls to come, each once.
	Faults []Fault
	// KillAt kills the deployer at its nth call that changes something,
	// counted from 1; 0 never does. With KillHalf that call is done by half.
	KillAt   int
	KillHalf bool
	// OnCall is told each call that changes something, before it does; it must
	// not call the host.
	OnCall func(number int, call string)
	// Consent says that the user accepted the plan's interruptions.
	Consent bool

	mu         sync.Mutex
	calls      []string
	dead       bool
	containers []*container
	versions   []string // in the order of their first containers
	created    int      // for identifiers and addresses
	published  map[string]int
	// volumes are those without a name, remembered the containers of snapshots
	// by identifier.
	volumes    map[string]bool
	remembered map[string]container
	violations []string
	traffic    Traffic
}

// Fault is one failure to come.
type Fault struct {
	// Call begins as the call's text does: "Create shop-web", "Switch", "".
	Call string
	// At hits the nth call that changes something instead; 0 for any.
	At int
	// Err is what it fails with; nil takes a plain one.
	Err error
	// Half does the call by half before it fails.
	Half bool
}

// New makes an empty host.
func New() *Host {
	host := &Host{
		Behaviours: map[string]Behaviour{},
		Images:     map[string]bool{},
		published:  map[string]int{},
		volumes:    map[string]bool{},
		remembered: map[string]container{},
	}
	host.Engine = &Engine{host: host}
	host.Proxy = &Proxy{host: host, drains: map[string]time.Time{}}
	host.Prober = &Prober{host: host}
	host.Commands = &Commands{host: host}
	host.Django = &Migrator{host: host, Contained: map[string][]deploy.Migration{}}
	return host
}

// Inject adds a fault while something runs.
func (h *Host) Inject(fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Faults = append(h.Faults, fault)
}

// Revive makes the host listen to a deployer again, to a new one.
func (h *Host) Revive() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead, h.KillAt, h.KillHalf, h.Faults = false, 0, false, nil
}

// Dead says whether the deployer has been killed.
func (h *Host) Dead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dead
}

// Calls gives the calls that changed something, in order: "Create web 2".
func (h *Host) Calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.calls...)
}

// begin is the start of each call that changes something. It says how much of
// it is to be done.
func (h *Host) begin(ctx context.Context, format string, args ...any) (half bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	call := fmt.Sprintf(format, args...)
	if h.dead {
		return false, ErrDead
	}
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	h.settle()
	h.calls = append(h.calls, call)
	if h.OnCall != nil {
		h.OnCall(len(h.calls), call)
	}
	if h.KillAt == len(h.calls) {
		h.dead = true
		return h.KillHalf, ErrDead
	}
	for at, fault := range h.Faults {
		if strings.HasPrefix(call, fault.Call) && (fault.At == 0 || fault.At == len(h.calls)) {
			h.Faults = append(h.Faults[:at:at], h.Faults[at+1:]...)
			if fault.Err == nil {
				fault.Err = fmt.Errorf("%s: injected", call)
			}
			return fault.Half, fault.Err
		}
	}
	return false, nil
}

// look is the start of each call that only reads; the caller unlocks.
func (h *Host) look(ctx context.Context) error {
	h.mu.Lock()
	if h.dead {
		return ErrDead
	}
	h.settle()
	return ctx.Err()
}

// settle brings every container to what it is now.
func (h *Host) settle() {
	now := time.Now()
	for _, c := range h.containers {
		c.settle(now)
	}
	h.Proxy.follow()
}

func (h *Host) find(name string) *container {
	for _, c := range h.containers {
		if c.Name == name || c.ID == name {
			return c
		}
	}
	return nil
}

func (h *Host) behaviour(service, version string) Behaviour {
	if found, ok := h.Behaviours[service+":"+version]; ok {
		return found
	}
	return h.Behaviours[service]
}

// wait lets time pass on the host, unless the caller gives up.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Resolve gives each image reference a digest of its own.
func (h *Host) Resolve(_ context.Context, reference string) (deploy.Image, error) {
	return Image(reference), nil
}
