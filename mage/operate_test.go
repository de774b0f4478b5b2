//go:build integration

package mage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
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
