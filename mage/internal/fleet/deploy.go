package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/build"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// BuilderVariable names a BuildKit elsewhere, as buildctl does.
const BuilderVariable = "BUILDKIT_HOST"

// Deploy is a version on its way to the hosts.
type Deploy struct {
	// What names the command to whoever finds the deploy lock taken.
	What    string
	Version string
	// Tree is the source that is built.
	Tree *source.Tree
	// From are tags that an image which was built from the same may be
	// promoted from.
	From []string
	// Waivers are what of the checklist was let pass.
	Waivers        []deploy.Waiver
	AcceptDowntime bool
	Overlap        deploy.Overlap
	Wait           time.Duration
	Display        build.Display
}

// Deploy builds, pushes, ships and rolls out, in this order, after everything
// was looked at that could be in the way.
func (f *Fleet) Deploy(ctx context.Context, d Deploy) error {
	if !f.Remote() {
		return f.NoHosts()
	}
	f.section("Look at this machine and the hosts")
	maker := f.Maker(d.Tree, d.Display)
	defer maker.Close()
	var here []deploy.Finding
	var group sync.WaitGroup
	group.Go(func() { here = maker.look(ctx, d.Version) })
	err := f.reach(ctx)
	group.Wait()
	if err != nil {
		return err
	}
	if err := f.Check(ctx, here, d.accepted()...); err != nil {
		return err
	}
	if maker.Platform, err = f.Platform(); err != nil {
		return err
	}
	f.section("Build and push " + d.Version)
	published, err := maker.Publish(ctx, build.PublishOptions{Version: d.Version, From: d.From})
	if err != nil {
		return err
	}
	background, err := f.background(ctx, d)
	if err != nil {
		return err
	}
	rollout := agent.Rollout{
		What: d.What, Version: d.Version, Background: background, AcceptDowntime: d.AcceptDowntime, Overlap: d.Overlap, Wait: d.Wait,
	}
	recording := f.record(ctx, rollout, d.Tree.Remote, d.Tree.Commit)
	err = f.rollOutSignedIn(ctx, rollout)
	recording.end(ctx, err)
	if err != nil {
		return err
	}
	f.section("Move the tags")
	return maker.Move(ctx, published, f.Settings.Tags)
}

// background says what is deployed, with the commits since what the first host
// serves: an environment's hosts serve the same.
func (f *Fleet) background(ctx context.Context, d Deploy) (*deploy.Background, error) {
	standing, err := f.Hosts[0].Stand(ctx)
	if err != nil {
		return nil, err
	}
	since := ""
	if now := standing.Now(); now != nil {
		since = now.Release.Commit()
	}
	background, err := d.Tree.Background(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("list the commits since what %s serves: %w", f.Name, err)
	}
	background.Waivers = d.Waivers
	return background, nil
}

// accepted names the findings that the command's flags answer.
func (d Deploy) accepted() []string {
	var names []string
	if d.Wait > 0 {
		names = append(names, deploy.FindingLock)
	}
	if d.AcceptDowntime {
		names = append(names, deploy.FindingWayBack)
	}
	return names
}

// reach connects to the hosts and sends them what differs there.
func (f *Fleet) reach(ctx context.Context) error {
	if err := f.Dial(ctx); err != nil {
		return err
	}
	return f.ship(ctx)
}

// reachOnly is reach for commands that leave the configuration as it is.
func (f *Fleet) reachOnly(ctx context.Context) error {
	if err := f.Dial(ctx); err != nil {
		return err
	}
	return f.send(ctx, nil)
}

// Rollout ships the configuration and has all hosts roll out a version that
// exists already, in order.
func (f *Fleet) Rollout(ctx context.Context, rollout agent.Rollout) error {
	if err := f.reach(ctx); err != nil {
		return err
	}
	return f.rollOutRecorded(ctx, rollout)
}

// Return has all hosts return to a version that served before. The
// configuration that was shipped last stays: the release's own is in its
// record.
func (f *Fleet) Return(ctx context.Context, rollout agent.Rollout) error {
	if err := f.reachOnly(ctx); err != nil {
		return err
	}
	return f.rollOutRecorded(ctx, rollout)
}

// rollOutRecorded rolls out a version that the hosts know.
func (f *Fleet) rollOutRecorded(ctx context.Context, rollout agent.Rollout) error {
	recording := f.recordKnown(ctx, rollout)
	err := f.rollOutSignedIn(ctx, rollout)
	recording.end(ctx, err)
	return err
}

// Repair has all hosts recover from what an interrupted command left there,
// which needs no registry.
func (f *Fleet) Repair(ctx context.Context, rollout agent.Rollout) error {
	if err := f.reachOnly(ctx); err != nil {
		return err
	}
	return f.rollOut(ctx, rollout, nil)
}

// Follow follows the newest rollout of each host.
func (f *Fleet) Follow(ctx context.Context) error {
	if err := f.Dial(ctx); err != nil {
		return err
	}
	var errs []error
	for _, host := range f.Hosts {
		_, err := f.shown(host.Follow(ctx))
		errs = append(errs, err)
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// Stream runs a command of this magefile on every host, as if it were typed
// there.
func (f *Fleet) Stream(ctx context.Context, args ...string) error {
	if err := f.Dial(ctx); err != nil {
		return err
	}
	for _, host := range f.Hosts {
		if len(f.Hosts) > 1 {
			f.say("== %s", host.Address)
		}
		if err := host.stream(ctx, os.Stdout, os.Stderr, args...); err != nil {
			return err
		}
	}
	return nil
}

// rollOutSignedIn is rollOut with the logins that the version's images need.
func (f *Fleet) rollOutSignedIn(ctx context.Context, rollout agent.Rollout) error {
	all, _ := f.Model.Images(rollout.Version, f.Variables)
	logins, err := (&image.Registries{}).Collect(ctx, all)
	if err != nil {
		return err
	}
	return f.rollOut(ctx, rollout, logins)
}

// shown shows what came of a rollout, and gives it as the rollout itself would
// have ended.
func (f *Fleet) shown(result *deploy.Result, err error) (*deploy.Report, error) {
	if err != nil {
		return nil, err
	}
	if result.Report != nil && f.report != nil {
		f.report(result.Report)
	}
	return result.Report, result.Err()
}

// rollOut takes one host after the other and stops at the first that fails.
// Those that are done go back, so that all of them serve the same.
func (f *Fleet) rollOut(ctx context.Context, rollout agent.Rollout, logins map[string]deploy.Login) error {
	type step struct {
		host   *Host
		report *deploy.Report
	}
	var done []step
	for _, host := range f.Hosts {
		f.section(fmt.Sprintf("%s on %s", rollout.What, host.Address))
		if len(f.Hosts) > 1 {
			f.say("== %s", host.Address)
		}
		report, err := f.shown(host.Rollout(ctx, rollout, logins))
		if err == nil {
			done = append(done, step{host, report})
			continue
		}
		if len(f.Hosts) == 1 {
			return err
		}
		text := fmt.Sprintf("%s failed", host.Address)
		slices.Reverse(done)
		for _, one := range done {
			text += "\n" + one.host.goBackTo(context.WithoutCancel(ctx), one.report, logins)
		}
		return f.stopped(err, text, len(done) > 0)
	}
	return nil
}

// goBackTo returns a host to what it served before this command, and says how
// that went.
func (h *Host) goBackTo(ctx context.Context, report *deploy.Report, logins map[string]deploy.Login) string {
	if report == nil || report.Outcome != deploy.OutcomeDeployed || report.From == "" || report.From == report.To {
		return h.Address + " was left as it is"
	}
	h.fleet.say("== %s goes back to %s", h.Address, report.From)
	result, err := h.Rollout(ctx, agent.Rollout{What: "rollback " + report.From, Version: report.From, Rollback: true}, logins)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return fmt.Sprintf("%s could not go back to %s: %v", h.Address, report.From, err)
	}
	return fmt.Sprintf("%s serves %s again", h.Address, report.From)
}

// stopped keeps the exit status of what failed, but where others had to go
// back: then that is what happened.
func (f *Fleet) stopped(err error, text string, wentBack bool) error {
	failure := &deploy.Failure{Status: deploy.ExitFailed, Err: fmt.Errorf("%s: %w", text, err)}
	if inner, ok := errors.AsType[*deploy.Failure](err); ok {
		failure.Status, failure.Hint = inner.ExitStatus(), inner.Hint
	}
	if wentBack && failure.Status == deploy.ExitFailed {
		failure.Status = deploy.ExitRolledBack
	}
	return failure
}

// Platform is what the hosts' images are for.
func (f *Fleet) Platform() (string, error) {
	platform := ""
	for _, host := range f.Hosts {
		if platform != "" && platform != host.looked.Platform {
			return "", usage("the hosts of %s have different platforms, %s and %s: list both under build.platforms in %s", f.Name, platform, host.looked.Platform, f.File)
		}
		platform = host.looked.Platform
	}
	return platform, nil
}

// Maker makes the environment's images on this machine.
type Maker struct {
	*build.Maker
	fleet  *Fleet
	engine *engine.Engine
	// failed says why there is no engine.
	failed error
}

// Maker opens what builds images here: the engine, and its BuildKit or the one
// that BUILDKIT_HOST names.
func (f *Fleet) Maker(tree *source.Tree, display build.Display) *Maker {
	return &Maker{fleet: f, Maker: &build.Maker{
		Name: f.Name, File: f.File, Model: f.Model, Variables: f.Variables, Tree: tree,
		Address: os.Getenv(BuilderVariable), Display: display, Say: f.say,
	}}
}

// Open connects to the engine, where there is no builder elsewhere.
func (m *Maker) Open(ctx context.Context) error {
	if m.Address != "" || m.engine != nil {
		return m.failed
	}
	if m.engine, m.failed = engine.Open(ctx, engine.Options{}); m.failed == nil {
		m.Docker = m.engine.Docker()
	}
	return m.failed
}

// Close frees the connection.
func (m *Maker) Close() {
	if m.engine != nil {
		_ = m.engine.Close() // nothing is left to be said over it
	}
}

// look finds what is in the way of building and pushing here.
func (m *Maker) look(ctx context.Context, version string) []deploy.Finding {
	var findings []deploy.Finding
	if err := m.Open(ctx); err != nil {
		findings = append(findings, failedFinding("builder", err))
	}
	_, built := m.fleet.Model.Images(version, m.Variables)
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, reference := range built {
		group.Go(func() {
			if err := (&image.Publisher{}).Check(ctx, reference); err != nil {
				mu.Lock()
				defer mu.Unlock()
				findings = append(findings, failedFinding("registry", err))
			}
		})
	}
	group.Wait()
	return findings
}

func failedFinding(name string, err error) deploy.Finding {
	text, hint, _ := strings.Cut(err.Error(), "\n")
	return deploy.Finding{Name: name, State: deploy.FindingFailed, Text: text, Hint: hint}
}
