package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// asApp makes the test binary the application itself, so that its tests send
// real signals to a real process.
const asApp = "APP_TEST_AS_APP"

func TestMain(m *testing.M) {
	if os.Getenv(asApp) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is the application as a child process.
type process struct {
	*exec.Cmd
	t     *testing.T
	base  string // address
	lines *bufio.Reader
	log   strings.Builder
}

var addressOf = regexp.MustCompile(`address=(\S+)`)

func launch(t *testing.T, args []string, env ...string) *process {
	t.Helper()
	p := &process{t: t, Cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.Env = append([]string{asApp + "=1", "APP_RELEASE=v7", "APP_LISTEN=127.0.0.1:0", "APP_STORE=" + t.TempDir()}, env...)
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = p.Stdout
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewReader(out)
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// awaitLog reads the log until a line contains the text.
func (p *process) awaitLog(text string) string {
	p.t.Helper()
	for {
		line, err := p.lines.ReadString('\n')
		p.log.WriteString(line)
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			p.t.Fatalf("no %q in the log:\n%s", text, p.log.String())
		}
	}
}

func serve(t *testing.T, env ...string) *process {
	t.Helper()
	p := launch(t, nil, env...)
	p.base = addressOf.FindStringSubmatch(p.awaitLog("listening"))[1]
	return p
}

// exit waits for the end and returns the status, -1 for a signal's.
func (p *process) exit() int {
	p.t.Helper()
	rest, _ := io.ReadAll(p.lines)
	p.log.Write(rest)
	err := p.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return 0
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) load(profile load.Profile) *load.Run {
	profile.Targets = []load.Target{{Address: p.base}}
	run := load.Start(p.t.Context(), profile)
	p.t.Cleanup(func() { run.Stop() })
	return run
}

func (p *process) await(run *load.Run, want func(load.Report) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	for !want(run.Snapshot()) {
		if !wait(ctx, 5*time.Millisecond) {
			p.t.Fatalf("waited in vain:\n%s", run.Snapshot())
		}
	}
}

func (p *process) get(path string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.base+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(body)
}

func TestEverythingUnderLoadIsServedAndStored(t *testing.T) {
	p := serve(t)
	run := p.load(load.Profile{
		Rate: 400, Conns: 8,
		Mix: []load.Request{
			{Kind: load.Get, Path: "/", Weight: 2}, {Kind: load.Post, Path: "/orders", Want: 201, Padding: 50},
		},
		Slow:      load.Loop{Path: "/slow?seconds=0.2", Count: 2},
		Stream:    load.Loop{Path: "/stream?seconds=0.2&chunks=5", Count: 2},
		WebSocket: load.Sessions{Path: "/ws", Count: 2, Length: 300 * time.Millisecond, Every: 50 * time.Millisecond},
	})
	p.await(run, func(r load.Report) bool { return r.Sent() >= 400 })
	r := run.Stop()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	_, rows := p.get("/orders")
	lines := strings.Split(strings.TrimSpace(rows), "\n")
	if err := r.Ledger(lines).Err(); err != nil {
		t.Error(err)
	}
	if len(lines) != len(r.Accepted) || !strings.HasSuffix(lines[0], " v7") {
		t.Errorf("%d rows for %d orders, the first %q", len(lines), len(r.Accepted), lines[0])
	}
	if len(r.Releases) != 1 || r.Releases[0].Name != "v7" || r.Releases[0].Count != r.Sent() {
		t.Errorf("releases %+v", r.Releases)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log.String())
	}
}

func TestDrainLetsWhatIsOpenFinish(t *testing.T) {
	p := serve(t, "APP_GRACE=20s")
	ctx, endSending := context.WithCancel(t.Context())
	run := load.Start(ctx, load.Profile{
		Targets:   []load.Target{{Address: p.base}},
		Slow:      load.Loop{Path: "/slow?seconds=2", Count: 2},
		Stream:    load.Loop{Path: "/stream?seconds=2&chunks=5", Count: 2},
		WebSocket: load.Sessions{Path: "/ws", Count: 2, Length: 2 * time.Second, Every: 50 * time.Millisecond},
	})
	t.Cleanup(func() { run.Stop() })
	p.await(run, func(r load.Report) bool { return r.Dials >= 6 && r.Of(load.WebSocket).Upgraded >= 2 })
	endSending() // a new request would rightly be refused by a server that drains
	p.await(run, func(r load.Report) bool { return r.EndedBy != "" })
	p.get("/") // connections are accepted in their order: those above are, and wait no more in a queue that closes
	p.signal(syscall.SIGTERM)
	p.awaitLog("draining")
	if open := run.Snapshot(); open.Of(load.Slow).InFlight != 2 || open.Of(load.Stream).InFlight != 2 {
		t.Errorf("nothing was left to drain:\n%s", open)
	}
	if r := run.Stop(); r.Check() != nil {
		t.Errorf("a drain lost:\n%s", r)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log.String())
	}
}

func TestWhatOutlivesTheGraceIsCut(t *testing.T) {
	p := serve(t, "APP_GRACE=100ms")
	run := p.load(load.Profile{
		Slow:      load.Loop{Path: "/slow?seconds=60", Count: 1},
		WebSocket: load.Sessions{Path: "/ws", Count: 1, Length: time.Minute, Every: 20 * time.Millisecond},
		Stream:    load.Loop{Path: "/stream?seconds=0.1&chunks=2", Count: 1},
	})
	p.await(run, func(r load.Report) bool { return r.Of(load.Stream).OK >= 2 })
	p.signal(syscall.SIGTERM)
	p.await(run, func(r load.Report) bool { return r.Of(load.Slow).Cut == 1 && r.Of(load.WebSocket).Cut == 1 })
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if got := run.Stop().Of(load.WebSocket).Reasons; got["closed by the server"] != 1 {
		t.Errorf("the session was not told: %v", got)
	}
}

func TestSIGTERMAsAsked(t *testing.T) {
	p := serve(t, "APP_ON_SIGTERM=die")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 143 || strings.Contains(p.log.String(), "draining") {
		t.Errorf("die: exit %d\n%s", code, p.log.String())
	}
	p = serve(t, "APP_ON_SIGTERM=ignore")
	p.signal(syscall.SIGTERM)
	p.awaitLog("then=ignore")
	if resp, _ := p.get("/"); resp.StatusCode != http.StatusOK {
		t.Errorf("ignore: status %d", resp.StatusCode)
	}
	p = launch(t, nil, "APP_BOOT=1h")
	p.awaitLog("starting")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("booting: exit %d", code)
	}
}

func TestFaultsAreAsAsked(t *testing.T) {
	if p := launch(t, nil, "APP_EXIT_AFTER=50ms"); p.exit() != 3 {
		t.Errorf("crash:\n%s", p.log.String())
	}
	p := serve(t, "APP_FAIL_STATUS=503", "APP_HOG_MEMORY=8m")
	if resp, _ := p.get("/"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("X-Release") != "v7" {
		t.Errorf("fail status: %d, %v", resp.StatusCode, resp.Header)
	}
	if resp, _ := p.get("/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("health while failing: %d", resp.StatusCode)
	}
	p = serve(t, "APP_HEALTH=flap")
	for i, want := range []int{200, 503, 200, 503} {
		if resp, _ := p.get("/healthz"); resp.StatusCode != want {
			t.Errorf("flap %d: status %d", i, resp.StatusCode)
		}
	}
	p = serve(t, "APP_HANG=true", "APP_GRACE=10ms")
	run := p.load(load.Profile{Rate: 20, Conns: 1, Mix: []load.Request{{Path: "/healthz"}}, Timeout: 100 * time.Millisecond})
	p.await(run, func(r load.Report) bool { return r.Of(load.Get).Reasons["timeout"] >= 2 })
	if r := run.Stop(); r.OK() != 0 {
		t.Errorf("hang:\n%s", r)
	}
}

func TestHealthcheckIsItsOwnClient(t *testing.T) {
	for health, want := range map[string]int{"ok": 0, "never": 1} {
		p := serve(t, "APP_HEALTH="+health)
		if code := launch(t, []string{"healthcheck"}, "APP_LISTEN="+p.base).exit(); code != want {
			t.Errorf("%s: exit %d", health, code)
		}
		if code := launch(t, []string{"healthcheck", "http://" + p.base + "/"}).exit(); code != 0 {
			t.Errorf("%s, of /: exit %d", health, code)
		}
	}
	if code := launch(t, []string{"healthcheck"}, "APP_LISTEN=127.0.0.1:1").exit(); code != 1 {
		t.Errorf("nobody listens: exit %d", code)
	}
	if got, err := healthURL(nil, ":8080"); err != nil || got != "http://127.0.0.1:8080/healthz" {
		t.Errorf("url %q, %v", got, err)
	}
}

func TestModesStopAsAsked(t *testing.T) {
	p := launch(t, []string{"worker"}, "APP_WORK_SECONDS=0.1")
	p.awaitLog("heartbeat")
	p.signal(syscall.SIGTERM)
	p.awaitLog("worker stopping")
	p.awaitLog("worker stopped")
	if code := p.exit(); code != 0 {
		t.Errorf("worker: exit %d", code)
	}
	p = launch(t, []string{"scheduler"})
	p.awaitLog("scheduler ready")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("scheduler: exit %d", code)
	}
	if code := launch(t, []string{"dance"}).exit(); code != 2 {
		t.Errorf("unknown mode: exit %d", code)
	}
}
