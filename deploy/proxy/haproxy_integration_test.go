//go:build integration

package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	engine "github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		log.Print(err)
		status = 1
	}
	os.Exit(status)
}

// appPort is where the test application listens in its containers.
const appPort = 8000

// host is one real HAProxy with applications behind it, on a network of its
// own.
type host struct {
	*testing.T
	*Proxy
	docker  *engine.Client
	name    string
	image   string
	network string
	data    string
	proxyID string
}

// newHost makes the network and the proxy's folder; nothing runs yet.
func newHost(t *testing.T) *host {
	t.Helper()
	docker := deploytest.Engine(t)
	folder := t.TempDir()
	h := &host{
		T: t, Proxy: New(Options{Dir: filepath.Join(folder, "proxy")}), docker: docker,
		name:  fmt.Sprintf("px%d-%x", os.Getpid(), time.Now().UnixNano()%0xffffff),
		image: deploytest.ProxyImage(t, docker),
		data:  filepath.Join(folder, "data"),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if t.Failed() {
			h.logs(ctx)
		}
		if err := deploytest.Sweep(ctx, docker, h.name); err != nil {
			t.Error(err)
		}
	})
	deploytest.AppImage(t, docker, h.appImage())
	for folder, mode := range map[string]os.FileMode{folder: 0o755, h.data: 0o777} {
		if err := errors.Join(os.MkdirAll(folder, mode), os.Chmod(folder, mode)); err != nil {
			t.Fatal(err)
		}
	}
	made, err := docker.NetworkCreate(t.Context(), h.name, network.CreateOptions{Labels: h.labels()})
	if err != nil {
		t.Fatal(err)
	}
	h.network = made.ID
	return h
}

func (h *host) appImage() string          { return deploytest.Registry(h.T) + "/proxy-app:1" }
func (h *host) labels() map[string]string { return map[string]string{deploytest.Label: h.name} }

// logs shows what the proxy had to say.
func (h *host) logs(ctx context.Context) {
	reader, err := h.docker.ContainerLogs(ctx, h.name+"-proxy", container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "60"})
	if err != nil {
		return
	}
	defer reader.Close()
	var text strings.Builder
	_, err = stdcopy.StdCopy(&text, &text, reader)
	h.Logf("the proxy (%v):\n%s", err, text.String())
}

// run creates and starts a container.
func (h *host) run(name string, config *container.Config, hostConfig *container.HostConfig, address string) string {
	h.Helper()
	config.Labels = h.labels()
	made, err := h.docker.ContainerCreate(h.Context(), config, hostConfig, &network.NetworkingConfig{
		EndpointsConfig: map[string]*network.EndpointSettings{h.name: h.endpoint(address)},
	}, nil, name)
	if err == nil {
		err = h.docker.ContainerStart(h.Context(), made.ID, container.StartOptions{})
	}
	if err != nil {
		h.Fatalf("run %s: %v", name, err)
	}
	return made.ID
}

func (h *host) endpoint(address string) *network.EndpointSettings {
	settings := &network.EndpointSettings{}
	if address != "" {
		settings.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: address}
	}
	return settings
}

// app runs one container of a service, which answers with its own name as the
// release, and waits until it listens.
func (h *host) app(service string, number int) deploy.Container {
	h.Helper()
	name := h.container(service, number)
	h.run(name, &container.Config{
		Image: h.appImage(),
		Env:   []string{"APP_RELEASE=" + name, fmt.Sprintf("APP_LISTEN=:%d", appPort), "APP_STORE=/data"},
	}, &container.HostConfig{NetworkMode: container.NetworkMode(h.name), Binds: []string{h.data + ":/data"}}, "")
	c := h.inspect(service, name)
	h.listening(c)
	return c
}

func (h *host) container(service string, number int) string {
	return fmt.Sprintf("%s-%s-%d", h.name, service, number)
}

func (h *host) inspect(service, name string) deploy.Container {
	h.Helper()
	return deploy.Container{Name: name, Service: service, Address: h.address(name)}
}

func (h *host) listening(c deploy.Container) {
	h.Helper()
	h.until(c.Name+" listens", func() error {
		_, _, err := ask(h.Context(), c.Address, appPort, "/")
		return err
	})
}

func (h *host) address(name string) string {
	h.Helper()
	found, err := h.docker.ContainerInspect(h.Context(), name)
	if err != nil {
		h.Fatal(err)
	}
	return found.NetworkSettings.Networks[h.name].IPAddress
}

// remove ends a container at once.
func (h *host) remove(names ...string) {
	h.Helper()
	for _, name := range names {
		if err := h.docker.ContainerRemove(h.Context(), name, container.RemoveOptions{Force: true}); err != nil {
			h.Fatal(err)
		}
	}
}

// startProxy makes and starts the proxy as a Compose file would.
func (h *host) startProxy() {
	h.Helper()
	h.proxyID = h.run(h.name+"-proxy", &container.Config{Image: h.image, Cmd: Command()}, &container.HostConfig{
		NetworkMode: container.NetworkMode(h.name),
		GroupAdd:    []string{strconv.Itoa(Group())},
		Binds:       []string{h.dir + ":" + MountPath},
		DNSOptions:  DNSOptions(),
	}, "")
	h.up()
}

func (h *host) up() {
	h.Helper()
	h.until("the proxy is up", func() error {
		state, err := h.Observe(h.Context(), nil)
		if err == nil && !state.Up {
			err = errors.New("down")
		}
		return err
	})
}

// killProxy ends the proxy with SIGKILL.
func (h *host) killProxy() {
	h.Helper()
	if err := h.docker.ContainerKill(h.Context(), h.proxyID, "KILL"); err != nil {
		h.Fatal(err)
	}
	h.until("the proxy is down", func() error {
		state, err := h.Observe(h.Context(), nil)
		if err == nil && state.Up {
			err = errors.New("up")
		}
		return err
	})
}

// resumeProxy starts the proxy's container again.
func (h *host) resumeProxy() {
	h.Helper()
	if err := h.docker.ContainerStart(h.Context(), h.proxyID, container.StartOptions{}); err != nil {
		h.Fatal(err)
	}
	h.up()
}

// until waits for something to be so, and fails the test after 20 s.
func (h *host) until(what string, look func() error) time.Duration {
	h.Helper()
	start := time.Now()
	if err := h.poll(h.Context(), 20*time.Second, look); err != nil {
		h.Fatalf("until %s: %v", what, err)
	}
	return time.Since(start)
}

// must fails the test on an error of one of the proxy's methods.
func (h *host) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *host) observe(routes []deploy.Route) deploy.ProxyState {
	h.Helper()
	state, err := h.Observe(h.Context(), routes)
	h.must(err)
	return state
}

// expectRouted fails unless exactly these containers get new requests.
func (h *host) expectRouted(routes []deploy.Route, service string, want ...string) {
	h.Helper()
	slices.Sort(want)
	if got := h.observe(routes).Routed(service); !slices.Equal(got, want) {
		h.Fatalf("routed: %v, want %v", got, want)
	}
}

// drained waits until nothing is open on a container any more.
func (h *host) drained(routes []deploy.Route, name string) time.Duration {
	h.Helper()
	return h.until(name+" is drained", func() error {
		state, err := h.Observe(h.Context(), routes)
		if err != nil {
			return err
		}
		open := state.Leaving
		for _, server := range state.Servers {
			if server.Container == name {
				open += server.InFlight
			}
		}
		if open > 0 {
			return fmt.Errorf("%d open", open)
		}
		return nil
	})
}

// replace is a whole rollout of one service: prepare, switch, drain, release,
// remove.
func (h *host) replace(routes []deploy.Route, old string, fresh deploy.Container) (prepare, batch time.Duration) {
	h.Helper()
	start := time.Now()
	h.must(h.Prepare(h.Context(), routes, []deploy.Container{fresh}))
	prepare = time.Since(start)
	batch, err := h.Switch(h.Context(), routes, deploy.Routing{fresh.Service: {fresh.Name}})
	h.must(err)
	h.drained(routes, old)
	h.must(h.Release(h.Context(), []string{old}))
	h.remove(old)
	return prepare, batch
}

// loaded sends requests of every kind to the proxy until finish is called,
// which fails the test if one was lost or has not exactly its one row.
func (h *host) loaded(rate float64) (finish func() load.Report) {
	h.Helper()
	run := load.Start(h.Context(), load.Profile{
		Targets: []load.Target{{Address: h.address(h.name+"-proxy") + ":80"}},
		Rate:    rate,
		Mix: []load.Request{
			{Kind: load.Get, Path: "/", Weight: 3},
			{Kind: load.Post, Path: "/orders", Weight: 1, Padding: 1024},
		},
		Slow:      load.Loop{Path: "/slow?seconds=1", Count: 2},
		Stream:    load.Loop{Path: "/stream?seconds=1&chunks=10", Count: 2},
		WebSocket: load.Sessions{Path: "/ws", Count: 2, Length: time.Second},
	})
	h.until("the load runs", func() error {
		if run.Snapshot().OK() < 20 {
			return errors.New("too few answers yet")
		}
		return nil
	})
	return func() load.Report {
		h.Helper()
		report := run.Stop()
		if err := report.Check(); err != nil {
			h.Errorf("load: %v\n%s", err, report)
		}
		rows, err := os.ReadFile(filepath.Join(h.data, "orders.log"))
		h.must(err)
		if err := report.Ledger(strings.Split(strings.TrimSpace(string(rows)), "\n")).Err(); err != nil {
			h.Error(err)
		}
		return report
	}
}

// ask sends one request on a new connection and says which release answered.
func ask(ctx context.Context, address string, port int, path string) (release string, status int, err error) {
	return askHost(ctx, address, port, "test", path)
}

// askHost is ask with a Host header.
func askHost(ctx context.Context, address string, port int, host, path string) (release string, status int, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	return exchange(conn, bufio.NewReader(conn), host, path)
}

// exchange sends one request on an open connection.
func exchange(conn net.Conn, reader *bufio.Reader, host, path string) (release string, status int, err error) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", 0, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host); err != nil {
		return "", 0, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.Header.Get("X-Release"), response.StatusCode, err
}
