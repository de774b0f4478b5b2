//go:build integration

package mage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// webshopCompose is the sample webshop as an environment of the tests: the
// services of compose/webshop.yml with labels, small settings, and a schedule
// whose long interval can be waited for.
const webshopCompose = `
name: PROJECT
x-deploy:
  directory: deployed
  verify:
    - {url: "http://127.0.0.1:${BACKEND_PORT}/api/health/", host: localhost, interval: 500ms}
    - {url: "http://127.0.0.1:${FRONTEND_PORT}/", interval: 500ms}
  watch: {slowdown: 100} # what else this machine does is not the release's fault
services:
  proxy:
    extends: {file: webshop.yml, service: proxy}
    image: ${REGISTRY}/haproxy:1
    labels: LABELS
  backend:
    extends: {file: webshop.yml, service: backend}
    labels: LABELS
    stop_grace_period: "${GRACE:-40s}"
    deploy: {update_config: {monitor: "${MONITOR:-2s}"}}
    x-deploy:
      health: {budget: "${BUDGET:-150s}"}
      migrations: {framework: django, order: "${ORDER:-auto}", lock_timeout: "${LOCK_TIMEOUT:-3s}", attempts: "${ATTEMPTS:-5}"}
    # The webshop's own limit of 2 s is short where many tests share two cores.
    environment:
      DATABASE_URL: "postgres://webshop:${POSTGRES_PASSWORD}@postgres:5432/webshop?connect_timeout=20"
  frontend:
    extends: {file: webshop.yml, service: frontend}
    labels: LABELS
    deploy: {update_config: {monitor: "${MONITOR:-2s}"}}
  worker:
    extends: {file: webshop.yml, service: worker}
    labels: LABELS
  beat:
    extends: {file: webshop.yml, service: beat}
    labels: LABELS
    environment: {BEAT_LONG_SECONDS: "20"}
  postgres:
    extends: {file: webshop.yml, service: postgres}
    image: ${REGISTRY}/postgres:1
    labels: LABELS
  redis:
    extends: {file: webshop.yml, service: redis}
    image: ${REGISTRY}/redis:1
    labels: LABELS
volumes:
  postgres: {labels: LABELS}
  redis: {labels: LABELS}
  beat: {labels: LABELS}
networks:
  default: {labels: LABELS}
`

// webshop is a project with the sample webshop.
type webshop struct {
	*deploytest.Project
	backend, frontend string
}

// newWebshop builds the versions and deploys the first of them.
func newWebshop(t testing.TB, versions ...deploytest.WebshopVersion) *webshop {
	t.Helper()
	w := builtWebshop(t, versions...)
	w.deploys(versions[0].Name)
	return w
}

// builtWebshop builds the versions and deploys none.
func builtWebshop(t testing.TB, versions ...deploytest.WebshopVersion) *webshop {
	t.Helper()
	w := &webshop{Project: deploytest.NewProject(t)}
	deploytest.ProxyImage(t, w.Docker)
	deploytest.Webshop(t, w.Docker, versions...)
	services, err := os.ReadFile(filepath.Join(deploytest.Root(t), "compose", "webshop.yml"))
	if err != nil {
		t.Fatal(err)
	}
	w.WriteFile("compose/webshop.yml", string(services))
	w.WriteCompose(webshopCompose)
	ports := deploytest.FreePorts(t, 2)
	w.backend, w.frontend = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	w.configure()
	return w
}

// configure writes .env, with further settings.
func (w *webshop) configure(more ...string) {
	w.T.Helper()
	_, backend, _ := strings.Cut(w.backend, ":")
	_, frontend, _ := strings.Cut(w.frontend, ":")
	w.WriteEnv(append([]string{
		"REGISTRY=" + deploytest.Registry(w.T), "BACKEND_PORT=" + backend, "FRONTEND_PORT=" + frontend,
		"POSTGRES_PASSWORD=only-for-tests", "SECRET_KEY=only-for-tests",
	}, more...)...)
}

// deploys rolls a version out, which has to succeed.
func (w *webshop) deploys(version string) deploytest.Result {
	w.T.Helper()
	result := w.MustMage("deploy:here", version, "-env=test")
	w.log(result)
	return result
}

// log notes a command's figures: time, memory, and the report's lines.
func (w *webshop) log(result deploytest.Result) {
	w.T.Helper()
	text := result.Output
	if at := strings.LastIndex(text, " after "); at >= 0 {
		text = text[strings.LastIndex(text[:at], "\n")+1:]
	}
	w.T.Logf("mage %s: exit status %d in %s, peak memory %d MB\n%s", strings.Join(result.Args, " "),
		result.Status, result.Took.Round(time.Millisecond), result.PeakMemory/1e6, text)
}

// traffic is what the webshop is asked: the backend, three orders in ten, the
// frontend, and everything that stays open.
type traffic struct {
	shop              *webshop
	backend, frontend *load.Run
}

// traffic sends 100 requests a second to the backend, which is a whole core of
// a small machine, and 20 to the frontend.
func (w *webshop) traffic() *traffic { w.T.Helper(); return w.load(100, 20) }

// lightTraffic is the same in kind. A load that a slow machine cannot serve
// beside what it boots grows into a queue, and tests the machine.
func (w *webshop) lightTraffic() *traffic { w.T.Helper(); return w.load(25, 10) }

func (w *webshop) load(backend, frontend float64) *traffic {
	w.T.Helper()
	ctx := context.WithoutCancel(w.T.Context())
	t := &traffic{
		shop: w,
		backend: load.Start(ctx, load.Profile{
			Targets: []load.Target{{Address: w.backend, Host: "localhost"}},
			Rate:    backend,
			Mix: []load.Request{
				{Kind: load.Get, Path: "/api/products/", Weight: 7},
				{Kind: load.Post, Path: "/api/orders/", Weight: 3},
			},
			Slow:   load.Loop{Path: "/api/slow/?seconds=5", Count: 3},
			Stream: load.Loop{Path: "/api/stream/?seconds=3&chunks=30", Count: 3},
			Conns:  16, Timeout: 45 * time.Second, Drain: time.Minute,
		}),
		frontend: load.Start(ctx, load.Profile{
			Targets:   []load.Target{{Address: w.frontend, Host: "localhost"}},
			Rate:      frontend,
			Mix:       []load.Request{{Kind: load.Get, Path: "/"}},
			WebSocket: load.Sessions{Path: "/ws", Count: 3, Length: 4 * time.Second, Every: 250 * time.Millisecond},
			Conns:     4, Timeout: 45 * time.Second, Drain: time.Minute,
		}),
	}
	w.T.Cleanup(func() { t.backend.Stop(); t.frontend.Stop() })
	await(w.T, time.Minute, "the load's first orders", func() bool { return t.backend.Snapshot().Of(load.Post).OK >= 10 })
	return t
}

// settle ends the traffic and checks that nothing was lost, that every order
// stands exactly once, and that its task was processed exactly once.
func (t *traffic) settle() {
	t.shop.T.Helper()
	for _, report := range []load.Report{t.backend.Stop(), t.frontend.Stop()} {
		t.shop.T.Logf("%s", report)
		if err := report.Check(); err != nil {
			t.shop.T.Error(err)
		}
	}
	t.settleOrders()
}

func (t *traffic) settleOrders() {
	t.shop.T.Helper()
	report := t.backend.Stop()
	if err := report.Ledger(t.shop.orders(report.Prefix)).Err(); err != nil {
		t.shop.T.Error(err)
	}
	t.shop.processed(report.Prefix+"-", len(report.Accepted))
}

// orders reads the ids of orders; one that was received twice stands twice.
func (w *webshop) orders(prefix string) []string {
	w.T.Helper()
	var rows []string
	for _, line := range w.lines("/api/orders/ids/?prefix=" + prefix) {
		var id string
		var received, processed int
		if _, err := fmt.Sscan(line, &id, &received, &processed); err != nil {
			w.T.Fatalf("orders: %q: %v", line, err)
		}
		for range received {
			rows = append(rows, id)
		}
	}
	return rows
}

// summary is the webshop's own count of orders and their tasks.
type summary struct {
	Total       int `json:"total"`
	Processed   int `json:"processed"`
	Unprocessed int `json:"unprocessed"`
	Twice       int `json:"processed_more_than_once"`
	Received    int `json:"received_more_than_once"`
}

func (w *webshop) summary(prefix string) summary {
	w.T.Helper()
	var s summary
	if err := json.Unmarshal(w.get("/api/orders/summary/?prefix="+prefix), &s); err != nil {
		w.T.Fatal(err)
	}
	return s
}

// processed waits until the tasks of all orders with that prefix have run, and
// checks that there are as many as there must be and that none ran twice.
func (w *webshop) processed(prefix string, count int) {
	w.T.Helper()
	await(w.T, 2*time.Minute, "the tasks of "+prefix, func() bool { return w.summary(prefix).Unprocessed == 0 })
	s := w.summary(prefix)
	w.T.Logf("tasks of %s: %+v", prefix, s)
	if s.Total < count || s.Processed != s.Total || s.Twice != 0 || s.Received != 0 {
		w.T.Errorf("tasks of %s: %+v, want %d, each processed exactly once", prefix, s, count)
	}
}

// get reads a page of the backend.
func (w *webshop) get(path string) []byte {
	w.T.Helper()
	_, content := w.ask(http.MethodGet, path, nil)
	return content
}

func (w *webshop) lines(path string) []string {
	w.T.Helper()
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(w.get(path)))
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// ask asks the backend through the proxy, and says which release answered.
func (w *webshop) ask(method, path string, body any) (release string, content []byte) {
	w.T.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.T.Fatal(err)
	}
	request, err := http.NewRequestWithContext(w.T.Context(), method, "http://"+w.backend+path, bytes.NewReader(encoded))
	if err != nil {
		w.T.Fatal(err)
	}
	request.Host = "localhost"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.T.Fatal(err)
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		w.T.Fatalf("%s %s: %s %v\n%s", method, path, response.Status, err, content)
	}
	return response.Header.Get("X-Release"), content
}

// report reads what the deploy directory keeps of the newest release of a
// version, and where.
func (w *webshop) report(version string) (report deploy.Report, folder string) {
	w.T.Helper()
	found, _ := filepath.Glob(filepath.Join(w.Directory, ".deploy", "releases", "*"+version))
	if len(found) == 0 {
		w.T.Fatalf("no record of %s", version)
	}
	folder = found[len(found)-1]
	content, err := os.ReadFile(filepath.Join(folder, "report.json"))
	if err == nil {
		err = json.Unmarshal(content, &report)
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return report, folder
}

// await waits for a condition, which it looks at often.
func await(t testing.TB, longest time.Duration, what string, met func() bool) {
	t.Helper()
	deadline := time.NewTimer(longest)
	defer deadline.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !met() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, longest)
		}
	}
}
