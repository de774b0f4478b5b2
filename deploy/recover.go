package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Recover brings what an interrupted command has left to a good state, from
// what is observed: the release that serves by its record, whole and alone.
// Where nothing served before, nothing of the first deploy stays. Once
// migrations have begun that the release before may not survive, the way is
// forward.
func (h *Host) Recover(ctx context.Context, options Options) (*Report, error) {
	serving, err := h.Serving(ctx)
	if err != nil {
		return &Report{Outcome: OutcomeUntouched}, err
	}
	events, err := h.Store.Events()
	if err == nil && !options.PlanOnly {
		err = h.endLeft(ctx)
	}
	if err != nil {
		return &Report{Outcome: OutcomeUntouched}, err
	}
	options.recovering, options.broken = true, brokenCommand(events)
	if serving == nil {
		report, err := h.recoverNothing(ctx, options)
		if options.broken != nil && !options.PlanOnly && report.Outcome != OutcomeUntouched {
			h.concludeBroken(ctx, options.broken, report)
			h.emit(Event{Kind: EventOutcome, Release: report.To, Text: string(report.Outcome)})
		}
		return report, err
	}
	if version := migrating(events); version != "" && version != serving.Version {
		want, err := h.Store.Find(version)
		if err == nil {
			err = h.Decode(ctx, want)
		}
		if err != nil {
			return &Report{Outcome: OutcomeStuck}, &Failure{
				Status: ExitNeedsPerson,
				Err:    fmt.Errorf("the database was being migrated for %s, which %s may not survive, and %s cannot be finished: %w", version, serving, version, err),
				Hint:   fmt.Sprintf("Decide: `mage deploy:here %s` goes on, `mage rollback %s` goes back.", version, serving),
			}
		}
		h.emit(Event{Kind: EventNote, Release: version, Text: fmt.Sprintf("the database was being migrated for %s, which %s may not survive: going on with it", version, serving)})
		options.AcceptDowntime = true // it was given to the command that was interrupted
		options.Rollback = want.ID < serving.ID
		return h.Rollout(ctx, want, options)
	}
	options.Rollback = true
	return h.Rollout(ctx, serving, options)
}

// migrating gives the version whose command was killed, or failed for good,
// while or after it changed the database in a way that the release before may
// not survive; empty for none.
func migrating(events []Event) string {
	version, migrated := "", false
	for _, event := range events {
		step := Step{}
		if event.Step != nil {
			step = *event.Step
		}
		switch {
		case event.Kind == EventPlan:
			version, migrated = event.Release, false
		case event.Kind == EventOutcome && event.Text == string(OutcomeStuck):
		case event.Kind == EventOutcome, event.Kind == EventBack:
			version, migrated = "", false
		case event.Kind == EventStart && step.Breaks:
			migrated = true
		case event.Kind == EventDone && step.Action == ActionCommit:
			version, migrated = "", false
		}
	}
	if !migrated {
		return ""
	}
	return version
}

// recoverNothing clears what an interrupted first deploy has started. What
// somebody else started stays, and so do volumes.
func (h *Host) recoverNothing(ctx context.Context, options Options) (*Report, error) {
	report := &Report{Outcome: OutcomeUnchanged, Started: time.Now()}
	defer func() { report.Elapsed = time.Since(report.Started) }()
	begun, err := h.newestRecorded(ctx)
	if err != nil || begun == nil {
		return report, err
	}
	report.To = begun.Version
	state, err := h.Observe(ctx, begun)
	if err == nil {
		err = h.refuseForeign(state)
	}
	if err != nil {
		report.Outcome = OutcomeUntouched
		return report, err
	}
	if len(state.Containers) == 0 {
		return report, nil
	}
	if options.PlanOnly {
		report.Outcome = OutcomePlanned
		h.emit(Event{Kind: EventPlan, Release: begun.Version, Text: fmt.Sprintf("%s: nothing served before %s, so that nothing of it stays: %d containers are removed\n", begun.Environment.Name, begun, len(state.Containers))})
		return report, nil
	}
	r := &runner{Host: h, plan: &Plan{Environment: begun.Environment.Name, To: begun}, report: report, seen: map[string]ServerCounters{}}
	if err := h.removeNew(ctx, State{Containers: state.foreign()}, r); err != nil {
		report.Outcome = OutcomeStuck
		return report, &Failure{Status: ExitNeedsPerson, Err: fmt.Errorf("clear what the first deploy of %s left: %w", begun, err), Hint: stuckHint(nil, err)}
	}
	report.Outcome = OutcomeCleared
	return report, nil
}

// newestRecorded is the release that was begun last, decoded; nil for none.
func (h *Host) newestRecorded(ctx context.Context) (*Release, error) {
	ids, err := h.Store.Releases()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	release, err := h.Store.Load(slices.Max(ids))
	if err != nil {
		return nil, err
	}
	return release, h.Decode(ctx, release)
}
