package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Adopt brings a host on which somebody else has started the application to a
// release that takes it over: with the Compose project's name, its volumes and
// its data. The published ports move to the proxy once, which needs consent.
// When a step fails before the commit, or the context ends, what stood before
// stands again. An adoption that was interrupted goes on.
func (h *Host) Adopt(ctx context.Context, want *Release, options Options) (*Report, error) {
	report := &Report{To: want.Version, Started: time.Now(), Outcome: OutcomeUntouched}
	defer func() { report.Elapsed = time.Since(report.Started) }()
	state, err := h.Observe(ctx, want)
	if err != nil {
		return report, err
	}
	adoption, err := h.Store.Adoption()
	if err != nil {
		return report, err
	}
	if state.Serving != nil && (adoption == nil || !adoption.Unfinished) {
		return h.adopted(state.Serving, want, report)
	}
	if err := h.adoptable(ctx, state, want); err != nil {
		return report, err
	}
	plan, err := NewAdoption(state, want)
	if err != nil {
		return report, err
	}
	if done, err := h.agreed(plan, options, report); done {
		return report, err
	}
	return report, h.adopt(ctx, state, plan, report)
}

// adopted answers for a host that has a release of ours already.
func (h *Host) adopted(serving, want *Release, report *Report) (*Report, error) {
	if serving.Version == want.Version {
		report.Outcome = OutcomeUnchanged
		return report, nil
	}
	return report, &Failure{
		Status: ExitUsage,
		Err:    fmt.Errorf("%s serves, and a deploy has started it: there is nothing to adopt", serving),
		Hint:   "Deploy " + want.Version + " as any other version.",
	}
}

// agreed shows the plan, and says whether that was all or consent is missing.
func (h *Host) agreed(plan *Plan, options Options, report *Report) (done bool, err error) {
	report.Plan = plan
	h.emit(Event{Kind: EventPlan, Release: plan.To.Version, Text: plan.String()})
	switch {
	case options.PlanOnly:
		report.Outcome = OutcomePlanned
		return true, nil
	case len(plan.Interruptions) > 0 && !options.AcceptDowntime:
		return true, consentError(plan)
	}
	return false, nil
}

func (h *Host) adopt(ctx context.Context, state State, plan *Plan, report *Report) error {
	want := plan.To
	if err := h.Store.Save(want); err != nil {
		return err
	}
	adoption, err := h.Store.beginAdoption(want)
	if err != nil {
		return err
	}
	r := h.adopter(ctx, plan, adoption, state.Proxy, report)
	err = r.run(ctx)
	if err == nil {
		report.Outcome = OutcomeDeployed
		err = h.Store.endAdoption(adoption)
	} else {
		err = h.leaveAdoption(ctx, r, adoption, err)
	}
	h.settleAdoption(r)
	return err
}

// adopter runs a plan of an adoption. The gap of an interrupted one goes on.
func (h *Host) adopter(ctx context.Context, plan *Plan, adoption *Adoption, proxy ProxyState, report *Report) *runner {
	r := &runner{Host: h, plan: plan, before: proxy, report: report, seen: map[string]ServerCounters{}, maintenance: h.uphold(ctx, proxy)}
	r.gap = &gap{began: adoption.Gap, noted: func(began time.Time) {
		adoption.Gap = began
		if !adoption.Unfinished {
			return
		}
		if err := h.Store.saveAdoption(adoption); err != nil {
			r.note("the gap was not noted: %v", err)
		}
	}}
	return r
}

// settleAdoption keeps what came of it.
func (h *Host) settleAdoption(r *runner) {
	r.report.Gap = r.gap.total
	h.emit(Event{Kind: EventOutcome, Release: r.plan.To.Version, Text: string(r.report.Outcome)})
	if err := h.Store.SaveReport(r.plan.To, r.report); err != nil {
		r.note("the report was not kept: %v", err)
	}
}

// leaveAdoption goes back to what stood before, or, once the release is
// committed, forward.
func (h *Host) leaveAdoption(ctx context.Context, r *runner, adoption *Adoption, cause error) error {
	interrupted, want := ctx.Err() != nil, r.plan.To
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	serving, err := h.Store.Serving()
	switch {
	case err != nil:
	case serving == want.ID:
		line, _, _ := strings.Cut(cause.Error(), "\n")
		r.note("%s serves already, so what is left of the adoption is done: %s", want, line)
		if err = h.finishAdoption(ctx, r, adoption); err != nil {
			break
		}
		r.report.Outcome = OutcomeDeployed
		if interrupted {
			return nil
		}
		return &Failure{Err: fmt.Errorf("%s serves, but a step failed first: %w", want, cause), Hint: "What was left of it is done now; nothing is left to do."}
	default:
		h.emit(Event{Kind: EventBack, Release: want.Version, Text: cause.Error()})
		err = h.comeBack(ctx, r)
	}
	if err != nil {
		r.report.Outcome = OutcomeStuck
		return &Failure{
			Status: ExitNeedsPerson,
			Err:    fmt.Errorf("the adoption by %s failed: %w\nand the way back failed too: %w", want, cause, err),
			Hint:   fmt.Sprintf("`mage host:adopt %s -undo` tries the way back again; what was parked is kept for it.", h.Store.Environment),
		}
	}
	return adoptionError(r, cause, interrupted)
}

func (h *Host) finishAdoption(ctx context.Context, r *runner, adoption *Adoption) error {
	state, err := h.Observe(ctx, r.plan.To)
	if err != nil {
		return fmt.Errorf("observe again: %w", err)
	}
	plan, err := NewAdoption(state, r.plan.To)
	if err != nil {
		return err
	}
	if err := h.again(ctx, r, plan); err != nil {
		return err
	}
	return h.Store.endAdoption(adoption)
}

// comeBack plans and runs the way back from what is observed.
func (h *Host) comeBack(ctx context.Context, r *runner) error {
	state, err := h.Observe(ctx, r.plan.To)
	if err != nil {
		return fmt.Errorf("observe again: %w", err)
	}
	parked, err := h.Store.Snapshots()
	if err != nil {
		return err
	}
	return h.again(ctx, r, NewReturn(state, r.plan.To, parked))
}

// again runs another plan of the same command.
func (h *Host) again(ctx context.Context, r *runner, plan *Plan) error {
	h.emit(Event{Kind: EventPlan, Release: plan.To.Version, Text: plan.String()})
	r.gap.within = false
	second := &runner{Host: h, plan: plan, before: r.before, report: r.report, seen: r.seen, gap: r.gap, maintenance: r.maintenance}
	return second.run(ctx)
}

func adoptionError(r *runner, cause error, interrupted bool) error {
	failure := &Failure{Status: ExitFailed}
	if inner, ok := errors.AsType[*Failure](cause); ok {
		failure.Logs, failure.Hint, cause = inner.Logs, inner.Hint, inner.Err
	}
	text := "what stood before was not touched"
	r.report.Outcome = OutcomeUntouched
	if gap := r.gap.total; gap > 0 {
		text = fmt.Sprintf("what stood before stands again, after a gap of %.1f s", gap.Seconds())
		r.report.Outcome, failure.Status = OutcomeRolledBack, ExitRolledBack
	}
	failure.Err = fmt.Errorf("%w\nthe adoption by %s was taken back: %s", cause, r.plan.To, text)
	if interrupted {
		failure.Status = ExitInterrupted
	}
	return failure
}

// Unadopt undoes an adoption, also one that was interrupted: what it parked
// stands again, and no release serves any more. That interrupts as the
// adoption did, and needs the same consent.
func (h *Host) Unadopt(ctx context.Context, options Options) (*Report, error) {
	report := &Report{Started: time.Now(), Outcome: OutcomeUntouched}
	defer func() { report.Elapsed = time.Since(report.Started) }()
	leaving, err := h.leaving(ctx)
	if err != nil {
		return report, err
	}
	report.To, report.From = leaving.Version, leaving.Version
	state, err := h.Observe(ctx, leaving)
	if err != nil {
		return report, err
	}
	parked, err := h.Store.Snapshots()
	if err != nil {
		return report, err
	}
	if err := h.restorable(ctx, parked); err != nil {
		return report, err
	}
	plan := NewReturn(state, leaving, parked)
	if done, err := h.agreed(plan, options, report); done {
		return report, err
	}
	adoption, err := h.Store.beginAdoption(leaving)
	if err != nil {
		return report, err
	}
	r := h.adopter(ctx, plan, adoption, state.Proxy, report)
	if err = r.run(ctx); err != nil {
		err = h.goOnBack(ctx, r, err)
	}
	if err == nil {
		report.Outcome = OutcomeReturned
	}
	h.settleAdoption(r)
	return report, err
}

// goOnBack tries the rest of an undoing that a signal or a failure ended: half
// of it is worse than all of it.
func (h *Host) goOnBack(ctx context.Context, r *runner, cause error) error {
	r.note("going on with what is left: %v", cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	err := h.comeBack(ctx, r)
	if err == nil {
		return nil
	}
	r.report.Outcome = OutcomeStuck
	return &Failure{
		Status: ExitNeedsPerson,
		Err:    fmt.Errorf("the adoption by %s could not be undone: %w", r.plan.To, err),
		Hint:   fmt.Sprintf("`mage host:adopt %[1]s -undo` tries it again, `mage host:adopt %[1]s -version=%[2]s` goes forward; what was parked is kept.", h.Store.Environment, r.plan.To),
	}
}

// leaving finds the release that an adoption has brought.
func (h *Host) leaving(ctx context.Context) (*Release, error) {
	adoption, err := h.Store.Adoption()
	if err != nil {
		return nil, err
	}
	if adoption == nil {
		return nil, &Failure{
			Status: ExitUsage, Err: fmt.Errorf("%s was not adopted: there is nothing to undo", h.Store.Environment),
			Hint: "To an earlier release you go with `mage rollback VERSION`.",
		}
	}
	serving, err := h.Serving(ctx)
	if err != nil || serving != nil {
		return serving, err
	}
	release, err := h.Store.Load(adoption.Release)
	if err != nil {
		return nil, err
	}
	return release, h.Decode(ctx, release)
}

// restorable refuses a way back whose end could not be reached.
func (h *Host) restorable(ctx context.Context, parked []Snapshot) error {
	var missing []string
	for _, snapshot := range parked {
		of, err := h.Parking.Missing(ctx, snapshot)
		if err != nil {
			return err
		}
		for _, one := range of {
			missing = append(missing, snapshot.Container.Name+" needs "+one)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Failure{
		Err:  fmt.Errorf("what stood before cannot stand again, so nothing was touched:\n  %s", strings.Join(missing, "\n  ")),
		Hint: "Bring back what is missing: docker pull, or docker volume create.",
	}
}
