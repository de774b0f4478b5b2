//go:build integration

package mage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

func TestOperating(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "REPLICAS=2", "DRAIN=60s")
	a.edit("  watch:", "  maintenance: {message: \"Moving <house>\", retry_after: 5m, admins: [203.0.113.0/24]}\n  watch:")
	for _, version := range []string{"v1", "v2", "v3"} {
		a.release(version)
	}
	a.deploy("v1")
	t.Run("stats", a.stats)
	t.Run("exec", a.exec)
	t.Run("logs through a deploy", a.logs)
	t.Run("maintenance", a.maintenance)
}

// typed is a mage command with streams of its own.
func (a *app) typed(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	command := exec.CommandContext(t.Context(), deploytest.Binary(t), append(args, "-env=test")...)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = a.Root, strings.NewReader(stdin), &out, &errs
	err := command.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// following is a mage command whose lines are read while it runs.
type following struct {
	command *exec.Cmd
	mu      sync.Mutex
	lines   []string
	ended   chan error
}

func (a *app) follow(t *testing.T, args ...string) *following {
	t.Helper()
	f := &following{command: exec.CommandContext(context.WithoutCancel(t.Context()), deploytest.Binary(t), append(args, "-env=test")...), ended: make(chan error, 1)}
	f.command.Dir, f.command.Stderr = a.Root, os.Stderr
	out, err := f.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			f.mu.Lock()
			f.lines = append(f.lines, lines.Text())
			f.mu.Unlock()
		}
		f.ended <- f.command.Wait()
	}()
	return f
}

func (f *following) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

// interrupt ends it as a person does, which is no failure.
func (f *following) interrupt(t *testing.T) {
	t.Helper()
	if err := f.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-f.ended; err != nil {
		t.Errorf("Ctrl-C ended it with %v", err)
	}
}

func (a *app) stats(t *testing.T) {
	run := a.briefTraffic()
	looks := a.follow(t, "stats", "-json", "-interval=500ms")
	a.Await("two looks", func() bool { return len(looks.said()) >= 2 })
	looks.interrupt(t)
	once, _, status := a.typed(t, "", "stats", "-once", "-json")
	if status != 0 || strings.Count(once, "\n") != 1 {
		t.Fatalf("one look ended with %d: %s", status, once)
	}
	for _, line := range append(looks.said(), once) {
		var look session.Look
		if err := json.Unmarshal([]byte(line), &look); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if look.Release != "v1" || !look.ProxyUp || look.Maintenance || look.Seconds < 0.5 || look.HostMemoryBytes == 0 {
			t.Errorf("%s", line)
		}
		at := slices.IndexFunc(look.Services, func(s session.ServiceLook) bool { return s.Service == "web" })
		web := look.Services[at]
		if len(web.Containers) != 2 || web.Traffic.RequestsPerSecond < 1 || web.Traffic.ErrorsPerSecond > 0 || web.Traffic.InFlight == 0 {
			t.Errorf("%s", line)
		}
		for _, c := range web.Containers {
			if c.State != "ready" || !c.Serving || c.Traffic.RequestsPerSecond == 0 || c.CPUPercent <= 0 || c.MemoryBytes == 0 || c.MemoryLimitBytes < c.MemoryBytes {
				t.Errorf("%+v", c)
			}
		}
	}
	table, _, status := a.typed(t, "", "stats") // nobody sits at a terminal
	if status != 0 || !strings.Contains(table, "  web-2 ") || !strings.Contains(table, "ready") || strings.Contains(table, "\x1b") {
		t.Errorf("the table ended with %d:\n%s", status, table)
	}
	for line := range strings.Lines(table) {
		if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	if _, stderr, status := a.typed(t, "", "stats", "-interval=1ms"); status != deploy.ExitUsage || !strings.Contains(stderr, "-interval=1ms; allowed: 500ms or more") {
		t.Errorf("%d: %s", status, stderr)
	}
	t.Logf("\n%s", table)
	a.settle(run)
}

func (a *app) exec(t *testing.T) {
	stdout, stderr, status := a.typed(t, "typed\n", "exec", "web", `/app echo 7 'two words' "it's" back\ slash`)
	lines := strings.Split(stdout, "\n")
	if status != 7 || stderr != "to stderr\n" || len(lines) != 7 || lines[0] != "release v1" ||
		strings.Join(lines[2:], "|") != "two words|it's|back slash|typed|" {
		t.Errorf("%d: %q and %q", status, stdout, stderr)
	}
	seen := map[string]bool{}
	for number := 1; number <= 2; number++ {
		stdout, _, status := a.typed(t, "", "exec", "web", "/app echo 0", "-replica="+strconv.Itoa(number))
		if status != 0 {
			t.Errorf("replica %d: %d", number, status)
		}
		seen[stdout] = true
	}
	if len(seen) != 2 {
		t.Errorf("two replicas said %v", seen)
	}
	for _, wrong := range []struct {
		says   string
		status int
		args   []string
	}{
		{"-replica=3: web v1 has 2 running; allowed: 1 to 2", deploy.ExitUsage, []string{"web", "/app echo 0", "-replica=3"}},
		{"did you mean web?", deploy.ExitUsage, []string{"wep", "/app echo 0"}},
		{"a quote is not closed", deploy.ExitUsage, []string{"web", "/app echo 'marked-secret"}},
		{"the command is empty", deploy.ExitUsage, []string{"web", " "}},
	} {
		_, stderr, status := a.typed(t, "", append([]string{"exec"}, wrong.args...)...)
		if status != wrong.status || !strings.Contains(stderr, wrong.says) || strings.Contains(stderr, "marked-secret") {
			t.Errorf("%q: %d: %s", wrong.args, status, stderr)
		}
	}
	if _, _, status := a.typed(t, "", "exec", "web", "marked-secret", "-shell"); status != 126 && status != 127 { // the image has no shell
		t.Errorf("without a shell: %d", status)
	}
	for _, name := range []string{"journal.jsonl"} {
		if strings.Contains(a.ReadFile("deployed/.deploy/"+name), "marked-secret") {
			t.Errorf("a command stands in %s", name)
		}
	}
}

// logs follows all services while one is rolled, and looks meanwhile that a
// command goes to the release that serves, beside which the old one is warm.
func (a *app) logs(t *testing.T) {
	logs := a.follow(t, "logs", "-f", "-since=1s", "-grep=msg=said")
	said := func(line string) int {
		count := 0
		for _, one := range logs.said() {
			if strings.HasSuffix(one, "line="+line) {
				count++
			}
		}
		return count
	}
	a.Await("the first line", func() bool { a.say("begin"); return said("begin") > 0 })
	held, err := http.Get("http://" + a.address() + "/stream?seconds=300&chunks=3000")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Body.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	counted := make(chan int)
	go func() {
		number := 0
		for ctx.Err() == nil {
			a.say(strconv.Itoa(number))
			number++
		}
		counted <- number
	}()
	deploying := a.Start("deploy:here", "v2", "-env=test")
	deploying.AwaitEvent(deploy.EventDone, deploy.ActionCommit)
	stdout, _, _ := a.typed(t, "", "exec", "web", "/app echo 0")
	warm := 0
	for _, one := range a.Containers(false) {
		if one.Labels["com.docker.compose.service"] == "web" {
			warm++
		}
	}
	if !strings.HasPrefix(stdout, "release v2\n") || warm < 3 {
		t.Errorf("beside %d running containers the command ran in %q", warm, stdout)
	}
	_ = held.Body.Close() // now the old one may go
	if result := deploying.Wait(); result.Status != 0 {
		t.Fatalf("the deploy ended with %d:\n%s", result.Status, result.Output)
	}
	stop()
	number := <-counted
	// Each container's lines come in their order, those of two may pass each other.
	a.Await("the last lines", func() bool {
		return said(strconv.Itoa(number-1)) > 0 && len(logs.said()) >= number
	})
	logs.interrupt(t)
	lines, names, at := map[string]int{}, map[string]bool{}, -1
	for _, one := range logs.said() {
		name, text, found := strings.Cut(one, " | ")
		if !found || !strings.HasPrefix(name, a.Name+"-web-") || at >= 0 && at != len(name) {
			t.Errorf("a line is %q", one)
		}
		at, names[strings.TrimSpace(name)] = len(name), true
		_, line, _ := strings.Cut(text, "line=")
		lines[line]++
	}
	for line := range number {
		if count := lines[strconv.Itoa(line)]; count != 1 {
			t.Errorf("line %d of %d was said %d times", line, number, count)
		}
	}
	t.Logf("%d lines of %d containers", number, len(names))
	if len(names) < 4 {
		t.Errorf("only %v spoke", names)
	}
	if stdout, _, status := a.typed(t, "", "logs", "web", "-tail=1"); status != 0 || strings.Count(stdout, "\n") != 2 {
		t.Errorf("one line of each: %d, %s", status, stdout)
	}
}

// say has the application write one line; a request is never sent twice.
func (a *app) say(line string) {
	request, err := http.NewRequest(http.MethodPost, "http://"+a.address()+"/say?line="+line, nil)
	if err != nil {
		a.T.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusNoContent {
		a.T.Errorf("say %s: %v", line, err)
		return
	}
	_ = response.Body.Close()
}

// visit asks for the front page, as somebody from that address.
func (a *app) visit(from string) (status int, header http.Header, body string, err error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+a.address()+"/", nil)
	if err != nil {
		return 0, nil, "", err
	}
	request.Close = true
	if from != "" {
		request.Header.Set("X-Forwarded-For", from)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(content), err
}

const admin, visitor = "203.0.113.9", "198.51.100.1"

// visits are requests of visitors, one after another, and what came of each.
type visits struct {
	begun, ended time.Time
	status       int
	page         bool
	err          error
}

func (a *app) visiting(t *testing.T) (finish func() []visits) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan []visits)
	go func() {
		var all []visits
		for ctx.Err() == nil {
			v := visits{begun: time.Now()}
			var header http.Header
			var body string
			v.status, header, body, v.err = a.visit(visitor)
			v.ended = time.Now()
			v.page = v.status == http.StatusServiceUnavailable && header.Get("Retry-After") == "300" && strings.Contains(body, "Moving &lt;house&gt;")
			all = append(all, v)
		}
		done <- all
	}()
	return func() []visits {
		stop()
		return <-done
	}
}

func (a *app) maintenance(t *testing.T) {
	finish := a.visiting(t)
	end := a.socket(t)
	a.Await("a visit", func() bool { status, _, _, err := a.visit(""); return err == nil && status == http.StatusOK })
	onFrom := time.Now()
	on := a.MustMage("maintenance", "on", "-env=test")
	onTo := time.Now()
	if !strings.Contains(on.Output, "maintenance is on: visitors get 503 and Retry-After: 300") || !strings.Contains(on.Output, "203.0.113.0/24") {
		t.Errorf("it says\n%s", on.Output)
	}
	a.admits(t, "v2")
	if err := end(); err != nil {
		t.Errorf("the WebSocket: %v", err)
	}
	if status := a.MustMage("status", "-env=test"); !strings.Contains(status.Output, "maintenance is on since ") {
		t.Errorf("the status says\n%s", status.Output)
	}
	deployed := a.deploy("v3")
	if !strings.Contains(deployed.Output, "! maintenance is on since ") || !strings.Contains(deployed.Output, " own requests through the proxy, 0 failed") {
		t.Errorf("the deploy says\n%s", deployed.Output)
	}
	t.Logf("\n%s\n%s", on.Output, deployed.Output)
	a.admits(t, "v3")
	offFrom := time.Now()
	off := a.MustMage("maintenance", "off", "-env=test")
	offTo := time.Now()
	if !strings.Contains(off.Output, "maintenance is off, after ") {
		t.Errorf("it says\n%s", off.Output)
	}
	if status, _, _, err := a.visit(visitor); err != nil || status != http.StatusOK {
		t.Errorf("behind it: %d, %v", status, err)
	}
	within := 0
	for _, v := range finish() {
		switch {
		case v.err != nil || v.status != http.StatusOK && !v.page:
			t.Errorf("a visit ended with %d, %v", v.status, v.err)
		case v.begun.After(onTo) && v.ended.Before(offFrom):
			within++
			if !v.page {
				t.Errorf("a visitor came through %s after it was on", v.begun.Sub(onTo))
			}
		case v.page && (v.ended.Before(onFrom) || v.begun.After(offTo)):
			t.Errorf("a visitor got the page while it was off")
		}
	}
	if within == 0 {
		t.Error("nobody came meanwhile")
	}

	a.MustMage("maintenance", "on", "-message=Moving <house>", "-retry-after=5m", "-allow=203.0.113.9,2001:db8::/32", "-env=test")
	timeout := 5
	if err := a.Docker.ContainerRestart(t.Context(), a.Name+"-proxy-1", container.StopOptions{Timeout: &timeout}); err != nil {
		t.Fatal(err)
	}
	a.Await("the proxy after its restart", func() bool { _, _, _, err := a.visit(admin); return err == nil })
	a.admits(t, "v3")
	a.MustMage("maintenance", "off", "-env=test")
	for _, wrong := range []struct {
		says string
		args []string
	}{
		{`maintenance "sideways"; allowed: on, off`, []string{"sideways"}},
		{`"anna" is no address; allowed: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32`, []string{"on", "-allow=anna"}},
		{"retry after 1ms; allowed: 1s to 168h0m0s", []string{"on", "-retry-after=1ms"}},
	} {
		result := a.Mage(append(append([]string{"maintenance"}, wrong.args...), "-env=test")...)
		if result.Status != deploy.ExitUsage || !strings.Contains(result.Output, wrong.says) {
			t.Errorf("%v: %d\n%s", wrong.args, result.Status, result.Output)
		}
	}
	if status, _, _, err := a.visit(visitor); err != nil || status != http.StatusOK {
		t.Errorf("in the end: %d, %v", status, err)
	}
}

// admits asserts that a maintenance is on, and that an admin sees that release.
func (a *app) admits(t *testing.T, version string) {
	t.Helper()
	for _, from := range []string{visitor, "", admin + ", " + visitor} {
		status, header, body, err := a.visit(from)
		if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") != "300" || !strings.Contains(body, "Moving &lt;house&gt;") {
			t.Errorf("a visitor from %q got %d, %v, %v: %s", from, status, err, header, body)
		}
	}
	if status, header, body, err := a.visit(visitor + ", " + admin); err != nil || status != http.StatusOK || header.Get("X-Release") != version {
		t.Errorf("an admin got %d of %s, %v: %s", status, header.Get("X-Release"), err, body)
	}
}

// socket opens a WebSocket; end sends a message over it, wants it back, and
// closes it.
func (a *app) socket(t *testing.T) (end func() error) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", a.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(3 * time.Minute))
	_, _ = fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("open a WebSocket: %v, %v", response, err)
	}
	return func() error {
		defer conn.Close()
		for _, op := range []frame.Opcode{frame.Text, frame.Close} {
			text := "still open"
			if op == frame.Close {
				text = string([]byte{byte(frame.CloseNormal >> 8), byte(frame.CloseNormal & 0xff)})
			}
			if _, err := conn.Write(frame.Append(nil, op, []byte(text), &[4]byte{1, 2, 3, 4})); err != nil {
				return err
			}
			got, err := frame.Read(reader, make([]byte, 1024), frame.FromServer)
			if err != nil || got.Op != op || string(got.Payload) != text {
				return fmt.Errorf("%q was answered with %q: %w", text, got.Payload, err)
			}
		}
		return nil
	}
}
