package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// past writes the transcripts of commands, as those do.
type past struct {
	t     *testing.T
	store *Store
}

func newPast(t *testing.T) *past {
	return &past{t: t, store: &Store{Directory: t.TempDir(), Environment: "test"}}
}

// begin begins a command and, with a version, its plan and first step.
func (p *past) begin(what, version string) *Transcript {
	p.t.Helper()
	<-time.After(2 * time.Millisecond) // identifiers sort by time
	transcript, err := p.store.NewTranscript(what, "anna@laptop", "")
	if err == nil {
		err = transcript.Begin()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if version != "" {
		p.say(transcript, Event{Kind: EventPlan, Release: version, Text: "test: " + version})
		p.say(transcript, Event{Kind: EventStart, Step: &Step{Action: ActionStart, Service: "web"}})
	}
	return transcript
}

func (p *past) say(transcript *Transcript, event Event) {
	p.t.Helper()
	event.At = time.Now()
	if err := transcript.Event(event); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) end(transcript *Transcript, report *Report, err error) string {
	p.t.Helper()
	if err := transcript.End(NewResult(report, err)); err != nil {
		p.t.Fatal(err)
	}
	return transcript.Run.ID
}

// kill does what the kernel does for a command that is killed.
func (p *past) kill(transcript *Transcript) string {
	_ = transcript.File().Close()
	return transcript.Run.ID
}

func (p *past) history() []HistoryEntry {
	p.t.Helper()
	entries, err := p.store.History()
	if err != nil {
		p.t.Fatal(err)
	}
	return entries
}

func reported(outcome Outcome, from, to string) *Report {
	return &Report{Outcome: outcome, From: from, To: to, Started: time.Now(), Elapsed: time.Second, Commit: "c0ffee-" + to}
}

func TestHistoryOfCommands(t *testing.T) {
	untouched := &Failure{Err: errors.New("await web-2: it exited\nrelease v3 never had a request")}
	takenBack := &Failure{Status: ExitRolledBack, Err: errors.New("verify: 500")}
	for _, test := range []struct {
		name   string
		run    func(p *past)
		want   HistoryEntry
		status int
	}{
		{"deployed", func(p *past) { p.end(p.begin("deploy:here v2", "v2"), reported(OutcomeDeployed, "v1", "v2"), nil) },
			HistoryEntry{Outcome: OutcomeDeployed, From: "v1", To: "v2", Serves: "v2", Commit: "c0ffee-v2", Begun: true}, 0},
		{"rolled back by hand", func(p *past) { p.end(p.begin("rollback v1", "v1"), reported(OutcomeDeployed, "v2", "v1"), nil) },
			HistoryEntry{Outcome: OutcomeDeployed, From: "v2", To: "v1", Serves: "v1", RolledBackFrom: "v2", RolledBackTo: "v1", Commit: "c0ffee-v1", Begun: true}, 0},
		{"rolled back by itself", func(p *past) {
			p.end(p.begin("deploy:here v3", "v3"), reported(OutcomeRolledBack, "v2", "v3"), takenBack)
		}, HistoryEntry{Outcome: OutcomeRolledBack, From: "v2", To: "v3", Serves: "v2", RolledBackFrom: "v3", RolledBackTo: "v2", Commit: "c0ffee-v3", Begun: true, Error: "verify: 500"}, ExitRolledBack},
		{"untouched", func(p *past) {
			p.end(p.begin("deploy:here v3", "v3"), reported(OutcomeUntouched, "v2", "v3"), untouched)
		}, HistoryEntry{Outcome: OutcomeUntouched, From: "v2", To: "v3", Serves: "v2", Commit: "c0ffee-v3", Begun: true, Error: "await web-2: it exited"}, ExitFailed},
		{"refused", func(p *past) {
			p.end(p.begin("deploy:staging v3", ""), nil, &Locked{Holder: Holder{What: "deploy:staging v2", Who: "bert"}})
		}, HistoryEntry{Outcome: OutcomeRefused}, ExitLocked},
		{"failed before its first step", func(p *past) { p.end(p.begin("deploy:staging v3", ""), nil, errors.New("no room")) },
			HistoryEntry{Outcome: OutcomeUntouched, Error: "no room"}, ExitFailed},
		{"needs a person", func(p *past) {
			p.end(p.begin("deploy:here v3", "v3"), reported(OutcomeStuck, "v2", "v3"), &Failure{Status: ExitNeedsPerson, Err: errors.New("both failed")})
		}, HistoryEntry{Outcome: OutcomeStuck, From: "v2", To: "v3", Commit: "c0ffee-v3", Begun: true, Error: "both failed"}, ExitNeedsPerson},
		{"its worker died", func(p *past) {
			report := reported(OutcomeDeployed, "v1", "v1")
			report.Recovered = true
			p.end(p.begin("deploy:here v2", "v2"), report, &Failure{Err: errors.New("the process 7 died")})
		}, HistoryEntry{Outcome: OutcomeRecovered, From: "v1", To: "v2", Serves: "v1", Begun: true, Error: "the process 7 died"}, ExitFailed},
		{"its worker died behind the commit", func(p *past) {
			p.end(p.begin("deploy:here v1", "v1"), reported(OutcomeDeployed, "", "v1"), nil)
			report := reported(OutcomeUnchanged, "v2", "v2")
			report.Recovered = true
			p.end(p.begin("deploy:here v2", "v2"), report, nil)
		}, HistoryEntry{Outcome: OutcomeDeployed, From: "v1", To: "v2", Serves: "v2", Commit: "c0ffee-v2", Begun: true}, 0},
		{"no rollout", func(p *past) { p.end(p.begin("backup:take", ""), nil, nil) }, HistoryEntry{Outcome: OutcomeDone}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPast(t)
			test.run(p)
			got := p.history()[0]
			if got.Status == nil || *got.Status != test.status || got.Seconds == nil || got.Who != "anna@laptop" || !got.Transcript || len(got.Short) != 4 {
				t.Errorf("%+v", got)
			}
			if test.status == ExitLocked && strings.Contains(got.Error, "bert") {
				got.Error = ""
			}
			test.want.ID, test.want.Short, test.want.What, test.want.Who, test.want.Started = got.ID, got.Short, got.What, got.Who, got.Started
			test.want.Seconds, test.want.Status, test.want.Transcript = got.Seconds, got.Status, true
			if got != test.want {
				t.Errorf("got    %+v\nwanted %+v", got, test.want)
			}
		})
	}
}

func TestPlansAreNoHistory(t *testing.T) {
	p := newPast(t)
	p.end(p.begin("deploy:plan v2", ""), reported(OutcomePlanned, "v1", "v2"), nil)
	if entries := p.history(); len(entries) != 0 {
		t.Errorf("%+v", entries)
	}
}

func TestRequestsAreThoseOfTheReport(t *testing.T) {
	p := newPast(t)
	report := reported(OutcomeDeployed, "v1", "v2")
	report.Probe = ProbeStats{Sent: 120, Failed: 3}
	p.end(p.begin("deploy:here v2", "v2"), report, nil)
	if got := p.history()[0]; got.Requests == nil || *got.Requests != 120 || *got.Lost != 3 {
		t.Errorf("%+v", got)
	}
}

func TestWhoRecoversFromAnInterruption(t *testing.T) {
	deployed := func(p *past, what string) string {
		return p.end(p.begin(what, "v1"), reported(OutcomeDeployed, "v1", "v1"), nil)
	}
	for _, test := range []struct {
		name string
		// run does it and gives who recovers, by identifier.
		run func(p *past) string
	}{
		{"recover", func(p *past) string { p.kill(p.begin("deploy:here v2", "v2")); return deployed(p, "recover") }},
		{"the next deploy", func(p *past) string { p.kill(p.begin("deploy:here v2", "v2")); return deployed(p, "deploy:here v3") }},
		{"a command that is no rollout recovers first", func(p *past) string {
			p.kill(p.begin("deploy:here v2", "v2"))
			return p.end(p.begin("prune", ""), nil, nil)
		}},
		{"nobody yet", func(p *past) string { p.kill(p.begin("deploy:here v2", "v2")); return "" }},
		{"not one that was refused", func(p *past) string {
			p.kill(p.begin("deploy:here v2", "v2"))
			p.end(p.begin("deploy:here v3", ""), nil, &Failure{Status: ExitUsage, Err: errors.New("no such version")})
			return deployed(p, "recover")
		}},
		{"not one that was interrupted itself", func(p *past) string {
			p.kill(p.begin("deploy:here v2", "v2"))
			p.kill(p.begin("recover", "v1"))
			return deployed(p, "recover")
		}},
		{"not one that ended before", func(p *past) string { deployed(p, "recover"); p.kill(p.begin("deploy:here v2", "v2")); return "" }},
		{"nothing to recover from", func(p *past) string {
			p.kill(p.begin("deploy:here v2", ""))
			deployed(p, "recover")
			return ""
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPast(t)
			by := test.run(p)
			seen := 0
			for _, entry := range p.history() {
				if entry.Outcome != OutcomeInterrupted {
					continue
				}
				if seen++; entry.RecoveredBy != by {
					t.Errorf("%s was recovered by %q, not by %q", entry.What, entry.RecoveredBy, by)
				}
			}
			if seen == 0 {
				t.Error("nothing was interrupted")
			}
		})
	}
}

func TestARunningCommandIsRunning(t *testing.T) {
	p := newPast(t)
	transcript := p.begin("deploy:here v2", "v2")
	if got := p.history()[0]; got.Outcome != OutcomeRunning || got.Seconds != nil || got.Status != nil {
		t.Errorf("while it runs: %+v", got)
	}
	p.kill(transcript)
	if got := p.history()[0]; got.Outcome != OutcomeInterrupted || got.Seconds == nil {
		t.Errorf("once it is dead: %+v", got)
	}
}

func TestDamagedTranscriptsAreTold(t *testing.T) {
	whole := func(p *past) string {
		transcript := p.begin("deploy:here v2", "v2")
		return p.end(transcript, reported(OutcomeDeployed, "v1", "v2"), nil)
	}
	read := func(t *testing.T, damage func(content []byte) []byte) (*Past, HistoryEntry) {
		t.Helper()
		p := newPast(t)
		id := whole(p)
		path := p.store.transcriptPath(id)
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, damage(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		past, err := p.store.Past(id)
		if err != nil {
			t.Fatal(err)
		}
		return past, p.history()[0]
	}
	t.Run("a torn last line", func(t *testing.T) {
		past, entry := read(t, func(content []byte) []byte { return content[:len(content)-20] })
		if past.Result != nil || len(past.Events) != 2 || past.Damaged != 0 || entry.Outcome != OutcomeInterrupted || entry.What != "deploy:here v2" {
			t.Errorf("%+v\n%+v", past, entry)
		}
	})
	t.Run("what a panic wrote", func(t *testing.T) {
		past, entry := read(t, func(content []byte) []byte {
			first, rest, _ := strings.Cut(string(content), "\n")
			return []byte(first + "\npanic: \x00\x1b[31m\n\n{\"event\":{\"kind\":\"done\"}}\n{}\n" + rest)
		})
		if past.Damaged != 4 || len(past.Events) != 2 || entry.Outcome != OutcomeDeployed || entry.Who != "anna@laptop" {
			t.Errorf("%+v\n%+v", past, entry)
		}
	})
	t.Run("an empty file", func(t *testing.T) {
		past, entry := read(t, func([]byte) []byte { return nil })
		if past.Result != nil || entry.Outcome != OutcomeInterrupted || entry.What != "" || time.Since(entry.Started) > time.Hour {
			t.Errorf("%+v", entry)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		_, entry := read(t, func(content []byte) []byte { return []byte(strings.Repeat("\xff\x00garbage", 1<<20) + "\n") })
		if entry.Outcome != OutcomeInterrupted || entry.Seconds == nil {
			t.Errorf("%+v", entry)
		}
	})
	t.Run("another file's name", func(t *testing.T) {
		p := newPast(t)
		whole(p)
		if err := os.WriteFile(filepath.Join(p.store.path("runs"), "notes.jsonl"), []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if entries := p.history(); len(entries) != 2 {
			t.Errorf("%+v", entries)
		}
	})
}

func TestOnlyTheLastProgressOfAnOpenStepIsKept(t *testing.T) {
	p := newPast(t)
	transcript := p.begin("deploy:here v2", "")
	one, other := &Step{Action: ActionPull, Service: "web"}, &Step{Action: ActionPull, Service: "worker"}
	for current := range int64(3) {
		for _, step := range []*Step{one, other} {
			if err := transcript.Event(Event{Kind: EventProgress, Step: step, At: time.Now().Add(time.Duration(current) * time.Second), Current: current, Total: 9}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.say(transcript, Event{Kind: EventDone, Step: one})
	id := p.kill(transcript)
	past, err := p.store.Past(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(past.Events) != 2 || past.Events[0].Step.Service != "worker" || past.Events[0].Current != 2 || past.Events[1].Kind != EventDone {
		t.Errorf("%+v", past.Events)
	}
}

func TestTranscriptsTakeABoundedSpace(t *testing.T) {
	p := newPast(t)
	big := strings.Repeat("x", 3<<20)
	running := p.begin("deploy:staging v1", "v1")
	for range 14 {
		transcript := p.begin("deploy:here v2", "v2")
		p.say(transcript, Event{Kind: EventNote, Text: big})
		p.end(transcript, nil, nil)
	}
	ids, err := p.store.Transcripts()
	if err != nil || len(ids) > 12 || len(ids) < 9 || !slices.Contains(ids, running.Run.ID) {
		t.Errorf("%d are kept (%v)", len(ids), err)
	}
	p.kill(running)
	p.end(p.begin("status", ""), nil, nil)
	if ids, _ := p.store.Transcripts(); slices.Contains(ids, running.Run.ID) {
		t.Error("the oldest stays although its command is over")
	}
}

func TestTwoHundredCommands(t *testing.T) {
	p := newPast(t)
	for number := range keepTranscripts {
		p.end(p.begin(fmt.Sprint("deploy:here v", number), ""), nil, nil)
	}
	entries := p.history()
	if len(entries) != keepTranscripts || entries[0].What != "deploy:here v199" || entries[199].What != "deploy:here v0" {
		t.Fatalf("%d commands, from %+v", len(entries), entries[0])
	}
	names := map[string]bool{}
	for _, entry := range entries {
		if names[entry.Short] || len(entry.Short) < 4 {
			t.Errorf("%q names two commands, or is too short", entry.Short)
		}
		names[entry.Short] = true
	}
}

func TestReleasesWithoutTranscripts(t *testing.T) {
	p := newPast(t)
	record := func(version string, created time.Time, background *Background) {
		release := &Release{
			ID: NewReleaseID(created, version), Version: version, Created: created, By: "bert@host", Background: background,
			Images: map[string]Image{"web": {Reference: "r/web:" + version, Digest: "sha256:" + version}}, Rendered: []byte("services: {}\n"),
		}
		if err := p.store.Save(release); err != nil {
			t.Fatal(err)
		}
		if err := p.store.SaveReport(release, &Report{Outcome: OutcomeDeployed, To: version, Elapsed: 3 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	record("v1", time.Now().Add(-48*time.Hour), &Background{Commit: "abc"})
	record("v2", time.Now().Add(-time.Second), nil)
	p.end(p.begin("deploy:here v2", "v2"), reported(OutcomeDeployed, "v1", "v2"), nil)
	entries := p.history()
	if len(entries) != 2 {
		t.Fatalf("%+v", entries)
	}
	if entries[0].Release == "" || !strings.HasSuffix(entries[0].Release, "-v2") || entries[0].Commit != "c0ffee-v2" {
		t.Errorf("%+v", entries[0])
	}
	if old := entries[1]; old.Transcript || old.Outcome != OutcomeDeployed || old.To != "v1" || old.Commit != "abc" || old.Who != "bert@host" || *old.Seconds != 3 {
		t.Errorf("%+v", old)
	}
}

func TestDirectCommandsAreNotFollowed(t *testing.T) {
	p := newPast(t)
	rollout := p.end(p.begin("deploy:here v2", "v2"), nil, nil)
	<-time.After(2 * time.Millisecond)
	direct, err := p.store.NewTranscript("backup:take", "anna", "")
	if err != nil {
		t.Fatal(err)
	}
	direct.Run.Direct = true
	if err := direct.Begin(); err != nil {
		t.Fatal(err)
	}
	taken := p.end(direct, nil, nil)
	if newest, err := p.store.Transcript(""); err != nil || newest != rollout {
		t.Errorf("%s (%v) is followed, not %s", newest, err, rollout)
	}
	if named, err := p.store.Transcript(taken); err != nil || named != taken {
		t.Errorf("by its name: %s (%v)", named, err)
	}
}

func TestHistoryKeysAreStable(t *testing.T) {
	content, err := json.Marshal(HistoryEntry{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"","short":"","host":"","address":"","what":"","who":"","started":"0001-01-01T00:00:00Z","seconds":null,"outcome":"","exit_status":null,` +
		`"from":"","to":"","serves":"","rolled_back_from":"","rolled_back_to":"","commit":"","requests":null,"lost":null,"recovered_by":"",` +
		`"release":"","transcript":false,"error":"","begun":false}`
	if string(content) != want {
		t.Errorf("got\n%s\nwanted\n%s", content, want)
	}
}
