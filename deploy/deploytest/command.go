package deploytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
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
	// PeakMemory is the process's largest resident set, in bytes.
	PeakMemory int64
}

// Command is a mage command on its way.
type Command struct {
	t      testing.TB
	cmd    *exec.Cmd
	output *bytes.Buffer
	began  time.Time
}

// Start starts a mage command in the project.
func (p *Project) Start(args ...string) *Command {
	p.T.Helper()
	c := &Command{t: p.T, output: &bytes.Buffer{}, began: time.Now()}
	c.cmd = exec.CommandContext(context.WithoutCancel(p.T.Context()), Binary(p.T), args...)
	c.cmd.Dir = p.Root
	c.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	c.cmd.Stdout, c.cmd.Stderr = c.output, c.output
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// Signal sends the command a signal.
func (c *Command) Signal(signal os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
}

// Wait waits for the command's end.
func (c *Command) Wait() Result {
	c.t.Helper()
	err := c.cmd.Wait()
	result := Result{Args: c.cmd.Args[1:], Output: c.output.String(), Took: time.Since(c.began), Began: c.began}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		c.t.Fatal(err)
	}
	result.Status = c.cmd.ProcessState.ExitCode()
	if usage, ok := c.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		result.PeakMemory = usage.Maxrss * 1024 // Linux counts in KiB: getrusage(2)
	}
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
