// Package demo tells the whole story on this machine's own engine: build,
// push, first deploy, a deploy under load, a broken release, a rollback.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Environment is the demonstration's: compose/docker-compose.demo.yml.
const Environment = "demo"

// The story's releases. The broken one needs a variable that nobody sets, as
// it happens: it ends at its start and never gets a request.
const (
	first  = "v1.0.0"
	second = "v1.1.0"
	broken = "v1.2.0"
)

// Options say how the demonstration runs.
type Options struct {
	Root string
	// Yes answers the question whether to install what is missing.
	Yes bool
	In  *os.File
	Out io.Writer
	// Plain prints BuildKit's progress as lines.
	Plain bool
}

// demo is one run.
type demo struct {
	Options
	settings settings
	session  *session.Session
	printer  *show.Printer
	registry *image.Registry
	rows     []row
}

// Run tells the story and leaves the webshop running. It returns an error when
// a step did not end as it must, or when one request was lost.
func Run(ctx context.Context, options Options) error {
	d := &demo{Options: options}
	began := time.Now()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	defer d.close()
	err := d.tell(ctx)
	if ctx.Err() != nil {
		return d.interrupted(context.WithoutCancel(ctx))
	}
	if len(d.rows) > 0 {
		d.printTable(time.Since(began))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "\nThe webshop runs %s:\n  %s  the shop\n  %s  its health\n", first, d.address("FRONTEND_PORT", "3000", "/"), d.address("BACKEND_PORT", "8000", "/api/health/"))
	fmt.Fprintln(d.Out, "Look with `go tool mage status -env=demo`; `go tool mage demo -down` removes every trace.")
	return nil
}

// prepare finds or makes everything that the story needs.
func (d *demo) prepare(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(d.Root, "compose", "docker-compose.demo.yml")); err != nil {
		return &deploy.Failure{Status: deploy.ExitUsage, Err: errors.New("the demonstration runs in a clone of the project: compose/docker-compose.demo.yml is not here")}
	}
	if err := d.ensureEngine(ctx); err != nil {
		return err
	}
	if err := d.ensureBase(ctx); err != nil {
		return err
	}
	var err error
	if d.settings, err = readSettings(d.Root); err != nil {
		return err
	}
	if err := d.settings.write(); err != nil {
		return err
	}
	d.printer = show.NewPrinter(d.Out)
	d.session, err = session.Open(ctx, session.Options{Env: Environment, Root: d.Root, Create: true, Emit: d.printer.Event})
	if err != nil {
		d.printer.Close()
		return err
	}
	if err := d.session.Lock(ctx, "demo"); err != nil {
		d.close()
		return err
	}
	d.session.Ended(nil, nil) // its steps are told one by one
	d.registry, err = image.StartRegistry(ctx, image.RegistryOptions{Address: d.settings.registry, Directory: filepath.Join(d.settings.directory, "registry")})
	if err != nil {
		d.close()
		return err
	}
	return nil
}

func (d *demo) close() {
	d.printer.Close()
	var errs []error
	if d.registry != nil {
		errs = append(errs, d.registry.Close())
	}
	if err := errors.Join(append(errs, d.session.Close())...); err != nil {
		fmt.Fprintf(d.Out, "closing: %v\n", err)
	}
}

// tell runs the steps of the story, each of which adds a row to the table.
func (d *demo) tell(ctx context.Context) error {
	if err := d.build(ctx); err != nil {
		return err
	}
	if err := d.step(ctx, "deploy "+first, d.deploy(first), deploy.OutcomeDeployed, deploy.OutcomeUnchanged); err != nil {
		return err
	}
	traffic := d.startTraffic(ctx)
	defer traffic.stop()
	err := errors.Join(
		d.stepUnder(ctx, traffic, "deploy "+second, d.deploy(second), deploy.OutcomeDeployed),
		d.stepUnder(ctx, traffic, "deploy "+broken+", which is broken", d.deploy(broken), deploy.OutcomeUntouched),
		d.stepUnder(ctx, traffic, "rollback "+first, d.rollback(first), deploy.OutcomeDeployed),
	)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, d.settle(ctx, traffic))
}

// interrupted says what Ctrl-C has left: a webshop that serves, or nothing.
func (d *demo) interrupted(ctx context.Context) error {
	serving, err := d.session.Host.Serving(ctx)
	if err != nil {
		return err
	}
	failure := &deploy.Failure{Status: deploy.ExitInterrupted}
	if serving != nil {
		failure.Err = fmt.Errorf("interrupted: the webshop serves %s", serving)
		failure.Hint = "`go tool mage demo` goes on from there; `go tool mage demo -down` removes it."
		return failure
	}
	if err := d.session.Engine.Down(ctx, d.settings.project); err != nil {
		return err
	}
	failure.Err = errors.New("interrupted before anything served: nothing is left running")
	failure.Hint = "What was built stays for the next `go tool mage demo`; `go tool mage demo -down` removes it."
	return failure
}
