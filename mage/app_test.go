//go:build integration

package mage_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// appCompose is the small application behind the proxy. Orders are kept in a
// volume that old and new containers share.
const appCompose = `
name: PROJECT
x-deploy:
  directory: deployed
  verify:
    - {url: "http://127.0.0.1:${WEB_PORT}/healthz", interval: 200ms}
  watch: {requests: 50}
services:
  proxy:
    image: ${PROXY_IMAGE}
    command: [haproxy, -W, -db, -S, "/var/lib/deploy-proxy/master.sock,mode,660", -f, /var/lib/deploy-proxy/haproxy.cfg]
    volumes: ["./.deploy/proxy:/var/lib/deploy-proxy"]
    ports: ["127.0.0.1:${WEB_PORT}:8080"]
    labels: LABELS
    x-deploy: {proxy: true}
  web:
    image: ${REGISTRY}/PROJECT:${VERSION}
    expose: ["8080"]
    volumes: ["orders:/data"]
    environment: {SETTING: "${SETTING:-}"}
    labels: LABELS
    stop_grace_period: ${GRACE:-12s}
    deploy:
      replicas: ${REPLICAS:-1}
      update_config: {order: start-first, monitor: "${MONITOR:-1s}", parallelism: "${PARALLELISM:-0}"}
    x-deploy:
      route: {port: 8080}
      health: {path: /healthz, budget: 20s}
      drain: ${DRAIN:-10s}
volumes:
  orders: {labels: LABELS}
networks:
  default: {labels: LABELS}
`

// app is a project with the small application.
type app struct {
	*deploytest.Project
	port     int
	registry string
	proxy    string
	settings []string
}

func newApp(t testing.TB, settings ...string) *app {
	t.Helper()
	return newAppAt(t, deploytest.Registry(t), settings...)
}

// newAppAt has its releases pushed to that registry.
func newAppAt(t testing.TB, registry string, settings ...string) *app {
	t.Helper()
	project := deploytest.NewProject(t)
	a := &app{Project: project, port: deploytest.FreePorts(t, 1)[0], registry: registry, settings: settings}
	a.proxy = deploytest.ProxyImage(t, project.Docker)
	a.WriteCompose(appCompose)
	a.configure()
	return a
}

// configure writes .env anew, with further settings.
func (a *app) configure(more ...string) {
	variables := append([]string{"REGISTRY=" + a.registry, "PROXY_IMAGE=" + a.proxy, fmt.Sprintf("WEB_PORT=%d", a.port)}, a.settings...)
	a.WriteEnv(append(variables, more...)...)
}

// edit writes the Compose file anew, with each first text replaced by the
// second one; none is the original.
func (a *app) edit(pairs ...string) {
	a.T.Helper()
	content := appCompose
	for at := 0; at < len(pairs); at += 2 {
		if !strings.Contains(content, pairs[at]) {
			a.T.Fatalf("the Compose file has no %q", pairs[at])
		}
		content = strings.Replace(content, pairs[at], pairs[at+1], 1)
	}
	a.WriteCompose(content)
}

// release makes and pushes a version of the application. Its repository is the
// project's own, so that versions of two tests never meet.
func (a *app) release(version string, environment ...string) {
	a.T.Helper()
	deploytest.AppImage(a.T, a.Docker, a.image(version), append([]string{"APP_RELEASE=" + version}, environment...)...)
	deploytest.Push(a.T, a.Docker, a.image(version))
}

func (a *app) image(version string) string { return a.registry + "/" + a.Name + ":" + version }

// deploy deploys a version, which has to go well.
func (a *app) deploy(version string, flags ...string) deploytest.Result {
	a.T.Helper()
	return a.MustMage(append([]string{"deploy:here", version, "-env=test"}, flags...)...)
}

func (a *app) address() string { return fmt.Sprintf("127.0.0.1:%d", a.port) }

// traffic is what the small application is asked while it is rolled:
// 1,000 requests a second, a third of them orders, and everything that stays
// open.
func (a *app) traffic() *load.Run {
	return load.Start(context.WithoutCancel(a.T.Context()), load.Profile{
		Targets:   []load.Target{{Address: a.address()}},
		Rate:      1000,
		Mix:       mix,
		Slow:      load.Loop{Path: "/slow?seconds=5", Count: 5},
		Stream:    load.Loop{Path: "/stream?seconds=4&chunks=40", Count: 5},
		WebSocket: load.Sessions{Path: "/ws", Count: 5, Length: 4 * time.Second, Every: 250 * time.Millisecond},
		Conns:     50,
	})
}

// lightTraffic is the same in kind, for tests of many deploys: what stays open
// is over sooner, so that they drain sooner.
func (a *app) lightTraffic() *load.Run {
	return a.shortTraffic(200, 3, 1500*time.Millisecond, time.Second)
}

// briefTraffic is for tests of very many deploys.
func (a *app) briefTraffic() *load.Run {
	return a.shortTraffic(150, 2, 400*time.Millisecond, 400*time.Millisecond)
}

// shortTraffic keeps count slow requests, streams and WebSockets open, each for
// so long.
func (a *app) shortTraffic(rate float64, count int, slow, open time.Duration) *load.Run {
	return load.Start(context.WithoutCancel(a.T.Context()), load.Profile{
		Targets:   []load.Target{{Address: a.address()}},
		Rate:      rate,
		Mix:       mix,
		Slow:      load.Loop{Path: fmt.Sprintf("/slow?seconds=%g", slow.Seconds()), Count: count},
		Stream:    load.Loop{Path: fmt.Sprintf("/stream?seconds=%g&chunks=%d", open.Seconds(), open/(50*time.Millisecond)), Count: count},
		WebSocket: load.Sessions{Path: "/ws", Count: count, Length: open, Every: 100 * time.Millisecond},
	})
}

var mix = []load.Request{
	{Kind: load.Get, Path: "/", Weight: 7},
	{Kind: load.Post, Path: "/orders", Weight: 3},
}

// settle ends the traffic and checks that nothing was lost and that every
// order stands exactly once.
func (a *app) settle(run *load.Run, permitted ...load.Window) load.Report {
	a.T.Helper()
	report := run.Stop()
	if err := report.Check(permitted...); err != nil {
		a.T.Errorf("%v\n%s", err, report)
	}
	if err := report.Ledger(a.orders(report.Prefix)).Err(); err != nil {
		a.T.Error(err)
	}
	return report
}

// orders reads the ids of the application's orders with that prefix.
func (a *app) orders(prefix string) []string {
	a.T.Helper()
	response, err := http.Get("http://" + a.address() + "/orders")
	if err != nil {
		a.T.Fatal(err)
	}
	defer response.Body.Close()
	var ids []string
	scanner := bufio.NewScanner(response.Body)
	for scanner.Scan() {
		if id, _, _ := strings.Cut(scanner.Text(), " "); strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	if err := scanner.Err(); err != nil {
		a.T.Fatal(err)
	}
	return ids
}

func TestRollingDeploysLoseNothing(t *testing.T) {
	for _, ending := range []string{"drain", "die", "ignore"} {
		t.Run("the application "+ending+"s on SIGTERM", func(t *testing.T) {
			a := newApp(t, "GRACE=3s")
			rollouts := 5
			if ending != "drain" && !*everything {
				rollouts = 2
			}
			prefix := ending + "-v"
			a.release(prefix+"0", "APP_ON_SIGTERM="+ending)
			a.MustMage("deploy:here", prefix+"0", "-env=test")
			run := a.traffic()
			for number := range rollouts {
				version := fmt.Sprintf("%s%d", prefix, number+1)
				a.release(version, "APP_ON_SIGTERM="+ending)
				result := a.MustMage("deploy:here", version, "-env=test")
				t.Logf("%s in %s, peak memory %d MB\n%s", version, result.Took.Round(time.Millisecond), result.PeakMemory/1e6, result.Output)
			}
			report := a.settle(run)
			t.Logf("%s", report)
		})
	}
}
