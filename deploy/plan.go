package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Action is what a step does.
type Action string

// The actions, in the order in which a rolling release uses them.
const (
	// ActionPull brings an image to the host.
	ActionPull Action = "pull"
	// ActionClear removes what an interrupted command left behind.
	ActionClear Action = "clear"
	// ActionReplace stops, removes and creates a kept service's container:
	// the one action that interrupts.
	ActionReplace Action = "replace"
	// ActionMigrate applies the release's migrations in its own image.
	ActionMigrate Action = "migrate"
	// ActionBackup takes a backup of the database before it is put at risk.
	ActionBackup Action = "backup"
	// ActionRevert undoes migrations in the image of the release that is left.
	ActionRevert Action = "revert"
	// ActionStart creates and starts containers beside what runs.
	ActionStart Action = "start"
	// ActionAwait waits until started containers pass their checks.
	ActionAwait Action = "await"
	// ActionQuiet makes old workers take no new work.
	ActionQuiet Action = "quiet"
	// ActionResume makes quiet workers take work again.
	ActionResume Action = "resume"
	// ActionConfigure writes the proxy's file and loads a changed structure.
	ActionConfigure Action = "configure"
	// ActionSwitch moves all new requests in one batch.
	ActionSwitch Action = "switch"
	// ActionVerify asks the public endpoints.
	ActionVerify Action = "verify"
	// ActionWatch compares the new servers' figures with the old ones'.
	ActionWatch Action = "watch"
	// ActionStop stops a singleton and sees it gone before the next step.
	ActionStop Action = "stop"
	// ActionCommit makes the release the one that serves.
	ActionCommit Action = "commit"
	// ActionSeed imports sample data in the new image.
	ActionSeed Action = "seed"
	// ActionRegister tells the error tracker of the release.
	ActionRegister Action = "register"
	// ActionHook runs a command of the user's own.
	ActionHook Action = "hook"
	// ActionRetire drains, stops, and removes old containers.
	ActionRetire Action = "retire"
	// ActionPrune removes the images and records of releases that are not kept.
	ActionPrune Action = "prune"
)

// Step is one thing to do. It is data: the plan's text, the journal and the
// tests show the same step that the runner runs.
type Step struct {
	Action Action `json:"action"`
	// Service is empty for a step that concerns them all.
	Service string `json:"service,omitempty"`
	// Containers are named before they exist: Compose numbers them upwards.
	Containers []string `json:"containers,omitempty"`
	// Routing is what a switch establishes.
	Routing Routing `json:"routing,omitempty"`
	// Image is what a pull brings.
	Image *Image `json:"image,omitempty"`
	// Expect is about how long it takes, where that is worth saying.
	Expect time.Duration `json:"expect,omitempty"`
	// Grace bounds the grace period of what is parked; 0 leaves it its own.
	Grace time.Duration `json:"grace,omitempty"`
	// Migrations are what a migrate or revert does; none is all that is pending.
	Migrations []StepMigration `json:"migrations,omitempty"`
	// Breaks says that the release which serves may not survive the step: once
	// it has begun, the way is forward.
	Breaks bool `json:"breaks,omitempty"`
	// Gap marks the steps of an adoption during which the ports are nobody's.
	Gap bool `json:"gap,omitempty"`
	// Hook is what a hook's step runs.
	Hook *StepHook `json:"hook,omitempty"`
	// Cause says why the step is needed.
	Cause string `json:"cause"`
}

// Subject is what the step acts on, in words.
func (s Step) Subject() string {
	switch {
	case s.Hook != nil && s.Service != "":
		return fmt.Sprintf("%s: %s in %s", s.Hook.Name, s.Hook.Program, s.Service)
	case s.Hook != nil:
		return fmt.Sprintf("%s: %s on the host", s.Hook.Name, s.Hook.Program)
	case s.Image != nil:
		return s.Image.Reference
	case len(s.Routing) > 0:
		var parts []string
		for _, containers := range sortedRouting(s.Routing) {
			parts = append(parts, containers...)
		}
		return strings.Join(parts, ", ")
	case len(s.Containers) > 0:
		return strings.Join(s.Containers, ", ")
	default:
		return s.Service
	}
}

// StepMigration is one migration in a step.
type StepMigration struct {
	MigrationID
	// Breaks says that the release which serves may not survive it.
	Breaks bool `json:"breaks,omitempty"`
	// Note says what is known of it: "additive, reversible".
	Note string `json:"note,omitempty"`
}

// String is the step on one line.
func (s Step) String() string {
	if s.Cause == "" {
		return s.head()
	}
	return s.head() + " (" + s.Cause + ")"
}

func (s Step) head() string {
	return strings.TrimSpace(fmt.Sprintf("%-9s %s", s.Action, s.Subject()))
}

// planWidth is what a step may take of a line of 80 columns.
const planWidth = 74

// within is String with the cause on a line of its own where it does not fit.
func (s Step) within(width int) string {
	if text := s.String(); utf8.RuneCountInString(text) <= width {
		return text
	}
	return fmt.Sprintf("%s\n%16s(%s)", s.head(), "", s.Cause)
}

// within is the migration and what is known of it, on a second line where the
// two do not fit on one.
func (m StepMigration) within(width int) string {
	text := m.String() + ": " + m.Note
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return m.String() + "\n" + Wrap(m.Note, 18, width-2)
}

// Wrap breaks a text into lines of at most that width, each behind an indent of
// so many spaces.
func Wrap(text string, indent, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	prefix := strings.Repeat(" ", indent)
	return prefix + strings.Join(append(lines, line), "\n"+prefix)
}

// Stage is a set of steps that run side by side. The next stage starts when
// all of them are done.
type Stage []Step

// Plan is how a host gets from its state to a release.
type Plan struct {
	Environment string
	From, To    *Release
	// Heading says where the plan leads where the two releases do not.
	Heading string
	Overlap Overlap
	// Back says that the way leads back to what served before: a worker that
	// cannot be asked does not hold it up.
	Back bool
	// Why explains the overlap where memory decided it.
	Why    string
	Stages []Stage
	// revertTo is where a revert leads.
	revertTo []MigrationID
	// Interruptions are the steps that interrupt; a plan with any of them
	// needs the user's consent.
	Interruptions []Interruption
}

// Interruption is a step that cannot be done without a gap.
type Interruption struct {
	Service string
	Seconds int
	Cause   string
	// Advice says how it can be had without the gap; empty for not at all.
	Advice string
}

// Overlap is how long old and new containers run side by side.
type Overlap string

const (
	// OverlapWarm keeps every old container until the watch ends: going back
	// takes milliseconds.
	OverlapWarm Overlap = "warm"
	// OverlapBrief retires the old containers right after the one switch:
	// going back means starting them again.
	OverlapBrief Overlap = "brief"
	// OverlapSingle replaces one service after the other, each with a switch
	// of its own.
	OverlapSingle Overlap = "single"
)

// Empty says whether nothing is left to do.
func (p *Plan) Empty() bool { return len(p.Stages) == 0 }

// Steps gives all steps in order.
func (p *Plan) Steps() []Step {
	var steps []Step
	for _, stage := range p.Stages {
		steps = append(steps, stage...)
	}
	return steps
}

// Has says whether the plan has a step with that action.
func (p *Plan) Has(action Action) bool {
	return slices.ContainsFunc(p.Steps(), func(s Step) bool { return s.Action == action })
}

// String is the plan for people: what -plan prints.
func (p *Plan) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n", p.Environment, p.Title())
	if p.Empty() {
		out.WriteString("  nothing to do: this release serves\n")
		return out.String()
	}
	if p.Why != "" {
		fmt.Fprintf(&out, "  %s\n", p.Why)
	}
	for number, stage := range p.Stages {
		for at, step := range stage {
			label := fmt.Sprintf("%2d", number+1)
			if at > 0 {
				label = "  "
			}
			fmt.Fprintf(&out, "  %s  %s\n", label, step.within(planWidth))
			for _, migration := range step.Migrations {
				fmt.Fprintf(&out, "%16s%s\n", "", migration.within(planWidth-10))
			}
		}
	}
	for _, interruption := range p.Interruptions {
		fmt.Fprintf(&out, "  ! %s is interrupted for about %d s: %s\n", interruption.Service, interruption.Seconds, interruption.Cause)
	}
	return out.String()
}

// Title says where the plan leads.
func (p *Plan) Title() string {
	switch {
	case p.Heading != "":
		return p.Heading
	case p.To == nil:
		return "back to nothing"
	case p.From == nil:
		return "first deploy of " + p.To.String()
	case p.From.Version == p.To.Version:
		return p.To.String()
	default:
		return p.From.String() + " → " + p.To.String()
	}
}

func sortedRouting(routing Routing) [][]string {
	var names []string
	for name := range routing {
		names = append(names, name)
	}
	slices.Sort(names)
	var sorted [][]string
	for _, name := range names {
		sorted = append(sorted, routing[name])
	}
	return sorted
}
