package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/build"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// build builds all releases at once and pushes them.
func (d *demo) build(ctx context.Context) error {
	began := time.Now()
	d.printer.Say("building %s, %s and %s", first, second, broken)
	changed := []string{"backend", "frontend"}
	maker := &build.Maker{
		Name: d.session.Name, File: d.session.File, Model: d.session.Model, Variables: d.session.Host.Variables,
		Docker: d.session.Engine.Docker(), Display: build.Display{Out: d.Out, Plain: d.Plain},
	}
	images, err := maker.Build(ctx,
		build.Version{Name: first},
		build.Version{Name: second, Services: changed},
		build.Version{Name: broken, Services: changed, Arguments: map[string]string{"BREAK": "missing-env"}},
	)
	if err != nil {
		return err
	}
	built := time.Since(began)
	if _, err := maker.Push(ctx, images); err != nil {
		return err
	}
	d.rows = append(d.rows,
		row{step: fmt.Sprintf("build %d images", len(images)), took: built},
		row{step: "push", took: time.Since(began) - built})
	return nil
}

// action brings the demonstration to a release.
type action func(ctx context.Context) (*deploy.Report, error)

func (d *demo) deploy(version string) action {
	return func(ctx context.Context) (*deploy.Report, error) {
		release, err := d.session.Release(ctx, version, nil)
		if err != nil {
			return &deploy.Report{}, err
		}
		return d.session.Host.Rollout(ctx, release, deploy.Options{AcceptDowntime: version == first})
	}
}

func (d *demo) rollback(version string) action {
	return func(ctx context.Context) (*deploy.Report, error) {
		release, err := d.session.Recorded(ctx, version)
		if err != nil {
			return &deploy.Report{}, err
		}
		return d.session.Host.Rollout(ctx, release, deploy.Options{Rollback: true})
	}
}

// step runs an action and fails unless it ends in one of the outcomes.
func (d *demo) step(ctx context.Context, name string, act action, want ...deploy.Outcome) error {
	fmt.Fprintf(d.Out, "\n== %s\n", name)
	report, err := act(ctx)
	d.rows = append(d.rows, row{step: name, took: report.Elapsed, report: report})
	if report.Outcome != "" {
		show.Report(d.Out, report)
	}
	if slices.Contains(want, report.Outcome) {
		if err != nil {
			fmt.Fprintf(d.Out, "as it must, it failed: %v\n", err)
		}
		return nil
	}
	return errors.Join(fmt.Errorf("%s ended as %q instead of %q", name, report.Outcome, want[0]), err)
}

// stepUnder is step with the load's figures for just that step.
func (d *demo) stepUnder(ctx context.Context, traffic *traffic, name string, act action, want deploy.Outcome) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	before := traffic.figures()
	err := d.step(ctx, name, act, want)
	last := &d.rows[len(d.rows)-1]
	last.load = traffic.figures().since(before)
	return err
}
