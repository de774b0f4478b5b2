package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

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
	// Renew replaces containers that are as wanted, too.
	Renew Renewal

	// broken is what a recovery recovers from; nil for any other command.
	broken     *broken
	recovering bool
}

// command is what the options are those of. A rollback that does not lead back
// is a deploy.
func (o Options) command(back bool) string {
	switch {
	case o.recovering:
		return commandRecover
	case o.Renew != "":
		return commandRestart
	case back:
		return commandRollback
	}
	return commandDeploy
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
		err = h.refuseForeign(state)
	}
	if err == nil {
		err = h.Engine.Check(ctx, want)
	}
	back := false
	if err == nil {
		back = h.leadsBack(state, want, options)
		err = h.observeSchema(ctx, &state, want, back)
	}
	if err != nil {
		report.Outcome = OutcomeUntouched
		return report, err
	}
	if state.Serving != nil {
		report.From = state.Serving.Version
	}
	plan, err := NewPlan(state, want, PlanOptions{Back: back, Overlap: options.Overlap, Renew: options.Renew, Recovering: options.recovering})
	if err != nil {
		report.Outcome = OutcomeUntouched
		return report, err
	}
	report.Plan = plan
	command := options.command(back)
	h.emit(Event{Kind: EventPlan, Release: want.Version, Command: command, Previous: report.From, Text: plan.String()})
	switch {
	case options.PlanOnly:
		report.Outcome = OutcomePlanned
		return report, nil
	case plan.Empty():
		report.Outcome = OutcomeUnchanged
		if options.broken != nil {
			h.concludeBroken(ctx, options.broken, report)
			h.emit(Event{Kind: EventOutcome, Release: want.Version, Text: string(report.Outcome)})
		}
		return report, nil
	case len(plan.Interruptions) > 0 && !options.AcceptDowntime:
		report.Outcome = OutcomeUntouched
		return report, consentError(plan)
	}
	return report, h.run(ctx, state, plan, report, options, command)
}

// leadsBack says whether a rollback is one: to a release that is recorded as
// newer than the one that serves, whose workers and schema are not there yet,
// the way is that of a deploy.
func (h *Host) leadsBack(state State, want *Release, options Options) bool {
	if !options.Rollback || state.Serving == nil || want.ID <= state.Serving.ID || !h.Store.recorded(want.ID) {
		return options.Rollback
	}
	h.emit(Event{Kind: EventNote, Release: want.Version, Text: fmt.Sprintf("%s is newer than %s, which serves: it is deployed", want, state.Serving)})
	return false
}

// run runs a plan, and the way back when it fails.
func (h *Host) run(ctx context.Context, state State, plan *Plan, report *Report, options Options, command string) error {
	want := plan.To
	err := h.endLeft(ctx)
	if err == nil {
		err = h.Store.Save(want)
	}
	if err != nil {
		report.Outcome = OutcomeUntouched
		return err
	}
	maintenance := h.uphold(ctx, state.Proxy)
	report.Maintenance = maintenance
	r := &runner{
		Host: h, plan: plan, before: state.Proxy, report: report, seen: map[string]ServerCounters{},
		placing: make(chan struct{}, 1), maintenance: maintenance, kind: command,
	}
	if state.Proxy.Up && state.Serving != nil {
		r.probe = startProbe(context.WithoutCancel(ctx), h.Prober, state.Serving.Environment, maintenance)
	}
	err = r.run(ctx)
	if err == nil {
		report.Outcome = OutcomeDeployed
		report.Before = r.responsesBefore()
	} else {
		err = h.back(ctx, state, want, r, err)
	}
	report.Probe = r.probe.stop()
	r.countRepairs()
	if command == commandRecover {
		h.concludeBroken(ctx, options.broken, report)
	} else {
		h.conclude(ctx, r, ending{command: command, outcome: report.Outcome})
	}
	h.emit(Event{Kind: EventOutcome, Release: want.Version, Text: string(report.Outcome)})
	if saveErr := h.Store.SaveReport(want, report); saveErr != nil {
		r.note("the report was not kept: %v", saveErr)
	}
	return err
}

func consentError(plan *Plan) error {
	failure := &Failure{
		Status: ExitConsent,
		Err:    fmt.Errorf("the plan interrupts: nothing was touched"),
		Hint:   "Run it again with -accept-downtime when the gap is fine.",
	}
	for _, i := range plan.Interruptions {
		failure.Err = fmt.Errorf("%w\n  %s for about %d s: %s", failure.Err, i.Service, i.Seconds, i.Cause)
		if i.Advice != "" {
			failure.Hint = i.Advice + "\n" + failure.Hint
		}
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
	if err = h.markForeign(&state); err != nil {
		return state, err
	}
	if state.Present, err = h.Images.Present(ctx, slices.Collect(maps.Values(want.Images))); err != nil {
		return state, err
	}
	history, damaged := h.Store.history()
	state.Older = olderThan(want, history, state.Containers)
	if damaged == nil { // else nothing is pruned, which prune itself explains
		state.Retention = h.Store.retention(history, want.Environment.Settings.Retain, want)
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
