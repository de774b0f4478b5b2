package system

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// host is the machine that is looked at or prepared. It remembers what an item
// found that later ones need.
type host struct {
	options Options
	root    string
	// docker and engine are nil until the engine has answered.
	docker *client.Client
	engine *system.Info
	// socket is where the engine listens.
	socket string
	// distribution is what /etc/os-release says.
	distribution distribution
	// brought are items that the bringing about of another one has served too.
	brought map[string]bool
}

// step is one item: how it is looked at, and how it is brought about.
type step struct {
	name string
	// look finds how it is, changing nothing: Missing where fix would help.
	look func(context.Context) Item
	// fix brings it about and says what is to be known beside what look finds
	// then. It is called after a look that said Missing; nil where there is
	// nothing that could be done.
	fix func(context.Context) (note string, err error)
	// needed says that without it nothing that follows can work.
	needed bool
	// engine says that it can only be looked at with the engine's help.
	engine bool
}

func newHost(options Options) *host {
	h := &host{options: options, root: cmp.Or(options.Root, "/"), brought: map[string]bool{}}
	h.socket = h.path("/var/run/docker.sock")
	return h
}

// path is where a file of the host is found.
func (h *host) path(name string) string { return filepath.Join(h.root, name) }

// steps are all items in the order in which one needs the other. The facts
// that could explain why an installation fails come first.
func (h *host) steps() []step {
	return []step{
		{name: itemDistribution, look: h.lookDistribution},
		{name: itemClock, look: h.lookClock},
		{name: itemMemory, look: h.lookMemory},
		{name: itemDisk, look: h.lookDisk},
		{name: itemEngine, look: h.lookEngine, fix: h.installEngine, needed: true},
		{name: itemGroup, look: h.lookGroup, fix: h.joinGroup, engine: true},
		{name: itemLogs, look: h.lookLogs, fix: h.configure, engine: true},
		{name: itemLiveRestore, look: h.lookLiveRestore, fix: h.enableLiveRestore, engine: true},
		{name: itemDirectory, look: h.lookDirectory, fix: h.makeDirectory},
		{name: itemBinary, look: h.lookBinary, fix: h.copyBinary},
		{name: itemWrapper, look: h.lookWrapper, fix: h.writeWrapper},
		{name: itemRecovery, look: h.lookRecovery, fix: h.installRecovery},
		{name: itemPorts, look: h.lookPorts},
	}
}

// Setup brings about what is missing, in order, and reports each item. It goes
// on after an item that failed, unless nothing else could work without it, and
// names all that failed in its error.
func Setup(ctx context.Context, options Options, report func(Item)) error {
	if err := options.validate(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    errors.New("prepare the host: only root may"),
			Hint:   "Run: sudo " + strings.Join(os.Args, " "),
		}
	}
	h := newHost(options)
	defer h.close()
	items := h.run(ctx, report, true)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("prepare the host: %w", err)
	}
	return unsettled("the host is not ready", items, "Do what stands beside each, and run host:setup again; what is done stays done.")
}

// Check looks at each item and changes nothing. It names all that is missing
// or failed in its error. Who is not root sees less: not whose process holds a
// port.
func Check(ctx context.Context, options Options, report func(Item)) error {
	if err := options.validate(); err != nil {
		return err
	}
	h := newHost(options)
	defer h.close()
	items := h.run(ctx, report, false)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("check the host: %w", err)
	}
	return unsettled("the host is not ready", items, "host:setup does what is missing.")
}

func (h *host) run(ctx context.Context, report func(Item), fix bool) []Item {
	var items []Item
	for _, step := range h.steps() {
		if ctx.Err() != nil {
			break
		}
		item := h.settle(ctx, step, fix)
		report(item)
		items = append(items, item)
		if fix && step.needed && item.State == Failed {
			break
		}
	}
	return items
}

// settle looks at one item, brings it about where that is wanted and needed,
// and looks again.
func (h *host) settle(ctx context.Context, step step, fix bool) Item {
	if step.engine && h.engine == nil {
		return Item{Name: step.name, State: Missing, Text: "cannot be seen without the engine"}
	}
	item := step.look(ctx)
	if item.State == Already && h.brought[step.name] {
		item.State = Done
	}
	if item.State != Missing || !fix {
		return item
	}
	if step.fix == nil {
		item.State = Failed
		return item
	}
	note, err := step.fix(ctx)
	if err != nil {
		return failed(step.name, err)
	}
	item = step.look(ctx)
	switch item.State {
	case Already:
		item.State = Done
	case Missing:
		item.State = Failed // it was done, and has no effect
	}
	if note != "" {
		item.Text = strings.TrimPrefix(item.Text+"; "+note, "; ")
	}
	return item
}

func (h *host) close() {
	if h.docker != nil {
		_ = h.docker.Close() // nothing is asked any more
	}
}
