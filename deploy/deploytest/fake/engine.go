package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Engine is the host's container engine.
type Engine struct{ host *Host }

var _ deploy.Engine = (*Engine)(nil)

// What the engine's own work takes.
const (
	createTime = 200 * time.Millisecond
	pullTime   = 2 * time.Second
	pullSize   = 100 << 20
)

// Observe lists a project's containers.
func (e *Engine) Observe(ctx context.Context, project string) ([]deploy.Container, deploy.Memory, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return nil, deploy.Memory{}, err
	}
	memory := deploy.Memory{Total: e.host.Total, Available: e.host.Total}
	var found []deploy.Container
	for _, c := range e.host.containers {
		memory.Available -= min(c.MemoryBytes, memory.Available)
		if c.project == project {
			found = append(found, c.Container)
		}
	}
	return found, memory, nil
}

// Check finds nothing: the fake has no networks and volumes.
func (e *Engine) Check(context.Context, *deploy.Release) error { return nil }

// Present says which images are on the host.
func (e *Engine) Present(ctx context.Context, images []deploy.Image) (map[string]bool, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return nil, err
	}
	present := map[string]bool{}
	for _, image := range images {
		if e.host.Images[image.Pinned()] {
			present[image.Pinned()] = true
		}
	}
	return present, nil
}

// Pull takes its time, in four parts.
func (e *Engine) Pull(ctx context.Context, image deploy.Image, progress func(current, total int64)) error {
	if _, err := e.host.begin(ctx, "Pull %s", image.Reference); err != nil {
		return err
	}
	e.host.mu.Lock()
	here := e.host.Images[image.Pinned()]
	e.host.mu.Unlock()
	if here {
		return nil
	}
	for part := range int64(4) {
		if err := wait(ctx, pullTime/4); err != nil {
			return err
		}
		if progress != nil {
			progress((part+1)*pullSize/4, pullSize)
		}
	}
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.Images[image.Pinned()] = true
	return nil
}

// Forget removes what no container uses.
func (e *Engine) Forget(ctx context.Context, images, kept []deploy.Image) (deploy.Pruned, error) {
	var pruned deploy.Pruned
	half, err := e.host.begin(ctx, "Forget %d", len(images))
	if err != nil && !half {
		return pruned, err
	}
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	for at, image := range images {
		name := image.Pinned()
		used := slices.ContainsFunc(e.host.containers, func(c *container) bool { return c.Image == name })
		switch {
		case !e.host.Images[name] || slices.ContainsFunc(kept, func(k deploy.Image) bool { return k.Pinned() == name }):
		case used:
			pruned.Held = append(pruned.Held, name)
		case !half || at%2 == 0:
			delete(e.host.Images, name)
			pruned.Images, pruned.Freed = pruned.Images+1, pruned.Freed+pullSize
		}
	}
	return pruned, err
}

// Create numbers new containers from the highest that exists, as Compose does,
// and refuses where Compose would wake one that was left behind.
func (e *Engine) Create(ctx context.Context, release *deploy.Release, name string, count int) ([]deploy.Container, error) {
	half, err := e.host.begin(ctx, "Create %s %d", name, count)
	if err != nil && !half {
		return nil, err
	}
	service, ok := release.Service(name)
	if !ok {
		return nil, fmt.Errorf("create %s: no such service", name)
	}
	var made []deploy.Container
	for range count {
		if waitErr := wait(ctx, createTime); waitErr != nil {
			return made, waitErr
		}
		one, makeErr := e.createOne(release, service, half)
		if makeErr != nil {
			return made, makeErr
		}
		if err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

func (e *Engine) createOne(release *deploy.Release, service *deploy.Service, half bool) (deploy.Container, error) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	if image := release.Images[service.Name]; !h.Images[image.Pinned()] {
		return deploy.Container{}, fmt.Errorf("create %s: no such image: %s", service.Name, image.Pinned())
	}
	project, number := release.Environment.Project.Name, 0
	for _, c := range h.containers {
		if c.project != project || c.Service != service.Name || c.OneOff {
			continue
		}
		if !c.Running() {
			return deploy.Container{}, fmt.Errorf("create %s: %s is %s and would be started", service.Name, c.Name, c.Status)
		}
		number = max(number, c.Number)
	}
	number++
	name := fmt.Sprintf("%s-%s-%d", project, service.Name, number)
	if fixed := release.Environment.Project.Services[service.Name].ContainerName; fixed != "" {
		name = fixed
	}
	if h.find(name) != nil {
		return deploy.Container{}, fmt.Errorf("create %s: the name %s is in use", service.Name, name)
	}
	c := h.make(release, service, name, number)
	if half {
		return c.Container, nil
	}
	if service.Kind == deploy.KindSingleton {
		h.judgeSingleton(c)
	}
	if err := h.allocate(c); err != nil {
		h.containers = slices.DeleteFunc(h.containers, func(one *container) bool { return one == c })
		return deploy.Container{}, err
	}
	c.start()
	if service.Kind == deploy.KindProxy {
		h.Proxy.boot(c, release.Environment)
	}
	return c.Container, nil
}

// Inspect looks at one container.
func (e *Engine) Inspect(ctx context.Context, name string) (deploy.Container, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return deploy.Container{}, err
	}
	if c := e.host.find(name); c != nil {
		return c.Container, nil
	}
	return deploy.Container{}, fmt.Errorf("inspect %s: %w", name, deploy.ErrNoContainer)
}

// Stop signals a container, waits for its end and kills it after the grace.
func (e *Engine) Stop(ctx context.Context, name string, grace time.Duration) (bool, error) {
	half, err := e.host.begin(ctx, "Stop %s", name)
	if err != nil && !half {
		return false, err
	}
	ending, stopErr := e.signal(name, grace)
	if err = cmp.Or(stopErr, err); err != nil || ending == 0 {
		return false, err
	}
	if err := wait(ctx, min(ending, grace)); err != nil {
		return false, err
	}
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.settle()
	killed := ending > grace
	if c := e.host.find(name); c != nil && killed {
		c.ExitCode = 137
	}
	return killed, nil
}

// signal sends the stop signal and says how long the end would take by itself.
func (e *Engine) signal(name string, grace time.Duration) (time.Duration, error) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	c := h.find(name)
	if c == nil {
		return 0, fmt.Errorf("stop %s: %w", name, deploy.ErrNoContainer)
	}
	if !c.Running() {
		return 0, nil
	}
	if c.signalled.IsZero() {
		h.judgeStop(c)
		c.signalled = time.Now()
	}
	ending := max(c.behaviour.Ending, time.Millisecond)
	if h.Proxy.running != nil && h.Proxy.running.container == c && len(h.Proxy.running.open) > 0 {
		ending = grace // it ends with its last request
	}
	h.change("stop "+name, func() {
		c.ends = time.Now().Add(min(ending, grace))
		if c.service != nil && c.service.Kind == deploy.KindProxy {
			h.Proxy.leave(c)
		}
	})
	return ending, nil
}

// Remove removes a stopped container.
func (e *Engine) Remove(ctx context.Context, name string) error {
	half, err := e.host.begin(ctx, "Remove %s", name)
	if err != nil && !half {
		return err
	}
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	c := h.find(name)
	if c == nil {
		return cmp.Or(err, nil)
	}
	if c.Running() {
		return fmt.Errorf("remove %s: it runs", name)
	}
	h.containers = slices.DeleteFunc(h.containers, func(one *container) bool { return one == c })
	h.forgetVolumes(c)
	return err
}

// Evidence gives what the container's behaviour says that it printed.
func (e *Engine) Evidence(ctx context.Context, name string, _ int) (deploy.Evidence, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return deploy.Evidence{}, err
	}
	c := e.host.find(name)
	if c == nil {
		return deploy.Evidence{}, fmt.Errorf("read the logs of %s: %w", name, deploy.ErrNoContainer)
	}
	inspect, err := json.Marshal(c.Container)
	return deploy.Evidence{Logs: []byte(c.behaviour.Logs), Inspect: inspect}, err
}

// Run runs a command in a one-off container. A deployer that is killed while
// it runs leaves it behind.
func (e *Engine) Run(ctx context.Context, release *deploy.Release, command deploy.OneOff, out io.Writer) error {
	name := command.Service
	half, err := e.host.begin(ctx, "Run %s %v", name, command.Command)
	if err != nil && !half {
		return err
	}
	service, ok := release.Service(name)
	if !ok {
		return fmt.Errorf("run in %s: no such service", name)
	}
	h := e.host
	h.mu.Lock()
	if image := release.Images[name]; !h.Images[image.Pinned()] {
		h.mu.Unlock()
		return fmt.Errorf("run in %s: no such image: %s", name, image.Pinned())
	}
	c := h.make(release, service, fmt.Sprintf("%s-%s-run-%d", release.Environment.Project.Name, name, h.created), 1)
	c.OneOff, c.Ours, c.Expendable = true, true, command.Expendable
	c.start()
	h.mu.Unlock()
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !command.Expendable {
			c.ends = time.Now().Add(time.Second) // nobody removes it
		} // else it hangs until somebody stops it
		return err
	}
	err = c.behaviour.run(ctx, command.Command, command.Environment, out)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.containers = slices.DeleteFunc(h.containers, func(one *container) bool { return one == c })
	return err
}

// Exec runs a command in a running container, and knows a worker's quiet and
// resume commands. A health check's command changes nothing and only looks.
func (e *Engine) Exec(ctx context.Context, name string, command []string, out io.Writer) error {
	c, err := e.running(ctx, name)
	if err != nil {
		return err
	}
	if slices.Equal(command, c.service.HealthCommand) {
		if e.Healthy(name) {
			return nil
		}
		return fmt.Errorf("run in %s: exit status 1", name)
	}
	half, err := e.host.begin(ctx, "Exec %s %v", name, command)
	if err != nil && !half {
		return err
	}
	if runErr := c.behaviour.run(ctx, command, nil, out); runErr != nil {
		return runErr
	}
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	switch {
	case slices.Equal(command, c.service.Quiet):
		c.quiet = true
	case slices.Equal(command, c.service.Resume):
		c.quiet = false
	}
	return err
}

func (e *Engine) running(ctx context.Context, name string) (*container, error) {
	defer e.host.mu.Unlock()
	if err := e.host.look(ctx); err != nil {
		return nil, err
	}
	c := e.host.find(name)
	switch {
	case c == nil:
		return nil, fmt.Errorf("run in %s: %w", name, deploy.ErrNoContainer)
	case !c.Running():
		return nil, fmt.Errorf("run in %s: it does not run", name)
	}
	return c, nil
}

// Healthy says whether a container would pass its check now.
func (e *Engine) Healthy(name string) bool {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.settle()
	c := e.host.find(name)
	return c != nil && c.healthy(time.Now())
}
