package deploytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Binary compiles the magefile, as it is shipped to a host, once for all tests
// of a process, and gives its path.
func Binary(t testing.TB) string {
	t.Helper()
	path := binaryPath()
	once(t, "compile the magefile", func() error {
		build := exec.Command("go", "tool", "mage", "-compile", path, "-ldflags", "-s -w")
		build.Dir = Root(t)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})
	return path
}

func binaryPath() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("deploytest-mage-%d", os.Getpid()))
}

// Result is how a command ended.
type Result struct {
	Args   []string
	Output string
	Status int
	Took   time.Duration
	Began  time.Time
	// PeakMemory is the most that the command's processes took together, in bytes.
	PeakMemory int64
}

// Command is a mage command on its way.
type Command struct {
	project *Project
	t       testing.TB
	cmd     *exec.Cmd
	output  *bytes.Buffer
	began   time.Time
	took    time.Duration
	failed  error
	peak    int64
	done    chan struct{}
}

// Start starts a mage command in the project.
func (p *Project) Start(args ...string) *Command {
	p.T.Helper()
	c := p.command(Binary(p.T), args...)
	c.cmd.Stdout, c.cmd.Stderr = c.output, c.output
	return c.start()
}

func (p *Project) command(program string, args ...string) *Command {
	c := &Command{project: p, t: p.T, output: &bytes.Buffer{}, done: make(chan struct{})}
	c.cmd = exec.CommandContext(context.WithoutCancel(p.T.Context()), program, args...)
	c.cmd.Dir = p.Root
	c.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return c
}

func (c *Command) start() *Command {
	c.t.Helper()
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		peak := make(chan int64, 1)
		go func() { peak <- peakMemory(c.cmd.Process.Pid) }()
		c.failed = c.cmd.Wait()
		c.took = time.Since(c.began)
		c.peak = <-peak
	}()
	c.t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it has ended where all went well
		<-c.done
	})
	return c
}

// peakMemory follows what a process and its workers take until the process is
// gone, and gives the most. Pages of the binary, which they all run, are counted
// once: the host has them once. What wait4 says cannot be used: it counts the
// test's own memory too, which the process shared until its exec.
func peakMemory(pid int) int64 {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var peak int64
	for range ticker.C {
		own, shared := resident(pid)
		if own == 0 {
			return peak
		}
		for _, child := range children(pid) {
			anonymous, file := resident(child)
			own, shared = own+anonymous, max(shared, file)
		}
		peak = max(peak, own+shared)
	}
	return peak
}

// resident is what of a process is in memory now, its own and of files, in
// bytes; 0 where it is gone or a zombie.
func resident(pid int) (anonymous, file int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // nothing where it is gone
	kilobytes := func(key string) (count int64) {
		_, rest, _ := strings.Cut(string(status), key)
		_, _ = fmt.Sscan(rest, &count) // 0 where it is not there
		return count
	}
	return kilobytes("RssAnon:") * 1024, kilobytes("RssFile:") * 1024
}

// Signal sends the command a signal.
func (c *Command) Signal(signal os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
}

// PID is the command's process.
func (c *Command) PID() int { return c.cmd.Process.Pid }

// Children are the processes that the command has started and that live.
func (c *Command) Children() []int { return children(c.PID()) }

func children(pid int) []int {
	var pids []int
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // none where it has ended
	for _, thread := range threads {
		content, _ := os.ReadFile(thread)
		for _, word := range strings.Fields(string(content)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Ended says whether the command is over.
func (c *Command) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// AwaitEvent waits until the journal says that the command did this. One that
// ends without it fails the test.
func (c *Command) AwaitEvent(kind deploy.EventKind, action deploy.Action) deploy.Event {
	c.t.Helper()
	return c.awaitJournal(fmt.Sprintf("%s of %s", kind, action), func(event deploy.Event) bool {
		return event.Kind == kind && (event.Step == nil || event.Step.Action == action)
	})
}

// AwaitNote waits until the journal has a note with that text, which may be a
// line of a migration's output.
func (c *Command) AwaitNote(text string) deploy.Event {
	c.t.Helper()
	return c.awaitJournal(fmt.Sprintf("a note of %q", text), func(event deploy.Event) bool {
		return event.Kind == deploy.EventNote && strings.Contains(event.Text, text)
	})
}

func (c *Command) awaitJournal(what string, wanted func(deploy.Event) bool) deploy.Event {
	c.t.Helper()
	var found deploy.Event
	c.project.Await(what, func() bool {
		ended := c.Ended() // before the look, so that its last words count
		events, err := (&deploy.Store{Directory: c.project.Directory}).Events()
		if err != nil {
			c.t.Fatal(err)
		}
		for _, event := range events {
			if !event.At.Before(c.began) && wanted(event) {
				found = event
				return true
			}
		}
		if ended {
			c.t.Fatalf("the command ended without %s:\n%s", what, c.output)
		}
		return false
	})
	return found
}

// Wait waits for the command's end.
func (c *Command) Wait() Result {
	c.t.Helper()
	<-c.done
	result := Result{Args: c.cmd.Args[1:], Output: c.output.String(), Took: c.took, Began: c.began}
	if _, ok := errors.AsType[*exec.ExitError](c.failed); c.failed != nil && !ok {
		c.t.Fatal(c.failed)
	}
	result.Status = c.cmd.ProcessState.ExitCode()
	result.PeakMemory = c.peak
	return result
}

// Mage runs a command to its end.
func (p *Project) Mage(args ...string) Result {
	p.T.Helper()
	return p.Start(args...).Wait()
}

// MustMage runs a command that has to succeed.
func (p *Project) MustMage(args ...string) Result {
	p.T.Helper()
	result := p.Mage(args...)
	if result.Status != 0 {
		p.T.Fatalf("mage %s: exit status %d\n%s", strings.Join(args, " "), result.Status, result.Output)
	}
	return result
}

// Exec runs a command in a container and gives what it prints.
func (p *Project) Exec(container string, command ...string) string {
	p.T.Helper()
	output, err := exec.CommandContext(p.T.Context(), "docker", append([]string{"exec", container}, command...)...).CombinedOutput()
	if err != nil {
		p.T.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
	}
	return string(output)
}

// Containers gives the names of the project's containers, sorted by name, as
// the engine lists them; running ones only, or all.
func (p *Project) Containers(all bool) []container.Summary {
	p.T.Helper()
	list, err := p.Docker.ContainerList(p.T.Context(), container.ListOptions{
		All: all, Filters: filters.NewArgs(filters.Arg("label", "com.docker.compose.project="+p.Name)),
	})
	if err != nil {
		p.T.Fatal(err)
	}
	return list
}

// dump shows, after a failure, what was there.
func (p *Project) dump() {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	list, err := p.Docker.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", "com.docker.compose.project="+p.Name)),
	})
	if err != nil {
		p.T.Log(err)
		return
	}
	for _, one := range list {
		p.T.Logf("%s: %s, %s", one.Names[0], one.State, one.Status)
		output, _ := exec.CommandContext(ctx, "docker", "logs", "--tail", "30", one.ID).CombinedOutput()
		p.T.Logf("%s", output)
	}
	journal, _ := os.ReadFile(filepath.Join(p.Directory, ".deploy", "journal.jsonl"))
	p.T.Logf("journal:\n%s", journal)
}
