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
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/github"
)

// The tools, pinned. They are run by `go run`, in modules of their own, since
// their many dependencies are no business of this project's go.mod.
const (
	golangciLint = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"
	gotestsum    = "gotest.tools/gotestsum@v1.13.0"
	actionlint   = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
)

// Options say what is run.
type Options struct {
	Root string
	Out  io.Writer
	// Unit leaves out what needs a Docker engine, and the linters.
	Unit bool
	// Lint runs nothing but the linters.
	Lint bool
	// Webshop runs nothing but the sample webshop's own checks and tests.
	Webshop bool
	// Faults disturbs at every moment in every way, which takes two hours, instead
	// of running the tests.
	Faults bool
}

// part is one thing to run. Its output goes to the checker that it is given.
type part struct {
	name string
	run  func(c *checker, ctx context.Context) error
}

// stages are run one after the other, the parts of one side by side. The
// linters fill the pauses of the unit tests' compiler. Tests that need the
// engine have it to themselves, since some of them measure.
func stages(options Options) [][]part {
	quick := [][]part{{{"gofmt", (*checker).gofmt}}, {{"go vet", (*checker).vet}}}
	unit := part{"unit tests", (*checker).unit}
	linters := []part{
		{"golangci-lint", (*checker).lint}, {"shellcheck", (*checker).shellcheck},
		{"actionlint", (*checker).actionlint}, {"other systems", (*checker).otherSystems},
	}
	switch {
	case options.Faults:
		return [][]part{{{"faults on a host that behaves", (*checker).domainFaults}}, {{"faults on a real engine", (*checker).engineFaults}}}
	case options.Webshop:
		return [][]part{{{"the webshop's own checks and tests", (*checker).webshop}}}
	case options.Lint:
		return [][]part{linters}
	case options.Unit:
		return append(quick, []part{unit})
	}
	return append(quick, append([]part{unit}, linters...),
		[]part{{"integration tests", (*checker).integration}}, []part{{"end-to-end tests", (*checker).endToEnd}})
}

// Run runs everything, also after a failure, and ends with a line that says
// how it went.
func Run(ctx context.Context, options Options) error {
	began := time.Now()
	count, failed := 0, []failedPart(nil)
	for _, stage := range stages(options) {
		count += len(stage)
		failed = append(failed, runStage(ctx, options, stage)...)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	var names []string
	for _, part := range failed {
		names = append(names, part.name)
		if brief := (*testsFailed)(nil); errors.As(part.err, &brief) {
			fmt.Fprintf(options.Out, "\n== %s, in brief\n", part.name)
			brief.write(options.Out)
		}
	}
	fmt.Fprintf(options.Out, "\n%d of %d parts passed after %s\n", count-len(failed), count, time.Since(began).Round(time.Second))
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(names, ", "))
	}
	return nil
}

// failedPart is a part that failed, and how.
type failedPart struct {
	name string
	err  error
}

// runStage runs parts side by side and gives those that failed. What the first
// one says is shown as it comes, what the others say when it is done.
func runStage(ctx context.Context, options Options, stage []part) (failed []failedPart) {
	errs := make([]error, len(stage))
	said := make([]bytes.Buffer, len(stage))
	var others sync.WaitGroup
	run := func(at int, out io.Writer) {
		began := time.Now()
		fmt.Fprintf(out, "\n== %s\n", stage[at].name)
		github.Group(out, stage[at].name)
		errs[at] = stage[at].run(&checker{Options{Root: options.Root, Out: out}}, ctx)
		github.EndGroup(out)
		verdict := "passed"
		if errs[at] != nil {
			verdict = "FAILED: " + errs[at].Error()
		}
		fmt.Fprintf(out, "== %s %s after %s\n", stage[at].name, verdict, time.Since(began).Round(time.Second))
	}
	for at := 1; at < len(stage); at++ {
		others.Go(func() { run(at, &said[at]) })
	}
	run(0, options.Out)
	others.Wait()
	for at, part := range stage {
		_, _ = said[at].WriteTo(options.Out)
		if errs[at] != nil {
			failed = append(failed, failedPart{part.name, errs[at]})
		}
	}
	return failed
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

// unit runs the unit tests with the race detector. Go's own limit of ten minutes
// is too short for a small machine that compiles everything for the first time.
func (c *checker) unit(ctx context.Context) error {
	return c.tests(ctx, "pkgname", "-race", "-timeout", "40m", "./...")
}

// atOnce is how many packages' tests share the engine, and how many parallel
// tests of each: most of what they do is to wait.
const atOnce = "3"

// integration runs the tests of the adapters.
func (c *checker) integration(ctx context.Context) error {
	packages, err := c.tagged(ctx, "./deploy/...", "_integration_test.go")
	if err != nil {
		return err
	}
	return c.withEngine(ctx, atOnce, packages...)
}

// endToEnd runs the tests of the targets, which wait for their turn in lanes of
// their own.
func (c *checker) endToEnd(ctx context.Context) error {
	packages, err := c.tagged(ctx, "./mage/...", "_test.go")
	if err != nil {
		return err
	}
	return c.withEngine(ctx, "16", packages...)
}

// tagged gives the packages that have tests which only the build tag lets in:
// the others' ran as unit tests. Their files have that ending; one that another
// system would take is none of them.
func (c *checker) tagged(ctx context.Context, pattern, ending string) ([]string, error) {
	var listed bytes.Buffer
	list := c.command(ctx, "go", "list", "-f", "{{.ImportPath}} {{join .IgnoredGoFiles \" \"}} ", pattern)
	list.Stdout = &listed
	if err := list.Run(); err != nil {
		return nil, err
	}
	var packages []string
	for line := range strings.Lines(listed.String()) {
		if name, files, _ := strings.Cut(line, " "); strings.Contains(files, ending+" ") {
			packages = append(packages, name)
		}
	}
	return packages, nil
}

func (c *checker) withEngine(ctx context.Context, parallel string, packages ...string) error {
	args := []string{"-tags", "integration", "-p", atOnce, "-parallel", parallel, "-timeout", "75m"}
	return c.tests(ctx, "testname", append(args, packages...)...)
}

// webshop runs the sample webshop's own tests, in its image and beside its
// database.
func (c *checker) webshop(ctx context.Context) error {
	return c.withEngine(ctx, "1", "-run", "^TestTheWebshopsOwnTests$", "./mage")
}

// tests runs `go test`, and says in brief what failed when it is over. The tests
// are no part of a job that runs them: they say themselves where they want one.
func (c *checker) tests(ctx context.Context, format string, args ...string) error {
	folder, err := os.MkdirTemp("", "webshop-deploy-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	events := filepath.Join(folder, "events.json")
	said := append([]string{"run", gotestsum, "--format", format, "--hide-summary=skipped", "--jsonfile", events, "--"}, args...)
	command := c.command(ctx, "go", said...)
	command.Env = github.Without(os.Environ())
	if err := command.Run(); err != nil {
		return briefly(err, events)
	}
	return nil
}

// domainFaults and engineFaults sweep what the tests else take samples of. On
// the engine that is one test at a time: the load of two of them is more than a
// small machine serves, and each kill would wait for the others.
func (c *checker) domainFaults(ctx context.Context) error {
	return c.tests(ctx, "testname", "-timeout", "3h", "./deploy", "-faults")
}

func (c *checker) engineFaults(ctx context.Context) error {
	return c.tests(ctx, "testname", "-tags", "integration", "-parallel", "1", "-timeout", "3h",
		"-run", "Kill|Cut|Engine|Disk|Proxy|Recover|Doctor|Broken|Fail|Rolling|Workflows", "./mage", "-faults")
}

// otherSystems checks that laptops with other systems can build, ship and
// follow. What runs on a host must be Linux. Nothing of it is run, so that the
// compiler need not optimize, which saves a quarter of its time.
func (c *checker) otherSystems(ctx context.Context) error {
	for _, system := range []string{"darwin", "windows"} {
		vet := c.command(ctx, "go", "vet", "-gcflags=all=-N -l", "-tags", "mage", "./...")
		vet.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		if err := vet.Run(); err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	return nil
}

func (c *checker) lint(ctx context.Context) error {
	return c.command(ctx, "go", "run", golangciLint, "run", "--timeout", "20m", "./...").Run()
}

func (c *checker) shellcheck(ctx context.Context) error {
	if err := c.ensure(ctx, "shellcheck"); err != nil {
		return err
	}
	var scripts []string
	for _, pattern := range []string{"scripts/*.sh", ".ci/run", "deploy/deploytest/vps/*-engine"} {
		found, err := filepath.Glob(filepath.Join(c.Root, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		scripts = append(scripts, found...)
	}
	return c.command(ctx, "shellcheck", scripts...).Run()
}

// actionlint looks at the workflows, and with shellcheck at what they run.
func (c *checker) actionlint(ctx context.Context) error {
	workflows, err := filepath.Glob(filepath.Join(c.Root, ".github", "workflows", "*.yml"))
	if err != nil {
		return err
	}
	if err := c.ensure(ctx, "shellcheck"); err != nil {
		return err
	}
	return c.command(ctx, "go", append([]string{"run", actionlint, "-no-color"}, workflows...)...).Run()
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
