package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func write(t *testing.T, store *deploy.Store, events ...deploy.Event) {
	t.Helper()
	journal, err := store.OpenJournal()
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if err := journal.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
}

// told gives the texts of the journal's events.
func told(t *testing.T, store *deploy.Store) string {
	t.Helper()
	events, err := store.Events()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, event := range events {
		texts = append(texts, event.Text)
	}
	return strings.Join(texts, " ")
}

func note(text string) deploy.Event { return deploy.Event{Kind: deploy.EventNote, Text: text} }

func TestJournalIsAppendedTo(t *testing.T) {
	store := newStore(t)
	if got := told(t, store); got != "" {
		t.Errorf("an empty host tells %q", got)
	}
	step := &deploy.Step{Action: deploy.ActionSwitch, Routing: deploy.Routing{"web": {"shop-web-2"}}, Cause: "all at once"}
	write(t, store, deploy.Event{At: monday, Kind: deploy.EventDone, Release: "v2", Stage: 4, Step: step, Text: "one"})
	write(t, store, deploy.Event{Kind: deploy.EventProgress, Text: "not kept"}, note("two"))
	if got := told(t, store); got != "one two" {
		t.Errorf("it tells %q", got)
	}
	events, err := store.Events()
	if err != nil || !events[0].At.Equal(monday) || events[0].Stage != 4 || events[0].Step.String() != step.String() {
		t.Errorf("the first is %+v (%v)", events[0], err)
	}
}

func TestJournalSurvivesATornLine(t *testing.T) {
	store := newStore(t)
	write(t, store, note("one"))
	path := filepath.Join(store.Directory, ".deploy/journal.jsonl")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(content, `{"at":"2026-09-21T08:15`...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := told(t, store); got != "one" {
		t.Errorf("it tells %q", got)
	}
	write(t, store, note("two"), note("three"))
	if got := told(t, store); got != "one two three" {
		t.Errorf("behind the torn line it tells %q", got)
	}
}

func TestJournalTakesManyAtOnce(t *testing.T) {
	store := newStore(t)
	journal, err := store.OpenJournal()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for number := range 20 {
				if err := journal.Write(note(fmt.Sprint(writer, number))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	if events, err := store.Events(); err != nil || len(events) != 160 {
		t.Errorf("%d events (%v)", len(events), err)
	}
}

// TestJournalsAreRotated fills journals: long ones are put aside, the oldest go,
// and one whose last command was interrupted stays for whoever recovers.
func TestJournalsAreRotated(t *testing.T) {
	store := newStore(t)
	folder := filepath.Join(store.Directory, ".deploy")
	long := deploy.Event{Kind: deploy.EventNote, At: monday, Text: strings.Repeat("much is said. ", 100_000)}
	begun := deploy.Event{Kind: deploy.EventStart, At: monday, Step: &deploy.Step{Action: deploy.ActionSwitch}}
	ended := deploy.Event{Kind: deploy.EventOutcome, At: monday, Text: "deployed"}
	aside := func() int {
		files, err := filepath.Glob(filepath.Join(folder, "journal-*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	write(t, store, begun, long)
	write(t, store)
	if events, err := store.Events(); aside() > 0 || err != nil || !deploy.Interrupted(events) {
		t.Errorf("the journal of an interrupted command was put aside (%v)", err)
	}
	write(t, store, ended)
	for number := range 8 {
		// Each is named after its last change.
		path := filepath.Join(folder, "journal.jsonl")
		if err := os.Chtimes(path, monday, monday.Add(time.Duration(number)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		write(t, store, begun, long, ended)
	}
	if events, err := store.Events(); aside() != 5 || len(events) != 3 || err != nil {
		t.Errorf("%d are kept aside and %d events are in the newest (%v)", aside(), len(events), err)
	}
}
