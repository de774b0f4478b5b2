package deploy

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Kept is the evidence of one container that was taken away.
type Kept struct {
	Container string
	Evidence
}

// Kept reads what is kept of a release's containers that was written since a
// moment.
func (s *Store) Kept(id string, since time.Time) ([]Kept, error) {
	folder := s.release(id, "containers")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var kept []Kept
	for _, entry := range entries {
		name, isLog := strings.CutSuffix(entry.Name(), ".log")
		info, err := entry.Info()
		if !isLog || err != nil || info.ModTime().Before(since) {
			continue
		}
		one := Kept{Container: name}
		if one.Logs, err = os.ReadFile(s.release(id, "containers", entry.Name())); err != nil {
			continue // it is being removed
		}
		one.Inspect, _ = os.ReadFile(s.release(id, "containers", name+".json")) // the log alone tells as well
		kept = append(kept, one)
	}
	return kept, nil
}

// LastFailure is the last command of a journal, where it failed.
type LastFailure struct {
	// Version is what it was to bring, Step the one that failed; nil where it was
	// refused before any.
	Version string
	Step    *Step
	// Text is the error.
	Text string
	// Began and At are when it began and when it failed.
	Began, At time.Time
}

// FailureOf finds out how the last command of a journal failed; nil where it
// did not, or where somebody interrupted it.
func FailureOf(events []Event) *LastFailure {
	var last, current *LastFailure
	var began time.Time
	for _, event := range events {
		if began.IsZero() {
			began = event.At
		}
		switch event.Kind {
		case EventFail, EventBack:
			if current == nil {
				current = &LastFailure{Version: event.Release, Step: event.Step, Text: event.Text, Began: began, At: event.At}
			}
		case EventRefused:
			last = &LastFailure{Version: event.Release, Text: event.Text, Began: began, At: event.At}
			current, began = nil, time.Time{}
		case EventOutcome:
			last = nil
			if current != nil && event.Text != string(OutcomeDeployed) && !byHand(current.Text) {
				last = current
			}
			current, began = nil, time.Time{}
		}
	}
	return last
}

// byHand says whether a command failed because somebody ended it.
func byHand(text string) bool {
	return strings.Contains(text, "signal received") || strings.Contains(text, "context canceled")
}
