// Package engine is the Docker engine of one host.
//
// Containers are created by Compose's own SDK, so that labels, networks,
// volumes and configuration hashes are exactly those that `docker compose`
// makes and reads; everything else goes through the engine's API. The SDK's
// reconciler also knows how to stop, recreate and remove, when it finds a
// network that changed or more containers than it wants. It speaks to the
// engine through a client that refuses every such request (see refuse), so
// that nothing that runs can be touched by creating.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docker/cli/cli/command"
	contextdocker "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	moby "github.com/moby/moby/client"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// openTimeout bounds the first answer of the engine.
const openTimeout = 10 * time.Second

// oldestAPI is that of Engine 20.10, the oldest that is tested.
const oldestAPI = "1.41"

// cleanUpTimeout bounds what is undone after a failure or an interruption.
const cleanUpTimeout = 30 * time.Second

// Options say which engine and how containers are looked at.
type Options struct {
	// Host is the engine's address, "unix:///var/run/docker.sock"; empty takes
	// DOCKER_HOST or else the current Docker context, as `docker` does.
	Host string
	// ProxyService is the service whose networks decide which address of a
	// container is reported; empty takes the project's default network.
	ProxyService string
	// Login gives the login for a registry's host, "ghcr.io", for pulls; an
	// empty one where there is none. Nil pulls without logins.
	Login func(ctx context.Context, host string) (deploy.Login, error)
}

// Engine is one host's container engine. It may be used by several goroutines.
type Engine struct {
	options Options
	host    string
	docker  *client.Client
	cli     *command.DockerCli
	compose api.Compose
	// backoff are the pauses between the attempts of a pull.
	backoff []time.Duration
	// stall is how long a pull may say nothing before it counts as failed.
	stall time.Duration
	// creating is held while the SDK counts containers and adds to them: the
	// number that is asked for depends on how many there are.
	creating sync.Mutex
	// starting is held for services with published ports: the engine takes
	// host ports from a range without excluding a second start.
	starting sync.Mutex
}

var _ deploy.Engine = (*Engine)(nil)

// Open connects to the engine and agrees on an API version with it, 1.41
// (Engine 20.10) at least.
func Open(ctx context.Context, options Options) (*Engine, error) {
	redirectLogs()
	cli, host, err := newCLI(options.Host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := reach(ctx, host); err != nil {
		return nil, err
	}
	docker, err := client.NewClientWithOpts(client.WithTLSClientConfigFromEnv(), client.WithHost(host),
		client.WithVersionFromEnv(), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("open the Docker engine at %s: %w", host, err)
	}
	if err := answers(ctx, docker); err != nil {
		_ = docker.Close()
		return nil, fmt.Errorf("open the Docker engine at %s: %w", host, err)
	}
	engine := &Engine{
		options: options, host: host, docker: docker, cli: cli,
		backoff: []time.Duration{time.Second, 3 * time.Second}, stall: 2 * time.Minute,
	}
	if err := engine.openCompose(); err != nil {
		_ = docker.Close()
		return nil, err
	}
	return engine, nil
}

// newCLI makes docker/cli's own idea of the configuration: the credential
// store, proxies for containers, contexts. Its streams lead nowhere.
func newCLI(host string) (*command.DockerCli, string, error) {
	cli, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard), command.WithInputStream(io.NopCloser(strings.NewReader(""))))
	if err != nil {
		return nil, "", fmt.Errorf("read the Docker configuration: %w", err)
	}
	options := flags.NewClientOptions()
	if host != "" {
		options.Hosts = []string{host}
	}
	if err := cli.Initialize(options); err != nil {
		return nil, "", fmt.Errorf("read the Docker configuration: %w", err)
	}
	if host == "" {
		host, err = currentHost(cli)
	}
	return cli, host, err
}

// currentHost is the address that `docker` would use.
func currentHost(cli *command.DockerCli) (string, error) {
	name := cli.CurrentContext()
	if name == command.DefaultContextName {
		return cmp.Or(os.Getenv(client.EnvOverrideHost), client.DefaultDockerHost), nil
	}
	meta, err := cli.ContextStore().GetMetadata(name)
	if err != nil {
		return "", fmt.Errorf("read the Docker context %s: %w", name, err)
	}
	endpoint, err := contextdocker.EndpointFromContext(meta)
	if err != nil {
		return "", fmt.Errorf("read the Docker context %s: %w", name, err)
	}
	return endpoint.Host, nil
}

// reach says in words why a socket does not answer.
func reach(ctx context.Context, host string) error {
	path, local := strings.CutPrefix(host, "unix://")
	if !local {
		if strings.HasPrefix(host, "ssh://") {
			return &deploy.Failure{
				Err:  fmt.Errorf("open the Docker engine at %s: an engine behind SSH is not supported", host),
				Hint: "The deploy itself runs on the host and uses the socket there; unset DOCKER_HOST or type: docker context use default",
			}
		}
		return nil
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return conn.Close()
	case errors.Is(err, os.ErrPermission):
		return &deploy.Failure{
			Err:  fmt.Errorf("open the Docker engine: no permission for its socket %s", path),
			Hint: "Join the group that owns it and log in again: sudo usermod -aG docker $USER",
		}
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &deploy.Failure{
			Err:  fmt.Errorf("open the Docker engine: nothing answers on its socket %s", path),
			Hint: "Start it: sudo systemctl start docker (or install it first: mage host:setup)",
		}
	default:
		return fmt.Errorf("open the Docker engine: %w", err)
	}
}

// answers agrees on an API version.
func answers(ctx context.Context, docker *client.Client) error {
	if _, err := docker.Ping(ctx); err != nil {
		return err
	}
	docker.NegotiateAPIVersion(ctx)
	if version := docker.ClientVersion(); versions.LessThan(version, oldestAPI) {
		return &deploy.Failure{
			Err:  fmt.Errorf("the engine speaks API version %s, and %s is the oldest that will do", version, oldestAPI),
			Hint: "Update Docker to 20.10 or newer.",
		}
	}
	return nil
}

// openCompose makes the SDK on a client of its own, which refuses whatever is
// not creating.
func (e *Engine) openCompose() error {
	additive, err := moby.New(moby.WithTLSClientConfigFromEnv(), moby.WithHost(e.host),
		moby.WithAPIVersionFromEnv(), moby.WithHTTPRequestHook(refuse))
	if err != nil {
		return fmt.Errorf("open the Docker engine at %s: %w", e.host, err)
	}
	if err := command.WithAPIClient(additive)(e.cli); err != nil {
		return fmt.Errorf("open Compose: %w", err)
	}
	e.compose, err = compose.NewComposeService(e.cli, compose.WithPrompt(never))
	if err != nil {
		return fmt.Errorf("open Compose: %w", err)
	}
	return nil
}

// never answers the SDK's only question, whether a volume may be recreated
// and its data lost.
func never(string, bool) (bool, error) { return false, nil }

// Close frees the connections.
func (e *Engine) Close() error {
	return errors.Join(e.docker.Close(), e.cli.Client().Close())
}

// Version is the engine's version, as `docker version` shows it.
func (e *Engine) Version(ctx context.Context) (string, error) {
	version, err := e.docker.ServerVersion(ctx)
	if err != nil {
		return "", fmt.Errorf("read the engine's version: %w", err)
	}
	return version.Version, nil
}
