package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// backTimeout bounds the way back from a failed release, which goes on after
// the command itself was interrupted.
const backTimeout = 10 * time.Minute

// Options say how a release is rolled out.
type Options struct {
	// PlanOnly stops after the plan.
	PlanOnly bool
	// AcceptDowntime consents to the plan's interruptions.
	AcceptDowntime bool
	// Rollback marks the way to a release that served before.
	Rollback bool
	// Overlap forces how long old and new run side by side.
	Overlap Overlap
}

// Rollout brings a host to a release: observe, plan, run. When a step fails
// or the context ends, it observes again, plans back to the release that
// served, and runs that. The report says what came of it also when there is
// an error.
func (h *Host) Rollout(ctx context.Context, want *Release, options Options) (*Report, error) {
	report := &Report{To: want.Version, Started: time.Now()}
	defer func() { report.Elapsed = time.Since(report.Started) }()
	state, err := h.Observe(ctx, want)
	if err == nil {
		err = h.Engine.Check(ctx, want)
	}
	if err != nil {
		report.Outcome = OutcomeUntouched
		return report, err
	}
	if state.Serving != nil {
		report.From = state.Serving.Version
	}
	plan, err := NewPlan(state, want, PlanOptions{Back: options.Rollback, Overlap: options.Overlap})
	if err != nil {
		report.Outcome = OutcomeUntouched
		return report, err
	}
	report.Plan = plan
	h.emit(Event{Kind: EventPlan, Release: want.Version, Text: plan.String()})
	switch {
	case options.PlanOnly:
		report.Outcome = OutcomePlanned
		return report, nil
	case plan.Empty():
		report.Outcome = OutcomeUnchanged
		return report, nil
	case len(plan.Interruptions) > 0 && !options.AcceptDowntime:
		report.Outcome = OutcomeUntouched
		return report, consentError(plan)
	}
	return report, h.run(ctx, state, plan, report)
}

// run runs a plan, and the way back when it fails.
func (h *Host) run(ctx context.Context, state State, plan *Plan, report *Report) error {
	want := plan.To
	if err := h.Store.Save(want); err != nil {
		report.Outcome = OutcomeUntouched
		return err
	}
	r := &runner{Host: h, plan: plan, before: state.Proxy, report: report, seen: map[string]ServerCounters{}, placing: make(chan struct{}, 1)}
	if state.Proxy.Up && state.Serving != nil {
		r.probe = startProbe(context.WithoutCancel(ctx), h.Prober, state.Serving.Environment)
	}
	err := r.run(ctx)
	if err == nil {
		report.Outcome = OutcomeDeployed
	} else {
		h.emit(Event{Kind: EventBack, Release: want.Version, Text: err.Error()})
		err = h.back(ctx, state, want, r, err)
	}
	report.Probe = r.probe.stop()
	r.countRepairs()
	h.emit(Event{Kind: EventOutcome, Release: want.Version, Text: string(report.Outcome)})
	if saveErr := h.Store.SaveReport(want, report); saveErr != nil {
		r.note("the report was not kept: %v", saveErr)
	}
	return err
}

// back goes to the release that serves according to the record: the old one,
// or, once the new one is committed, forward to that.
func (h *Host) back(ctx context.Context, before State, failed *Release, r *runner, cause error) error {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	report := r.report
	serving, err := h.Store.Serving()
	switch {
	case err != nil:
	case serving == failed.ID && !again(before, failed, report):
		err = h.finishForward(ctx, failed, r)
		if err == nil {
			report.Outcome = OutcomeDeployed
			if interrupted {
				return nil
			}
			return &Failure{Err: fmt.Errorf("%s serves, but a step failed first: %w", failed, cause), Hint: "What was left of it is done now; nothing is left to do."}
		}
	case before.Serving == nil:
		err = h.removeNew(ctx, before, r)
		report.Outcome = OutcomeUntouched
	default:
		err = h.backTo(ctx, before, failed, r)
		report.Outcome = OutcomeUntouched
		if report.Switched {
			report.Outcome = OutcomeRolledBack
		}
	}
	if err != nil {
		report.Outcome = OutcomeStuck
		return &Failure{
			Status: ExitNeedsPerson,
			Err:    fmt.Errorf("release %s failed: %w\nand the way back to %s failed too: %w", failed, cause, before.Serving, err),
			Hint:   stuckHint(before.Serving),
		}
	}
	return outcomeError(report.Outcome, before.Serving, failed, cause, interrupted)
}

func stuckHint(serving *Release) string {
	if serving == nil {
		return "Look with `mage status`; the next deploy clears what is left."
	}
	return "Look with `mage status`; `mage rollback " + serving.String() + "` tries the way back again."
}

// backTo returns to what served before. Its containers are known by having
// stood there: where .env was changed for the release that failed, their
// configuration is not what the record gives now, and they are still the ones
// to keep.
func (h *Host) backTo(ctx context.Context, before State, failed *Release, r *runner) error {
	stood, same := map[string]bool{}, before.Serving.ID == failed.ID
	for _, container := range before.Containers {
		service, ok := failed.Service(container.Service)
		stood[container.ID] = !container.OneOff && (!ok || same || service.Hash != container.ConfigHash)
	}
	return h.runSecond(ctx, before.Serving, failed, r, PlanOptions{Back: true, Stood: stood, OnlyStood: same})
}

// again says whether the release that failed is the one that served before,
// deployed again with another .env, and what served is all still there.
func again(before State, failed *Release, report *Report) bool {
	return before.Serving != nil && before.Serving.ID == failed.ID && !slices.ContainsFunc(report.Steps, func(s StepTime) bool {
		return s.Step.Action == ActionRetire || s.Step.Action == ActionReplace || s.Step.Action == ActionStop
	})
}

func (h *Host) finishForward(ctx context.Context, want *Release, r *runner) error {
	return h.runSecond(ctx, want, nil, r, PlanOptions{Back: true})
}

func (h *Host) runSecond(ctx context.Context, to, leaving *Release, r *runner, options PlanOptions) error {
	state, err := h.Observe(ctx, to)
	if err != nil {
		return fmt.Errorf("observe again: %w", err)
	}
	plan, err := NewPlan(state, to, options)
	if err != nil {
		return err
	}
	h.emit(Event{Kind: EventPlan, Release: to.Version, Text: plan.String()})
	second := &runner{Host: h, plan: plan, leaving: leaving, before: r.before, report: r.report, seen: r.seen, probe: r.probe, switched: r.switched, placing: make(chan struct{}, 1)}
	if slices.ContainsFunc(plan.Steps(), func(s Step) bool { return s.Action == ActionReplace }) {
		second.note("what was replaced with consent is put back, which interrupts again")
	}
	return second.run(ctx)
}

// removeNew takes a failed first deploy away: every container that was not
// there before. Volumes stay.
func (h *Host) removeNew(ctx context.Context, before State, r *runner) error {
	containers, _, err := h.Engine.Observe(ctx, r.plan.To.Environment.Project.Name)
	if err != nil {
		return err
	}
	step := Step{Action: ActionClear, Cause: "nothing served before, so nothing of it stays"}
	proxy := step
	for _, container := range containers {
		service, ok := r.plan.To.Service(container.Service)
		switch known := slices.ContainsFunc(before.Containers, func(c Container) bool { return c.ID == container.ID }); {
		case known:
		case ok && service.Kind == KindProxy:
			proxy.Containers = append(proxy.Containers, container.Name)
		default:
			step.Containers = append(step.Containers, container.Name)
		}
	}
	// The proxy first: what it routes to is not stopped under its requests.
	plan := &Plan{Environment: r.plan.Environment, To: r.plan.To}
	for _, one := range []Step{proxy, step} {
		if len(one.Containers) > 0 {
			plan.Stages = append(plan.Stages, Stage{one})
		}
	}
	second := &runner{Host: h, plan: plan, report: r.report, seen: r.seen, probe: r.probe, placing: make(chan struct{}, 1)}
	return second.run(ctx)
}

// outcomeError says how it ended, with the exit status that goes with it.
func outcomeError(outcome Outcome, serving, failed *Release, cause error, interrupted bool) error {
	failure := &Failure{Status: ExitFailed}
	if inner, ok := errors.AsType[*Failure](cause); ok {
		failure.Logs, failure.Hint, cause = inner.Logs, inner.Hint, inner.Err
	}
	switch {
	case serving == nil:
		failure.Err = fmt.Errorf("%w\nrelease %s did not start; nothing serves, as before, and what it started was removed", cause, failed)
	case outcome == OutcomeRolledBack:
		failure.Status = ExitRolledBack
		failure.Err = fmt.Errorf("%w\nrelease %s was taken back: %s serves", cause, failed, serving)
	default:
		failure.Err = fmt.Errorf("%w\nrelease %s never had a request: %s serves, untouched", cause, failed, serving)
	}
	if interrupted {
		failure.Status = ExitInterrupted
	}
	return failure
}

func consentError(plan *Plan) error {
	failure := &Failure{
		Status: ExitConsent,
		Err:    fmt.Errorf("the plan interrupts: nothing was touched"),
		Hint:   "Run it again with -accept-downtime when the gap is fine.",
	}
	for _, i := range plan.Interruptions {
		failure.Err = fmt.Errorf("%w\n  %s for about %d s: %s", failure.Err, i.Service, i.Seconds, i.Cause)
	}
	return failure
}

// Observe looks at everything that a plan to the release is made from.
func (h *Host) Observe(ctx context.Context, want *Release) (State, error) {
	var state State
	var err error
	if state.Serving, err = h.Serving(ctx); err != nil {
		return state, err
	}
	state.InPlace = h.Store.InPlace(state.Serving)
	project := want.Environment.Project.Name
	if state.Containers, state.Memory, err = h.Engine.Observe(ctx, project); err != nil {
		return state, err
	}
	for at := range state.Containers {
		state.Containers[at].Stopping = h.Store.Stopping(state.Containers[at])
	}
	if state.Present, err = h.Engine.Present(ctx, slices.Collect(maps.Values(want.Images))); err != nil {
		return state, err
	}
	if want.Environment.Proxy() != nil {
		state.Proxy, err = h.Proxy.Observe(ctx, want.Environment.Routes())
	}
	return state, err
}

// Serving gives the release that was committed last, decoded; nil where there
// is none.
func (h *Host) Serving(ctx context.Context) (*Release, error) {
	id, err := h.Store.Serving()
	if err != nil || id == "" {
		return nil, err
	}
	release, err := h.Store.Load(id)
	if err != nil {
		return nil, err
	}
	return release, h.Decode(ctx, release)
}

// Decode loads a release's environment from its rendered Compose file.
func (h *Host) Decode(ctx context.Context, release *Release) error {
	model, err := ParseModel(ctx, h.Store.ComposePath(), release.Rendered)
	if err != nil {
		return fmt.Errorf("release %s: %w", release, err)
	}
	release.Environment, err = model.Load(ctx, LoadOptions{
		Name: h.Store.Environment, Directory: h.Store.Directory,
		Version: release.Version, Variables: h.Variables, Hash: h.Hash,
	})
	if err != nil {
		return fmt.Errorf("release %s: %w", release, err)
	}
	return nil
}

func (h *Host) emit(event Event) {
	event.At = time.Now()
	if h.Emit != nil {
		h.Emit(event)
	}
}

// countRepairs sums the proxy's own retries and redispatches over the servers
// that this command saw.
func (r *runner) countRepairs() {
	ctx, cancel := context.WithTimeout(context.Background(), evidenceTimeout)
	defer cancel()
	if r.before.Up {
		_, _ = r.observeProxy(ctx) // the counters of those that stay
	}
	before := map[string]ServerCounters{}
	for _, server := range r.before.Servers {
		before[server.Container] = server.ServerCounters
	}
	for container, counters := range r.seen {
		r.report.Retries += max(counters.Retries-before[container].Retries, 0)
		r.report.Redispatches += max(counters.Redispatches-before[container].Redispatches, 0)
	}
}
