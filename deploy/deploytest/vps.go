package deploytest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
)

// VPS is a virtual server: a container with a Docker engine of its own, of
// another version than the machine's. The tests' registry is reachable in it
// under the name that it has outside.
type VPS struct {
	T testing.TB
	// Address is the server's own; what is published in it on 0.0.0.0 is
	// reached here.
	Address string

	name    string
	docker  *client.Client
	network string
	// gateway is where the relay to the tests' registry listens, outside.
	gateway string
}

// VPSOptions say which server is made.
type VPSOptions struct {
	// Memory is what the server has, without swap; 2 GB where 0.
	Memory int64
}

// engineStart is how long the engine in a new server may take to answer.
const engineStart = 90 * time.Second

// NewVPS makes a server and waits for its engine. It is removed with all it
// holds when the test ends.
func NewVPS(t testing.TB, options VPSOptions) *VPS {
	t.Helper()
	docker := Engine(t)
	image := Registry(t) + "/vps:1"
	once(t, "image of a virtual server", func() error {
		Build(t, docker, image, "deploy/deploytest/vps", nil)
		return nil
	})
	v := &VPS{T: t, docker: docker, name: uniqueName()}
	t.Cleanup(func() {
		if t.Failed() {
			v.dump()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Sweep(ctx, docker, v.name); err != nil {
			t.Error(err)
		}
	})
	v.makeNetwork()
	v.start(image, cmp.Or(options.Memory, 2<<30))
	version := v.await("the engine", "docker", "version", "--format", "{{.Server.Version}}").Output
	t.Logf("virtual server %s with engine %s", v.Address, strings.TrimSpace(version))
	v.relayRegistry()
	return v
}

func (v *VPS) labels() map[string]string { return map[string]string{Label: v.name} }

// makeNetwork gives the server a network of its own, so that its gateway is an
// address of the machine that only this server reaches.
func (v *VPS) makeNetwork() {
	v.T.Helper()
	created, err := v.docker.NetworkCreate(v.T.Context(), v.name, network.CreateOptions{Driver: "bridge", Labels: v.labels()})
	if err != nil {
		v.T.Fatalf("make the server's network: %v", err)
	}
	v.network = created.ID
}

// start runs the server's container: privileged, or, where the machine refuses
// that, with all that an engine needs of it.
func (v *VPS) start(image string, memory int64) {
	v.T.Helper()
	var refused error
	for _, privileged := range []bool{true, false} {
		err := v.run(image, v.hostConfig(privileged, memory))
		if err == nil {
			if refused != nil {
				v.T.Logf("a privileged container was refused: %v", refused)
			}
			return
		}
		refused = errors.Join(refused, err)
	}
	v.T.Fatalf("start the server: %v", refused)
}

func (v *VPS) hostConfig(privileged bool, memory int64) *container.HostConfig {
	host := &container.HostConfig{
		Privileged: privileged,
		Resources:  container.Resources{Memory: memory, MemorySwap: memory},
		// An engine's folder cannot lie on another engine's layers, and what is
		// deployed lies on a real file system, as on a server: not each that
		// layers are made with lets a folder hand its group on.
		Mounts: []mount.Mount{v.volume("/var/lib/docker"), v.volume("/opt")},
	}
	if !privileged {
		host.CapAdd, host.CapDrop = []string{"ALL"}, []string{"SYS_RESOURCE"}
		// What the command line sends for systempaths=unconfined.
		host.MaskedPaths, host.ReadonlyPaths = []string{}, []string{}
		host.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
		host.CgroupnsMode = container.CgroupnsModeHost
		host.Binds = []string{"/sys/fs/cgroup:/sys/fs/cgroup:rw"}
	}
	return host
}

// volume is one of the server's own, at that folder.
func (v *VPS) volume(target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: v.name + strings.ReplaceAll(target, "/", "-"), Target: target,
		VolumeOptions: &mount.VolumeOptions{Labels: v.labels()},
	}
}

func (v *VPS) run(image string, host *container.HostConfig) error {
	ctx := v.T.Context()
	config := &container.Config{Image: image, Hostname: "vps", Labels: v.labels()}
	networks := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{v.name: {NetworkID: v.network}}}
	if _, err := v.docker.ContainerCreate(ctx, config, host, networks, nil, v.name); err != nil {
		return err
	}
	if err := v.docker.ContainerStart(ctx, v.name, container.StartOptions{}); err != nil {
		return errors.Join(err, v.docker.ContainerRemove(ctx, v.name, container.RemoveOptions{Force: true}))
	}
	inspected, err := v.docker.ContainerInspect(ctx, v.name)
	if err != nil {
		return err
	}
	v.Address = inspected.NetworkSettings.Networks[v.name].IPAddress
	return nil
}

// KillEngine kills the server's engine, and StartEngine starts one again.
func (v *VPS) KillEngine() {
	v.T.Helper()
	v.MustRunIn("/", "sh", "-c", "touch /run/no-engine && kill -KILL $(pidof dockerd)")
}

// StartEngine starts the engine that KillEngine killed.
func (v *VPS) StartEngine() {
	v.T.Helper()
	v.MustRunIn("/", "rm", "/run/no-engine")
	v.await("the engine", "docker", "version")
}

// await runs a command in the server until it succeeds.
func (v *VPS) await(what string, command ...string) Result {
	v.T.Helper()
	deadline := time.NewTimer(engineStart)
	defer deadline.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		answer := v.Run(command...)
		if answer.Status == 0 {
			return answer
		}
		select {
		case <-look.C:
		case <-deadline.C:
			v.T.Fatalf("%s in the server does not answer: %s", what, answer.Output)
		}
	}
}

// relayRegistry makes the tests' registry, which listens on the machine's
// loopback interface, reachable on the server's: over the gateway of a network
// that nobody else is on.
func (v *VPS) relayRegistry() {
	v.T.Helper()
	address := Registry(v.T)
	inspected, err := v.docker.NetworkInspect(v.T.Context(), v.network, network.InspectOptions{})
	if err != nil {
		v.T.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(inspected.IPAM.Config[0].Gateway, "0"))
	if err != nil {
		v.T.Fatalf("relay the registry to the server: %v", err)
	}
	v.T.Cleanup(func() { _ = listener.Close() })
	go relay(listener, address)
	v.gateway = listener.Addr().String()
	v.JoinRegistry()
}

// JoinRegistry makes the registry reachable in the server.
func (v *VPS) JoinRegistry() {
	v.T.Helper()
	address := Registry(v.T)
	_, port, _ := net.SplitHostPort(address)
	v.Background("socat", "TCP-LISTEN:"+port+",bind=127.0.0.1,fork,reuseaddr", "TCP:"+v.gateway)
	v.await("the registry", "socat", "-u", "/dev/null", "TCP:"+address)
}

// CutRegistry undoes JoinRegistry: who asks the registry is refused.
func (v *VPS) CutRegistry() {
	v.T.Helper()
	v.MustRunIn("/", "sh", "-c", `for p in /proc/[0-9]*; do if [ "$(cat "$p/comm" 2>/dev/null)" = socat ]; then kill "${p#/proc/}"; fi; done`)
	if answer := v.Run("socat", "-u", "/dev/null", "TCP:"+Registry(v.T)); answer.Status == 0 {
		v.T.Fatal("the registry still answers in the server")
	}
}

// relay joins each connection with one of its own to an address.
func relay(listener net.Listener, address string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return // closed
		}
		to, err := net.Dial("tcp", address)
		if err != nil {
			_ = from.Close()
			continue
		}
		join := func(into, out net.Conn) {
			_, _ = io.Copy(into, out)
			_ = into.(*net.TCPConn).CloseWrite()
		}
		go join(from, to)
		go join(to, from)
	}
}

// Run runs a command in the server to its end.
func (v *VPS) Run(command ...string) Result {
	v.T.Helper()
	return v.RunIn("/", command...)
}

// RunIn is Run in a folder of the server.
func (v *VPS) RunIn(folder string, command ...string) Result {
	v.T.Helper()
	ctx := v.T.Context()
	began := time.Now()
	created, err := v.docker.ContainerExecCreate(ctx, v.name, container.ExecOptions{
		Cmd: command, WorkingDir: folder, AttachStdout: true, AttachStderr: true, Env: []string{"NO_COLOR=1"},
	})
	if err != nil {
		v.T.Fatal(err)
	}
	attached, err := v.docker.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		v.T.Fatal(err)
	}
	defer attached.Close()
	var output bytes.Buffer
	if _, err := stdcopy.StdCopy(&output, &output, attached.Reader); err != nil {
		v.T.Fatal(err)
	}
	inspected, err := v.docker.ContainerExecInspect(ctx, created.ID)
	if err != nil {
		v.T.Fatal(err)
	}
	return Result{Args: command, Output: output.String(), Status: inspected.ExitCode, Took: time.Since(began), Began: began}
}

// MustRunIn is RunIn for a command that has to succeed.
func (v *VPS) MustRunIn(folder string, command ...string) Result {
	v.T.Helper()
	result := v.RunIn(folder, command...)
	if result.Status != 0 {
		v.T.Fatalf("%s: exit status %d\n%s", strings.Join(command, " "), result.Status, result.Output)
	}
	return result
}

// Background starts a command in the server and leaves it running.
func (v *VPS) Background(command ...string) {
	v.T.Helper()
	created, err := v.docker.ContainerExecCreate(v.T.Context(), v.name, container.ExecOptions{Cmd: command})
	if err == nil {
		err = v.docker.ContainerExecStart(v.T.Context(), created.ID, container.ExecStartOptions{Detach: true})
	}
	if err != nil {
		v.T.Fatalf("%s: %v", command[0], err)
	}
}

// WriteFile writes a file of the server, owned by root.
func (v *VPS) WriteFile(name, content string, mode os.FileMode) {
	v.T.Helper()
	v.copy(name, strings.NewReader(content), int64(len(content)), mode)
}

// Upload copies a file of this machine to the server.
func (v *VPS) Upload(from, to string, mode os.FileMode) {
	v.T.Helper()
	file, err := os.Open(from)
	if err != nil {
		v.T.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		v.T.Fatal(err)
	}
	v.copy(to, file, info.Size(), mode)
}

// InstallMage uploads the compiled magefile.
func (v *VPS) InstallMage(to string) {
	v.T.Helper()
	v.Upload(Binary(v.T), to, 0o755)
}

func (v *VPS) copy(name string, content io.Reader, size int64, mode os.FileMode) {
	v.T.Helper()
	if made := v.Run("mkdir", "-p", path.Dir(name)); made.Status != 0 {
		v.T.Fatal(made.Output)
	}
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		err := archive.WriteHeader(&tar.Header{Name: path.Base(name), Mode: int64(mode), Size: size, ModTime: time.Now()})
		if err == nil {
			_, err = io.Copy(archive, content)
		}
		writer.CloseWithError(errors.Join(err, archive.Close()))
	}()
	defer reader.Close()
	if err := v.docker.CopyToContainer(v.T.Context(), v.name, path.Dir(name), reader, container.CopyToContainerOptions{}); err != nil {
		v.T.Fatalf("copy %s to the server: %v", name, err)
	}
}

// dump shows, after a failure, what the engine in the server said.
func (v *VPS) dump() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	logs, err := v.docker.ContainerLogs(ctx, v.name, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "30"})
	if err != nil {
		v.T.Log(err)
		return
	}
	defer logs.Close()
	var output bytes.Buffer
	_, _ = stdcopy.StdCopy(&output, &output, logs)
	v.T.Logf("the server's engine:\n%s", output.String())
}

func uniqueName() string {
	return fmt.Sprintf("wdt%d%x", os.Getpid(), time.Now().UnixNano()%0xffffff)
}
