// Package check runs the project's own tests and linters, and installs what
// they need: nothing but Go and a Docker engine has to be there before.
package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The tools, pinned. They are run by `go run`, in modules of their own, since
// their many dependencies are no business of this project's go.mod.
const (
	golangciLint = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"
	gotestsum    = "gotest.tools/gotestsum@v1.13.0"
)

// Options say what is run.
type Options struct {
	Root string
	Out  io.Writer
	// Unit leaves out what needs a Docker engine.
	Unit bool
}

// part is one thing to run.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// Run runs everything, also after a failure, and ends with a line that says
// how it went.
func Run(ctx context.Context, options Options) error {
	c := &checker{Options: options}
	parts := []part{
		{"gofmt", c.gofmt},
		{"go vet", c.vet},
		{"unit tests", c.unit},
	}
	if !options.Unit {
		parts = append(parts,
			part{"golangci-lint", c.lint},
			part{"shellcheck", c.shellcheck},
			part{"integration tests", c.integration},
		)
	}
	began := time.Now()
	var failed []string
	for _, p := range parts {
		fmt.Fprintf(c.Out, "\n== %s\n", p.name)
		start := time.Now()
		err := p.run(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		verdict := "passed"
		if err != nil {
			verdict = "FAILED: " + err.Error()
			failed = append(failed, p.name)
		}
		fmt.Fprintf(c.Out, "== %s %s after %s\n", p.name, verdict, time.Since(start).Round(time.Second))
	}
	fmt.Fprintf(c.Out, "\n%d of %d parts passed after %s\n", len(parts)-len(failed), len(parts), time.Since(began).Round(time.Second))
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

type checker struct{ Options }

func (c *checker) gofmt(ctx context.Context) error {
	var out bytes.Buffer
	command := c.command(ctx, "gofmt", "-l", ".")
	command.Stdout = &out
	if err := command.Run(); err != nil {
		return err
	}
	if out.Len() > 0 {
		return fmt.Errorf("not formatted: %s", strings.Join(strings.Fields(out.String()), ", "))
	}
	return nil
}

func (c *checker) vet(ctx context.Context) error {
	return c.command(ctx, "go", "vet", "-tags", "integration,mage", "./...").Run()
}

func (c *checker) unit(ctx context.Context) error {
	return c.command(ctx, "go", "run", gotestsum, "--format", "pkgname", "--", "-race", "./...").Run()
}

// integration runs what needs an engine, one package at a time: they share it.
func (c *checker) integration(ctx context.Context) error {
	return c.command(ctx, "go", "run", gotestsum, "--format", "testname", "--hide-summary=skipped", "--",
		"-tags", "integration", "-p", "1", "-timeout", "60m",
		"./deploy/engine/...", "./deploy/proxy/...", "./deploy/image/...", "./mage/...").Run()
}

func (c *checker) lint(ctx context.Context) error {
	return c.command(ctx, "go", "run", golangciLint, "run", "--timeout", "20m", "./...").Run()
}

func (c *checker) shellcheck(ctx context.Context) error {
	if err := c.ensure(ctx, "shellcheck"); err != nil {
		return err
	}
	scripts, err := filepath.Glob(filepath.Join(c.Root, "scripts", "*.sh"))
	if err != nil {
		return err
	}
	scripts = append(scripts, filepath.Join(c.Root, ".ci", "run"))
	return c.command(ctx, "shellcheck", scripts...).Run()
}

// ensure installs a Debian package that is missing.
func (c *checker) ensure(ctx context.Context, name string) error {
	if _, err := exec.LookPath(name); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%s is missing: install it, or run this as root on Debian or Ubuntu", name)
	}
	install := c.command(ctx, "apt-get", "install", "-y", "-q", "--no-install-recommends", name)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return errors.Join(c.command(ctx, "apt-get", "update", "-q").Run(), install.Run())
}

// command prepares a command in the project's folder whose output is shown.
// An interrupted one is asked to end before it is killed, so that tests can
// clean up.
func (c *checker) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = c.Root
	command.Stdout, command.Stderr = c.Out, c.Out
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	return command
}

// Bench measures. Each benchmark is one run of its own length, so that one
// iteration is what counts.
func Bench(ctx context.Context, options Options, pattern string) error {
	c := &checker{Options: options}
	return c.command(ctx, "go", "test", "-tags", "integration", "-run", "^$", "-bench", pattern,
		"-benchtime", "1x", "-timeout", "60m", "./mage/...").Run()
}
