package deploy

import "time"

// EventKind says what an event tells.
type EventKind string

// The kinds of events.
const (
	EventPlan  EventKind = "plan"
	EventStart EventKind = "start"
	EventDone  EventKind = "done"
	EventFail  EventKind = "fail"
	// EventCut is a step that ended because another of its stage failed.
	EventCut      EventKind = "cut"
	EventProgress EventKind = "progress"
	EventNote     EventKind = "note"
	EventBack     EventKind = "back"
	EventOutcome  EventKind = "outcome"
	// EventRefused is a command that did not come to a plan; the text says why.
	EventRefused EventKind = "refused"
)

// Event is one thing that happened in a rollout. The journal keeps them, a
// terminal shows them.
type Event struct {
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	Release string    `json:"release,omitempty"`
	// Command is what a plan is for: deploy, rollback, restart or recover; empty
	// for the second plan of a command, and for an adoption's. Previous is what
	// served before it.
	Command  string `json:"command,omitempty"`
	Previous string `json:"previous,omitempty"`
	// Stage counts from 1; 0 is behind the plan.
	Stage int   `json:"stage,omitempty"`
	Step  *Step `json:"step,omitempty"`
	// Elapsed is how long the step took, once it is done.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Text is for people: a plan, a note, an error, an outcome.
	Text string `json:"text,omitempty"`
	// Current and Total count bytes while something is pulled.
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// Durable says whether the journal must be on the disk before the rollout
// goes on: what recovery and history are made from.
func (e Event) Durable() bool {
	return e.Kind != EventProgress && e.Kind != EventNote
}
