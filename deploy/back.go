package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// backTimeout bounds the way back from a failed release, which goes on after
// the command itself was interrupted.
const backTimeout = 10 * time.Minute

// back goes to the release that serves according to the record: the old one,
// or, once the new one is committed, forward to that.
func (h *Host) back(ctx context.Context, before State, failed *Release, r *runner, cause error) error {
	interrupted, reason := ctx.Err() != nil, cause
	if interrupted {
		reason = context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	report := r.report
	serving, err := h.Store.Serving()
	committed := err == nil && serving == failed.ID && !again(before, failed, report)
	if !committed && len(report.Beyond) > 0 && before.Serving != nil {
		return h.goOn(ctx, before.Serving, failed, r, cause, interrupted)
	}
	if committed {
		line, _, _ := strings.Cut(reason.Error(), "\n")
		r.note("%s serves already, so what is left of it is done: %s", failed, line)
	} else {
		h.emit(Event{Kind: EventBack, Release: failed.Version, Text: cause.Error()})
	}
	switch {
	case err != nil:
	case committed:
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
			Hint:   stuckHint(before.Serving, err),
		}
	}
	return outcomeError(report.Outcome, before.Serving, failed, cause, interrupted)
}

// goOn finishes a release that cannot be taken back any more: the database has
// migrations that the one before does not survive. Where that fails too, both
// are named, and a person decides.
func (h *Host) goOn(ctx context.Context, before, failed *Release, r *runner, cause error, interrupted bool) error {
	report := r.report
	r.note("%s is applied, which %s may not survive: %s is finished", report.Beyond[0], before, failed)
	err := h.runSecond(ctx, failed, nil, r, PlanOptions{Recovering: r.kind == commandRecover})
	switch {
	case err == nil && interrupted:
		report.Outcome = OutcomeDeployed
		return nil
	case err == nil:
		report.Outcome = OutcomeDeployed
		return &Failure{Err: fmt.Errorf("%s serves, but a step failed first: %w", failed, cause), Hint: "It was tried again and is done now; nothing is left to do."}
	}
	report.Outcome = OutcomeStuck
	serves := before
	if report.Switched {
		serves = failed
	}
	failure := &Failure{
		Status: ExitNeedsPerson,
		Err: fmt.Errorf("%w\n%s serves; %s is applied, which %s may not survive, and %s cannot be finished",
			cause, serves, strings.Join(report.Beyond, ", "), before, failed),
		Hint: fmt.Sprintf("Decide: `mage deploy:here %s` goes on, `mage rollback %s` goes back all the same. What is applied: mage migrate:status", failed, before),
	}
	if inner, ok := errors.AsType[*Failure](err); ok {
		failure.Logs = inner.Logs
	}
	return failure
}

func stuckHint(serving *Release, err error) string {
	if errors.Is(err, syscall.ENOSPC) {
		return "The host's disk is full; see what takes it: df -h, docker system df. With room again, type: mage recover"
	}
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
	stood, ran, same := map[string]bool{}, map[string]bool{}, before.Serving.ID == failed.ID
	for _, container := range before.Containers {
		service, ok := failed.Service(container.Service)
		ran[container.ID] = true
		stood[container.ID] = !container.OneOff && (!ok || same || service.Hash != container.ConfigHash)
	}
	return h.runSecond(ctx, before.Serving, failed, r, PlanOptions{Back: true, Stood: stood, OnlyStood: same, Before: ran})
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
	if err == nil && r.before.Up && !state.Proxy.Up && r.awaitProxy(ctx) == nil {
		state, err = h.Observe(ctx, to) // one that comes back by itself is not replaced
	}
	if err == nil && !options.Back {
		err = h.observeSchema(ctx, &state, to, false)
	}
	if err != nil {
		return fmt.Errorf("observe again: %w", err)
	}
	plan, err := NewPlan(state, to, options)
	if err != nil {
		return err
	}
	h.emit(Event{Kind: EventPlan, Release: to.Version, Text: plan.String()})
	second := &runner{
		Host: h, plan: plan, leaving: leaving, before: r.before, report: r.report, seen: r.seen, probe: r.probe, switched: r.switched,
		maintenance: r.maintenance, placing: make(chan struct{}, 1), kind: r.kind,
	}
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
	second := &runner{Host: h, plan: plan, report: r.report, seen: r.seen, probe: r.probe, maintenance: r.maintenance, placing: make(chan struct{}, 1)}
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
	case serving.ID == failed.ID && outcome == OutcomeRolledBack:
		failure.Status = ExitRolledBack
		failure.Err = fmt.Errorf("%w\n%s was taken back as it is configured now: its containers from before serve", cause, failed)
	case serving.ID == failed.ID:
		failure.Err = fmt.Errorf("%w\n%s as it is configured now never had a request: its containers from before serve, untouched", cause, failed)
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
