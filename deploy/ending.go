package deploy

import (
	"context"
	"fmt"
	"slices"
)

// The commands that hooks are told of.
const (
	commandDeploy   = "deploy"
	commandRollback = "rollback"
	commandRestart  = "restart"
	commandRecover  = "recover"
)

// ending is how a command ended, for the hooks that wait for that.
type ending struct {
	// command is what ended: of a recovery the command that was interrupted.
	command string
	outcome Outcome
	// serves is the release that serves now; nil for none.
	serves *Release
	// done are the hooks that had their turn.
	done []StepHook
}

// due gives the steps that are left for a command that ended so.
func (e *ending) due(hooks *Hooks) []Step {
	var moments []HookMoment
	switch {
	case e.command == commandRestart:
	case e.outcome == OutcomeDeployed && e.command == commandRollback:
		moments = []HookMoment{HookOnRollback}
	case e.outcome == OutcomeDeployed:
		moments = []HookMoment{HookAfterSuccess}
	case e.outcome == OutcomeRolledBack:
		moments = []HookMoment{HookOnFailure, HookOnRollback}
	default:
		moments = []HookMoment{HookOnFailure}
	}
	var steps []Step
	for _, moment := range moments {
		for _, hook := range hooks.at(moment) {
			step := hook.step(moment)
			if !slices.ContainsFunc(e.done, func(d StepHook) bool { return d.Moment == moment && d.Name == hook.Name }) {
				steps = append(steps, step)
			}
		}
	}
	return steps
}

// conclude runs what waits for a command's end, each step a step like others:
// whoever is killed meanwhile has it done by the recovery. What fails of it is
// said and changes nothing.
func (h *Host) conclude(ctx context.Context, r *runner, e ending) {
	for _, step := range r.report.Steps {
		if step.Step.Hook != nil {
			e.done = append(e.done, *step.Step.Hook)
		}
	}
	steps := e.due(&r.plan.To.Environment.Settings.Hooks)
	if len(steps) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingTimeout)
	defer cancel()
	var err error
	if e.serves, err = h.Serving(ctx); err != nil {
		r.note("which release serves is not known to hooks: %v", err)
	}
	last := &runner{Host: h, plan: r.plan, report: r.report, seen: r.seen, kind: r.kind, ending: &e}
	for _, step := range steps {
		if err := last.step(ctx, 0, step); err != nil {
			return // the deployer's own time is up
		}
	}
}

// broken is a command that was killed, as far as the journal tells of it.
type broken struct {
	command string
	// version is where it led, and previous what served before it.
	version, previous string
	// switched says that the version may have had requests.
	switched bool
	done     []StepHook
}

// brokenCommand gives the command whose end the journal does not have; nil
// where every one came to its end, or had not begun. The recoveries from it are
// part of it.
func brokenCommand(events []Event) *broken {
	var found *broken
	begun := false
	for _, event := range events {
		step := Step{}
		if event.Step != nil {
			step = *event.Step
		}
		switch event.Kind {
		case EventPlan:
			if event.Command != "" && event.Command != commandRecover {
				found, begun = &broken{command: event.Command, version: event.Release, previous: event.Previous}, false
			}
		case EventOutcome:
			found, begun = nil, false
		case EventStart:
			begun = true
			if moves := step.Action == ActionSwitch || step.Action == ActionConfigure; moves && found != nil && event.Release == found.version {
				found.switched = true
			}
		case EventDone:
			if step.Hook != nil && found != nil {
				found.done = append(found.done, *step.Hook)
			}
		}
	}
	if !begun {
		return nil
	}
	return found
}

// concludeBroken runs what waits for the end of a command that was killed, once
// its recovery is done, and notes that end: whoever comes next has nothing left
// to recover.
func (h *Host) concludeBroken(ctx context.Context, b *broken, report *Report) {
	if b == nil || report.Outcome == OutcomePlanned {
		return
	}
	want, err := h.Store.Find(b.version)
	if err == nil {
		err = h.Decode(ctx, want)
	}
	if err != nil {
		h.emit(Event{Kind: EventNote, Release: b.version, Text: fmt.Sprintf("the hooks of %s are not known: %v", b.version, err)})
		return
	}
	e := ending{command: b.command, outcome: OutcomeUntouched, done: b.done}
	id, err := h.Store.Serving()
	switch {
	case report.Outcome == OutcomeStuck:
		e.outcome = OutcomeStuck
	case err == nil && id == want.ID:
		e.outcome = OutcomeDeployed
	case b.switched:
		e.outcome = OutcomeRolledBack
	}
	plan := &Plan{Environment: want.Environment.Name, To: want}
	if b.previous != "" {
		plan.From = &Release{Version: b.previous}
	}
	r := &runner{Host: h, plan: plan, report: report, seen: map[string]ServerCounters{}, kind: commandRecover}
	h.conclude(ctx, r, e)
}
