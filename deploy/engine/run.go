package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	dockertypes "github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// runGrace is how long an interrupted command may take to end by itself.
const runGrace = 10 * time.Second

// Run runs one command in a new one-off container with the service's
// configuration: its image, environment, volumes, networks and limits, but no
// ports, no fixed addresses, no alias, no restart policy and no health check.
// What the command prints goes to out, both streams in one. A status other
// than 0 is an *ExitError.
//
// The container is removed in the end, also when ctx ends: the command then
// gets its stop signal and 10 s. If this process is killed, what it left
// carries Compose's one-off label and OwnLabel.
func (e *Engine) Run(ctx context.Context, release *deploy.Release, command deploy.OneOff, out io.Writer) error {
	if err := e.run(ctx, release, command, out); err != nil {
		return fmt.Errorf("run %s in %s: %w", strings.Join(command.Command, " "), command.Service, err)
	}
	return nil
}

func (e *Engine) run(ctx context.Context, release *deploy.Release, command deploy.OneOff, out io.Writer) (err error) {
	project, err := projectOf(release)
	if err != nil {
		return err
	}
	wanted, name, err := oneOff(project, command)
	if err != nil {
		return err
	}
	if err := e.unchanged(ctx, wanted); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.discard(ctx, name)) }()
	// Under its own name the SDK knows the service's other containers only as
	// orphans, which it ignores.
	err = e.compose.Create(ctx, wanted, api.CreateOptions{
		Recreate: api.RecreateNever, RecreateDependencies: api.RecreateNever,
		IgnoreOrphans: true, SkipProviders: true, QuietPull: true,
	})
	if err != nil {
		return explainCreate(err)
	}
	if err := e.putFiles(ctx, wanted, wanted.Services[name], name); err != nil {
		return err
	}
	return e.attached(ctx, name, out)
}

// oneOff turns a service into one container of its own, labelled as
// `docker compose run` labels it.
func oneOff(project *types.Project, command deploy.OneOff) (*types.Project, string, error) {
	wanted, err := alone(project, command.Service, 1)
	if err != nil {
		return nil, "", err
	}
	slug := strings.ToLower(rand.Text())
	config := wanted.Services[command.Service]
	config.Name = fmt.Sprintf("%s-%s-run-%s", wanted.Name, command.Service, slug[:12])
	config.ContainerName = config.Name
	config.CustomLabels = config.CustomLabels.Add(api.OneoffLabel, "True").Add(api.SlugLabel, slug).Add(OwnLabel, ownLabel(command))
	config.Command = command.Command
	config.Environment = withVariables(config.Environment, command.Environment)
	config.Tty, config.StdinOpen = false, false
	config.Ports = nil
	config.MacAddress = ""
	config.HealthCheck = &types.HealthCheckConfig{Disable: true}
	config.Restart = ""
	if config.Deploy != nil {
		config.Deploy.RestartPolicy = nil
	}
	for _, attachment := range config.Networks {
		if attachment != nil {
			attachment.Aliases = nil
			attachment.Ipv4Address, attachment.Ipv6Address, attachment.MacAddress = "", "", ""
		}
	}
	wanted.Services = types.Services{config.Name: config}
	return wanted, config.Name, nil
}

func ownLabel(command deploy.OneOff) string {
	if command.Expendable {
		return expendable
	}
	return "1"
}

// withVariables gives an environment with further variables, which win.
func withVariables(environment types.MappingWithEquals, more map[string]string) types.MappingWithEquals {
	all := types.MappingWithEquals{}
	maps.Copy(all, environment)
	for name, value := range more {
		all[name] = &value
	}
	return all
}

// attached starts a created container and copies its output until it ends. It
// attaches first, so that nothing is lost.
func (e *Engine) attached(ctx context.Context, name string, out io.Writer) error {
	stream, err := e.docker.ContainerAttach(ctx, name, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attach to container %s: %w", name, err)
	}
	// The wait outlives ctx: an interrupted command still ends in order.
	waiting, stopWaiting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWaiting()
	ended, failed := e.docker.ContainerWait(waiting, name, container.WaitConditionNextExit)
	tail := newTail(out)
	copied := copyStream(stream, tail)
	defer stream.Close()
	if err := e.docker.ContainerStart(ctx, name, container.StartOptions{}); err != nil {
		return fmt.Errorf("start container %s: %w", name, err)
	}
	select {
	case result := <-ended:
		if err := <-copied; err != nil {
			return fmt.Errorf("read the output of container %s: %w", name, err)
		}
		if result.Error != nil {
			return fmt.Errorf("wait for container %s: %s", name, result.Error.Message)
		}
		if result.StatusCode != 0 {
			return &ExitError{Code: int(result.StatusCode), Lines: tail.lines()}
		}
		return nil
	case err := <-failed:
		return fmt.Errorf("wait for container %s: %w", name, err)
	case <-ctx.Done():
		_, err := e.Stop(context.WithoutCancel(ctx), name, runGrace)
		stream.Close()
		<-copied //nolint:errcheck // it was cut off on purpose
		return errors.Join(context.Cause(ctx), err)
	}
}

// copyStream takes the engine's two streams apart, until they end.
func copyStream(stream dockertypes.HijackedResponse, out io.Writer) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(out, out, stream.Reader)
		done <- err
	}()
	return done
}

// discard removes a one-off container, whatever it does, also when ctx has
// ended.
func (e *Engine) discard(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	err := e.docker.ContainerRemove(ctx, name, container.RemoveOptions{RemoveVolumes: true, Force: true})
	if err = gone(err); err == nil || errors.Is(err, deploy.ErrNoContainer) {
		return nil
	}
	return fmt.Errorf("remove container %s: %w", name, err)
}

// Exec runs one command in a running container and copies both its streams to
// out. A status other than 0 is an *ExitError. When ctx ends, Exec returns and
// the command goes on: the engine has no way to end it.
func (e *Engine) Exec(ctx context.Context, name string, command []string, out io.Writer) error {
	if err := e.exec(ctx, name, command, out); err != nil {
		return fmt.Errorf("run %s in container %s: %w", strings.Join(command, " "), name, err)
	}
	return nil
}

func (e *Engine) exec(ctx context.Context, name string, command []string, out io.Writer) error {
	created, err := e.docker.ContainerExecCreate(ctx, name, container.ExecOptions{
		AttachStdout: true, AttachStderr: true, Cmd: command,
	})
	if err != nil {
		return gone(err)
	}
	stream, err := e.docker.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return err
	}
	defer stream.Close()
	tail := newTail(out)
	copied := copyStream(stream, tail)
	select {
	case err = <-copied:
	case <-ctx.Done():
		stream.Close()
		<-copied //nolint:errcheck // it was cut off on purpose
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("read its output: %w", err)
	}
	result, err := e.docker.ContainerExecInspect(ctx, created.ID)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return &ExitError{Code: result.ExitCode, Lines: tail.lines()}
	}
	return nil
}
