package deploy

import (
	"time"
)

// Outcome is how a command ended.
type Outcome string

// The outcomes.
const (
	// OutcomeUnchanged: the release served already.
	OutcomeUnchanged Outcome = "unchanged"
	// OutcomePlanned: only the plan was asked for.
	OutcomePlanned Outcome = "planned"
	// OutcomeDeployed: the release serves.
	OutcomeDeployed Outcome = "deployed"
	// OutcomeUntouched: it failed before any request reached it.
	OutcomeUntouched Outcome = "failed, untouched"
	// OutcomeRolledBack: it had requests and was taken back.
	OutcomeRolledBack Outcome = "rolled back"
	// OutcomeReturned: an adoption was undone.
	OutcomeReturned Outcome = "taken back, and what stood before serves"
	// OutcomeCleared: what an interrupted first deploy had left was removed.
	OutcomeCleared Outcome = "cleared"
	// OutcomeStuck: it failed, and so did the way back.
	OutcomeStuck Outcome = "needs a person"
)

// word is the outcome for programs.
func (o Outcome) word() string {
	switch o {
	case OutcomeUntouched:
		return "untouched"
	case OutcomeRolledBack:
		return "rolled_back"
	case OutcomeStuck:
		return "needs_a_person"
	default:
		return string(o)
	}
}

// StepTime is a step and how long it took.
type StepTime struct {
	Step    Step          `json:"step"`
	Elapsed time.Duration `json:"elapsed"`
}

// Report is what came of a command.
type Report struct {
	Outcome Outcome `json:"outcome"`
	From    string  `json:"from,omitempty"`
	To      string  `json:"to,omitempty"`
	// Commit is the hash of the source that To was made of; empty where it is
	// not known.
	Commit string `json:"commit,omitempty"`
	// Recovered says that the command's process was killed, and that another one
	// has recovered from that: the report is of its work.
	Recovered bool          `json:"recovered,omitempty"`
	Started   time.Time     `json:"started"`
	Elapsed   time.Duration `json:"elapsed"`
	Steps     []StepTime    `json:"steps,omitempty"`
	Plan      *Plan         `json:"-"`
	Switched  bool          `json:"switched"`
	// Switch is how long the batch of runtime commands took.
	Switch time.Duration `json:"switch"`
	Probe  ProbeStats    `json:"probe"`
	// Gap is how long nobody had the ports that an adoption moves: from when
	// the first container that published one was told to stop until all routes
	// were served again.
	Gap time.Duration `json:"gap,omitempty"`
	// Before are the mean response times of the services that had the requests
	// before the switch, where the proxy knew them.
	Before map[string]time.Duration `json:"response_before,omitempty"`
	// Beyond are the migrations that are applied, or undone, although the release
	// that served before may not survive that: the way is forward.
	Beyond []string `json:"beyond,omitempty"`
	// Warnings are what a person should look at although it stopped nothing.
	Warnings []string `json:"warnings,omitempty"`
	// EndedAtDeadline counts what was still open at the drain deadline.
	EndedAtDeadline int `json:"ended_at_deadline"`
	// Retries and Redispatches are the proxy's own, for connections that did
	// not come about.
	Retries      int64 `json:"retries"`
	Redispatches int64 `json:"redispatches"`
	// Maintenance was on meanwhile, and is; nil for none.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
}

// Spent sums the time of the steps with these actions, taking of each stage
// the longest.
func (r *Report) Spent(actions ...Action) time.Duration {
	var sum time.Duration
	for _, action := range actions {
		for _, step := range r.Steps {
			if step.Step.Action == action {
				sum += step.Elapsed
			}
		}
	}
	return sum
}
