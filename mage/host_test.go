//go:build integration

package mage_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// hostCompose is the small application on a virtual server. Each replica holds
// as much memory as a real one would.
const hostCompose = `
name: shop
x-deploy:
  directory: deployed
  verify:
    - {url: "http://127.0.0.1:8080/healthz", interval: 500ms}
  watch: {requests: 50, slowdown: 100}
services:
  proxy:
    image: ${REGISTRY}/haproxy:1
    command: [haproxy, -W, -db, -S, "/var/lib/deploy-proxy/master.sock,mode,660", -f, /var/lib/deploy-proxy/haproxy.cfg]
    volumes: ["./.deploy/proxy:/var/lib/deploy-proxy"]
    ports: ["${BIND}:8080:8080"]
    x-deploy: {proxy: true}
  web:
    image: ${REGISTRY}/app:${VERSION}
    expose: ["8080"]
    volumes: ["orders:/data"]
    stop_grace_period: 12s
    deploy:
      replicas: 3
      update_config: {order: start-first, monitor: 2s, parallelism: 1}
    x-deploy:
      route: {port: 8080}
      health: {path: /healthz, budget: 60s}
      drain: 20s
volumes:
  orders: {}
`

// hostFolder is where the project is on the server.
const hostFolder = "/opt/shop"

// host is a virtual server of 2 GB with the small application.
type host struct {
	*deploytest.VPS
	docker   func(reference string, environment ...string)
	registry string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{registry: deploytest.Registry(t)}
	docker := deploytest.Engine(t)
	h.docker = func(reference string, environment ...string) {
		deploytest.AppImage(t, docker, reference, environment...)
		deploytest.Push(t, docker, reference)
	}
	deploytest.ProxyImage(t, docker)
	h.VPS = deploytest.NewVPS(t, deploytest.VPSOptions{Memory: 2 << 30})
	h.WriteFile(hostFolder+"/compose/docker-compose.test.yml", hostCompose, 0o644)
	h.WriteFile(hostFolder+"/deployed/.env", "REGISTRY="+h.registry+"\nBIND=0.0.0.0\n", 0o600)
	h.InstallMage(hostFolder + "/mage")
	return h
}

// release makes and pushes a version of which each replica holds 120 MB.
func (h *host) release(version string) {
	h.T.Helper()
	h.docker(h.registry+"/app:"+version, "APP_RELEASE="+version, "APP_HOG_MEMORY=120m")
}

// mage runs a command on the server, which has to succeed.
func (h *host) mage(args ...string) deploytest.Result {
	h.T.Helper()
	result := h.MustRunIn(hostFolder, append([]string{"./mage"}, args...)...)
	h.T.Logf("mage %s in %s\n%s", strings.Join(args, " "), result.Took.Round(time.Millisecond), result.Output)
	return result
}

// hog takes memory on a server, as another application on it would.
func hog(vps *deploytest.VPS, size string) {
	vps.T.Helper()
	reference := deploytest.Registry(vps.T) + "/app:hog-" + size
	docker := deploytest.Engine(vps.T)
	deploytest.AppImage(vps.T, docker, reference, "APP_RELEASE=hog", "APP_HOG_MEMORY="+size)
	deploytest.Push(vps.T, docker, reference)
	vps.MustRunIn("/", "docker", "run", "--detach", "--name", "hog", reference)
	await(vps.T, time.Minute, "the hog", func() bool {
		return vps.Run("docker", "exec", "hog", "/app", "healthcheck").Status == 0
	})
}

func (h *host) address() string { return net.JoinHostPort(h.Address, "8080") }

func (h *host) traffic() *load.Run {
	run := load.Start(context.WithoutCancel(h.T.Context()), load.Profile{
		Targets:   []load.Target{{Address: h.address()}},
		Rate:      300,
		Mix:       mix,
		Slow:      load.Loop{Path: "/slow?seconds=5", Count: 3},
		Stream:    load.Loop{Path: "/stream?seconds=4&chunks=40", Count: 3},
		WebSocket: load.Sessions{Path: "/ws", Count: 3, Length: 4 * time.Second, Every: 250 * time.Millisecond},
		Conns:     24, Timeout: 45 * time.Second,
	})
	h.T.Cleanup(func() { run.Stop() })
	await(h.T, time.Minute, "the load's first answers", func() bool { return run.Snapshot().OK() > 100 })
	return run
}

// settle checks that nothing was lost and that each order stands once.
func (h *host) settle(run *load.Run) {
	h.T.Helper()
	report := run.Stop()
	h.T.Logf("%s", report)
	if err := report.Check(); err != nil {
		h.T.Error(err)
	}
	orders := h.MustRunIn("/", "sh", "-c", "cat /var/lib/docker/volumes/shop_orders/_data/orders.log")
	var rows []string
	scanner := bufio.NewScanner(strings.NewReader(orders.Output))
	for scanner.Scan() {
		rows = append(rows, scanner.Text())
	}
	if err := report.Ledger(rows).Err(); err != nil {
		h.T.Error(err)
	}
}

var memoryLine = regexp.MustCompile(`memory: (\d+) of (\d+) MB free`)

// memory is what the deploy sees of the server's, in MB.
func (h *host) memory() (free, total int) {
	h.T.Helper()
	result := h.mage("status", "-env=test")
	found := memoryLine.FindStringSubmatch(result.Output)
	if found == nil {
		h.T.Fatalf("no memory in the status:\n%s", result.Output)
	}
	free, _ = strconv.Atoi(found[1])
	total, _ = strconv.Atoi(found[2])
	return free, total
}

// rollsBackAfterPruning does what the runbook does for room on the disk, and
// goes back to a version without the registry.
func (h *host) rollsBackAfterPruning(version string) {
	h.T.Helper()
	pruned := h.MustRunIn("/", "docker", "system", "prune", "-f")
	h.T.Logf("docker system prune -f: %s", pruned.Output)
	h.CutRegistry()
	defer h.JoinRegistry()
	if pull := h.Run("docker", "pull", h.registry+"/app:host-v2"); pull.Status == 0 {
		h.T.Error("the registry can be pulled from: the rollback would show nothing")
	}
	back := h.mage("rollback", version, "-env=test")
	if strings.Contains(back.Output, "pull") {
		h.T.Errorf("something was pulled:\n%s", back.Output)
	}
	if got := h.answers(); got != version {
		h.T.Errorf("%q answers behind the rollback to %s", got, version)
	}
}

// answers gives the release that answers through the proxy.
func (h *host) answers() string {
	h.T.Helper()
	response, err := http.Get("http://" + h.address() + "/")
	if err != nil {
		h.T.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header.Get("X-Release")
}

// TestAHostOfTwoGigabytes deploys on a server with room for old and new at
// once, and, when another application has taken that, one replica at a time,
// without being told.
func TestAHostOfTwoGigabytes(t *testing.T) {
	alongside(t, apps)
	h := newHost(t)
	for number := range 3 {
		h.release(fmt.Sprintf("host-v%d", number))
	}
	h.mage("deploy:here", "host-v0", "-env=test")
	free, total := h.memory()
	if total != 2<<30/1_000_000 {
		t.Fatalf("the deploy sees %d MB in all; the server has 2 GB", total)
	}
	run := h.traffic()

	cutover := h.mage("deploy:here", "host-v1", "-env=test")
	if strings.Contains(cutover.Output, "memory:") || strings.Count(cutover.Output, "✓ switch") != 1 {
		t.Errorf("with %d MB free: want a single cut-over\n%s", free, cutover.Output)
	}

	h.rollsBackAfterPruning("host-v0")

	// What is left is enough for one replica more, and not for three.
	hog(h.VPS, fmt.Sprintf("%dm", (free-350)*1_000_000>>20))
	free, _ = h.memory()
	single := h.mage("deploy:here", "host-v2", "-env=test")
	if !strings.Contains(single.Output, "one service at a time") || !strings.Contains(single.Output, "memory: ") || strings.Count(single.Output, "✓ switch") != 3 {
		t.Errorf("with %d MB free: want one replica at a time, and why\n%s", free, single.Output)
	}
	h.settle(run)
	killed := h.MustRunIn("/", "sh", "-c", "docker ps --all --filter status=exited --quiet; docker inspect --format '{{.Name}} {{.State.OOMKilled}}' $(docker ps --all --quiet) | grep -v false$ || true")
	if strings.TrimSpace(killed.Output) != "" {
		t.Errorf("ended or killed for memory: %s", killed.Output)
	}
	peak := h.Run("sh", "-c", "cat /sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory:\\(.*\\)/\\1/p' /proc/self/cgroup)/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak 2>/dev/null")
	t.Logf("peak of the server's memory, page cache included: %s", strings.TrimSpace(peak.Output))
}
