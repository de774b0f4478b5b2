package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Host is one machine that a release is rolled out on, with the outside
// systems that a rollout uses.
type Host struct {
	Engine Engine
	Images Images
	Proxy  Proxy
	Prober Prober
	// Django knows the migrations of releases that say migrations: django.
	Django Migrator
	// Backups opens those of the database in that container, for the release
	// that serves; nil where nobody takes any.
	Backups func(settings Backups, serving *Release, container string) (Safe, error)
	// Commands runs hooks on the host; nil where there is nobody to do so.
	Commands HostCommands
	// Who gives the command: "anna@laptop".
	Who string
	// Tracker opens the error tracker of those settings; nil where nobody asks
	// one.
	Tracker func(settings Sentry) ErrorTracker
	// Parking is needed to adopt what no deploy has made.
	Parking Parking
	Store   *Store
	// Variables are the host's, from its .env.
	Variables map[string]string
	Hash      Hasher
	// Emit is told everything that happens; it may be called from several
	// goroutines at once.
	Emit func(Event)
}

// runner runs one plan. It decides nothing: what to do is in the plan.
type runner struct {
	*Host
	plan *Plan
	// leaving is the release that is being given up, on the way back from a
	// failed one; its containers' logs are kept under it.
	leaving *Release
	// kind is the command that this is part of, and ending how it ended, once
	// that is known.
	kind   string
	ending *ending
	// before is the proxy's state when the command began.
	before ProxyState

	// maintenance is on meanwhile; nil for none.
	maintenance *Maintenance

	// gap measures how long the ports are nobody's; nil but in an adoption.
	gap *gap

	// placing is full while containers get their places in the proxy.
	placing chan struct{}

	mu       sync.Mutex
	report   *Report
	switched time.Time
	atSwitch map[string]ServerCounters
	seen     map[string]ServerCounters
	probe    *probeRun
}

// Run runs the plan's stages in order and the steps of a stage side by side.
// The first failure ends the stage and the plan.
func (r *runner) run(ctx context.Context) error {
	r.placing = make(chan struct{}, 1)
	for number, stage := range r.plan.Stages {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		r.gap.at(stage)
		if err := r.stage(ctx, number+1, stage); err != nil {
			return err
		}
	}
	r.gap.at(nil)
	return nil
}

func (r *runner) stage(ctx context.Context, number int, stage Stage) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(stage))
	var group sync.WaitGroup
	for at, step := range stage {
		group.Go(func() {
			if errs[at] = r.step(ctx, number, step); errs[at] != nil {
				cancel(errStageFailed)
			}
		})
	}
	group.Wait()
	// What was only stopped because another step of the stage failed is not
	// the reason.
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errStageFailed) })
	return joinFailures(errs)
}

var errStageFailed = errors.New("another step of the stage failed")

// joinFailures keeps a single failure as it is, with its hint and status.
func joinFailures(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	default:
		return errors.Join(errs...)
	}
}

func (r *runner) step(ctx context.Context, number int, step Step) error {
	began := time.Now()
	r.emit(Event{Kind: EventStart, Stage: number, Step: &step})
	err := r.act(ctx, step)
	elapsed := time.Since(began)
	if err != nil && ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errStageFailed) {
			err = cause
		}
	}
	event := Event{Kind: EventDone, Stage: number, Step: &step, Elapsed: elapsed}
	if err != nil {
		event.Kind, event.Text = EventFail, err.Error()
		if errors.Is(err, errStageFailed) {
			event.Kind = EventCut
		}
	}
	r.emit(event)
	r.mu.Lock()
	r.report.Steps = append(r.report.Steps, StepTime{Step: step, Elapsed: elapsed})
	r.mu.Unlock()
	return err
}

func (r *runner) emit(event Event) {
	event.At = time.Now()
	event.Release = r.plan.To.String()
	if r.Emit != nil {
		r.Emit(event)
	}
}

func (r *runner) note(format string, args ...any) {
	r.emit(Event{Kind: EventNote, Text: fmt.Sprintf(format, args...)})
}

func (r *runner) act(ctx context.Context, step Step) error {
	switch step.Action {
	case ActionPull:
		return r.Images.Pull(ctx, *step.Image, func(current, total int64) {
			r.emit(Event{Kind: EventProgress, Step: &step, Current: current, Total: total})
		})
	case ActionClear, ActionStop:
		return r.each(step.Containers, func(name string) error { return r.removeWithin(ctx, name, cmp.Or(step.Grace, r.grace(step.Service))) })
	case ActionReplace:
		return r.replace(ctx, step)
	case ActionMigrate:
		return r.migrate(ctx, step)
	case ActionBackup:
		return r.backup(ctx, step)
	case ActionRevert:
		return r.revert(ctx, step)
	case ActionStart:
		return r.start(ctx, step)
	case ActionAwait:
		return r.await(ctx, step)
	case ActionQuiet:
		return r.quiet(ctx, step)
	case ActionResume:
		return r.resume(ctx, step)
	case ActionConfigure:
		return r.configure(ctx, step)
	case ActionSwitch:
		return r.cutOver(ctx, step)
	case ActionVerify:
		return r.verify(ctx)
	case ActionWatch:
		return r.watch(ctx, step.Expect)
	case ActionCommit:
		return r.Store.Commit(r.plan.To)
	case ActionSeed:
		return r.command(ctx, "seed", step.Service, r.plan.To.Environment.Settings.Seed.Command)
	case ActionRegister:
		return r.register(ctx)
	case ActionHook:
		return r.hook(ctx, step)
	case ActionRetire:
		return r.retire(ctx, step)
	case ActionPrune:
		r.prune(ctx)
		return nil
	case ActionPark:
		return r.park(ctx, step)
	case ActionRestore:
		return r.restore(ctx, step)
	case ActionReach:
		return r.reach(ctx)
	case ActionForget:
		return r.Store.forget()
	}
	return fmt.Errorf("run step %s: no such action", step)
}

// each runs fn for all names at once.
func (r *runner) each(names []string, fn func(name string) error) error {
	errs := make([]error, len(names))
	var group sync.WaitGroup
	for at, name := range names {
		group.Go(func() { errs[at] = fn(name) })
	}
	group.Wait()
	return joinFailures(errs)
}

func (r *runner) start(ctx context.Context, step Step) error {
	if service, ok := r.plan.To.Service(step.Service); ok && service.Route != nil {
		// No container has these names yet. A place in the proxy that one of them
		// holds was left by a dead container, whose failed checks would be held
		// against the new one; it may be one that is meant to get requests.
		if err := r.Proxy.Vacate(ctx, step.Containers); err != nil {
			return fmt.Errorf("start %s: %w", step.Service, err)
		}
	}
	containers, err := r.Engine.Create(ctx, r.plan.To, step.Service, len(step.Containers))
	if err != nil {
		return fmt.Errorf("start %s: %w", step.Service, err)
	}
	for _, container := range containers {
		if !slices.Contains(step.Containers, container.Name) {
			return fmt.Errorf("start %s: the engine made %s, planned were %v: somebody else works on this project", step.Service, container.Name, step.Containers)
		}
	}
	return nil
}

func (r *runner) replace(ctx context.Context, step Step) error {
	if err := r.each(step.Containers, func(name string) error { return r.remove(ctx, step.Service, name) }); err != nil {
		return err
	}
	service, _ := r.plan.To.Service(step.Service)
	if _, err := r.Engine.Create(ctx, r.plan.To, step.Service, service.Replicas); err != nil {
		return fmt.Errorf("replace %s: %w", step.Service, err)
	}
	return nil
}

// lines takes what a command prints and notes it line by line.
func (r *runner) lines() *lineWriter {
	return &lineWriter{emit: func(line string) { r.note("%s", line) }}
}

// command runs a command of the release in its own image and shows what it
// prints.
func (r *runner) command(ctx context.Context, what, service string, command []string) error {
	out := r.lines()
	err := r.Engine.Run(ctx, r.plan.To, OneOff{Service: service, Command: command}, out)
	out.flush()
	if err != nil {
		return &Failure{
			Err:  fmt.Errorf("%s in the image of %s %s: %w", what, service, r.plan.To, err),
			Logs: out.last,
		}
	}
	return nil
}

// quiet makes old workers stop taking work. One that does not is asked again:
// a worker that has just lost its broker takes work up anew when it has it
// back. In the end it is a failure, since it could take a task that only the
// new release knows; one that does not run takes nothing.
func (r *runner) quiet(ctx context.Context, step Step) error {
	service, ok := r.plan.To.Service(step.Service)
	if !ok {
		return nil
	}
	return r.each(step.Containers, func(name string) error {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		for attempt := 1; ; attempt++ {
			out := &lineWriter{}
			err := r.Engine.Exec(ctx, name, service.Quiet, out)
			if err == nil {
				return nil
			}
			out.flush()
			if container, inspectErr := r.Engine.Inspect(ctx, name); inspectErr != nil || !container.Running() {
				return nil //nolint:nilerr // it is gone, which is as quiet as can be
			}
			if r.plan.Back {
				r.note("%s may still take work: %v", name, err)
				return nil
			}
			if attempt == quietAttempts || sleep(ctx, quietPause) != nil {
				return &Failure{Err: fmt.Errorf("make %s take no new work: %w", name, err), Logs: out.last}
			}
		}
	})
}

// resume is the way back of quiet. A worker that cannot be asked is noted and
// does not hold up the requests' way back.
func (r *runner) resume(ctx context.Context, step Step) error {
	service, _ := r.plan.To.Service(step.Service)
	return r.each(step.Containers, func(name string) error {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		if err := r.Engine.Exec(ctx, name, service.Resume, &lineWriter{}); err != nil {
			r.note("%s may still take no work: %v", name, err)
		}
		return nil
	})
}

const (
	// commandTimeout bounds the quiet or resume of one container.
	commandTimeout = 30 * time.Second
	// quietAttempts is how often a worker is asked, and quietPause the time in
	// between.
	quietAttempts = 5
	quietPause    = time.Second
)
