package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// exitKilled is the status of a process that SIGKILL ended.
const exitKilled = 128 + int(syscall.SIGKILL)

// Stop has the engine send the container's own stop signal and kill it after
// the grace period, in whole seconds, rounded up. The engine remembers that it
// was stopped on purpose, so that no restart policy wakes it. killed is true
// when the grace period ran out. A container that does not run is left alone.
func (e *Engine) Stop(ctx context.Context, name string, grace time.Duration) (killed bool, err error) {
	before, err := e.inspect(ctx, name)
	if err != nil {
		return false, err
	}
	if before.State == nil || !before.State.Running && !before.State.Restarting {
		return false, nil
	}
	seconds := int(math.Ceil(max(grace, 0).Seconds()))
	started := time.Now()
	if err := e.docker.ContainerStop(ctx, name, container.StopOptions{Timeout: &seconds}); err != nil {
		return false, fmt.Errorf("stop container %s: %w", name, gone(err))
	}
	waited := time.Since(started)
	after, err := e.inspect(ctx, name)
	if errors.Is(err, deploy.ErrNoContainer) {
		return false, nil // it ended, and was one that removes itself
	}
	if err != nil {
		return false, err
	}
	// The engine does not say which it was. SIGKILL before the grace period
	// was over came from elsewhere: the kernel, out of memory, or a person.
	return after.State.ExitCode == exitKilled && waited >= time.Duration(seconds)*time.Second, nil
}

// Remove removes a stopped container with its anonymous volumes; named ones
// stay. One that is gone already is no error; one that runs is.
func (e *Engine) Remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithCancel(ctx) // ends the wait in every case
	defer cancel()
	gone, failed := e.docker.ContainerWait(ctx, name, container.WaitConditionRemoved)
	err := e.docker.ContainerRemove(ctx, name, container.RemoveOptions{RemoveVolumes: true})
	switch {
	case err == nil, cerrdefs.IsNotFound(err):
		return nil
	case !cerrdefs.IsConflict(err):
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	state, inspectErr := e.inspect(ctx, name)
	switch {
	case errors.Is(inspectErr, deploy.ErrNoContainer):
		return nil
	case inspectErr != nil || state.State.Status != container.StateRemoving:
		return &deploy.Failure{
			Err:  fmt.Errorf("remove container %s: %w", name, err),
			Hint: fmt.Sprintf("It has to be stopped first: docker stop %s", name),
		}
	}
	select { // somebody else is removing it
	case <-gone:
		return nil
	case err := <-failed:
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("wait for the removal of container %s: %w", name, err)
	}
}
