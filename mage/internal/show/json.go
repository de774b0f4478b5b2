package show

import (
	"encoding/json"
	"io"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// JSON prints a value for programs.
func JSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// HistoryJSON prints the newest commands as an array of objects which all have
// the same keys.
func HistoryJSON(out io.Writer, entries []deploy.HistoryEntry, count int) error {
	return JSON(out, listed(entries[:min(count, len(entries))]))
}

// listed is an empty array where there is nothing.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// toldJSON is a command with all that happened in it.
type toldJSON struct {
	deploy.HistoryEntry
	// Text is the whole error, with its hint and logs.
	Text         string      `json:"text"`
	DamagedLines int         `json:"damaged_lines"`
	Events       []eventJSON `json:"events"`
}

type eventJSON struct {
	At time.Time `json:"at"`
	// Since is how many seconds after the command's start.
	Since   float64          `json:"since_start"`
	Kind    deploy.EventKind `json:"kind"`
	Release string           `json:"release"`
	Stage   int              `json:"stage"`
	Action  deploy.Action    `json:"action"`
	Subject string           `json:"subject"`
	Cause   string           `json:"cause"`
	// Seconds is how long a step took that ended here; else null.
	Seconds *float64 `json:"seconds"`
	Text    string   `json:"text"`
}

// ToldJSON prints a command with all that happened in it.
func ToldJSON(out io.Writer, told *session.PastCommand) error {
	whole := toldJSON{HistoryEntry: told.HistoryEntry, Events: []eventJSON{}}
	if told.Past != nil {
		whole.DamagedLines = told.Past.Damaged
		if told.Past.Result != nil {
			whole.Text = told.Past.Result.Text
		}
		for _, event := range told.Past.Events {
			whole.Events = append(whole.Events, eventOf(event, told.Started))
		}
	}
	return JSON(out, whole)
}

func eventOf(event deploy.Event, started time.Time) eventJSON {
	one := eventJSON{
		At: event.At, Since: event.At.Sub(started).Round(time.Millisecond).Seconds(), Kind: event.Kind,
		Release: event.Release, Stage: event.Stage, Text: event.Text,
	}
	if event.Step != nil {
		one.Action, one.Subject, one.Cause = event.Step.Action, event.Step.Subject(), event.Step.Cause
	}
	switch event.Kind {
	case deploy.EventDone, deploy.EventFail, deploy.EventCut:
		took := event.Elapsed.Round(time.Millisecond).Seconds()
		one.Seconds = &took
	default:
	}
	return one
}

// DifferenceJSON prints what one release has other than another one.
func DifferenceJSON(out io.Writer, d *deploy.Difference) error {
	whole := *d
	whole.Commits.Added, whole.Commits.Removed = listed(d.Commits.Added), listed(d.Commits.Removed)
	whole.Images.Services, whole.Compose.Hunks = listed(d.Images.Services), listed(d.Compose.Hunks)
	whole.Variables.Added, whole.Variables.Removed, whole.Variables.Changed = listed(d.Variables.Added), listed(d.Variables.Removed), listed(d.Variables.Changed)
	whole.Migrations.Added, whole.Migrations.Removed = listed(d.Migrations.Added), listed(d.Migrations.Removed)
	return JSON(out, whole)
}
