package session

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func newStore(t *testing.T) *deploy.Store {
	return &deploy.Store{Directory: t.TempDir(), Environment: "test"}
}

// ran writes the transcript of a rollout that ended.
func ran(t *testing.T, store *deploy.Store, what string, report *deploy.Report, failed error) string {
	t.Helper()
	<-time.After(2 * time.Millisecond) // identifiers sort by time
	transcript, err := store.NewTranscript(what, "anna@laptop", "")
	if err == nil {
		err = errors.Join(transcript.Begin(), transcript.End(deploy.NewResult(report, failed)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return transcript.Run.ID
}

func deployed(version string) *deploy.Report {
	return &deploy.Report{Outcome: deploy.OutcomeDeployed, To: version, Started: time.Now(), Commit: strings.Repeat(version[1:], 40)[:40]}
}

// saved records a release.
func saved(t *testing.T, store *deploy.Store, version string, made time.Time) *deploy.Release {
	t.Helper()
	release := &deploy.Release{
		ID: deploy.NewReleaseID(made, version), Version: version, Created: made,
		Images: map[string]deploy.Image{"web": {Reference: "r/web:" + version, Digest: "sha256:" + version}}, Rendered: []byte("services: {web: {image: x}}\n"),
	}
	if err := store.Save(release); err != nil {
		t.Fatal(err)
	}
	return release
}

// TestACommandThatTakesTheLockIsToldOf follows a command by hand from its lock
// to its end.
func TestACommandThatTakesTheLockIsToldOf(t *testing.T) {
	for name, test := range map[string]struct {
		end     func(s *Session)
		outcome deploy.Outcome
	}{
		"done":     {func(s *Session) { s.Ended(nil, nil) }, deploy.OutcomeDone},
		"failed":   {func(s *Session) { s.Ended(nil, errors.New("no room")) }, deploy.OutcomeFailed},
		"panicked": {func(*Session) {}, deploy.OutcomeInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			s := &Session{Name: "test", who: "bert@host", Host: &deploy.Host{Store: store}}
			if err := s.Lock(t.Context(), "migrate:apply"); err != nil {
				t.Fatal(err)
			}
			var shown bytes.Buffer
			fmt.Fprint(s.Noted(&shown), "applied products.0017\n\n  in 2 s\n")
			if running, err := History(store); err != nil || len(running) != 1 || running[0].Outcome != deploy.OutcomeRunning || running[0].Host == "" {
				t.Errorf("while it runs: %+v (%v)", running, err)
			}
			test.end(s)
			if s.transcript != nil {
				_ = s.transcript.File().Close() // as Close does
			}
			_ = errors.Join(s.journal.Close(), s.lock.Unlock())
			told, err := FindCommand(store, "migr")
			if err == nil {
				t.Fatalf("a command's words are no name of it: %+v", told)
			}
			entries, err := History(store)
			if err != nil || len(entries) != 1 {
				t.Fatalf("%+v (%v)", entries, err)
			}
			if told, err = FindCommand(store, strings.ToLower(entries[0].Short)); err != nil {
				t.Fatal(err)
			}
			if told.What != "migrate:apply" || told.Who != "bert@host" || told.Outcome != test.outcome {
				t.Errorf("%+v", told.HistoryEntry)
			}
			if events := told.Past.Events; len(events) != 2 || events[0].Text != "applied products.0017" || events[1].Text != "in 2 s" {
				t.Errorf("%+v", told.Past.Events)
			}
			if !strings.Contains(shown.String(), "applied products.0017\n\n") {
				t.Errorf("it showed %q", shown.String())
			}
			if _, err := store.Transcript(""); !errors.Is(err, deploy.ErrNoTranscript) {
				t.Errorf("it would be followed as a rollout: %v", err)
			}
		})
	}
}

func TestACommandIsFoundByWhatPeopleType(t *testing.T) {
	store := newStore(t)
	if _, err := FindCommand(store, "v1"); err == nil || !strings.Contains(err.Error(), "nothing was deployed") {
		t.Errorf("of an empty history: %v", err)
	}
	first := ran(t, store, "deploy:here v1", deployed("v1"), nil)
	second := ran(t, store, "deploy:here v2", deployed("v2"), nil)
	third := ran(t, store, "rollback v1", deployed("v1"), nil)
	for name, want := range map[string]string{
		first: first, deploy.TranscriptToken(second): second, deploy.TranscriptToken(second)[:5]: second,
		strings.ToLower(deploy.TranscriptToken(second)[:5]): second, "v1": third, "v2": second,
	} {
		told, err := FindCommand(store, name)
		if err != nil || told.ID != want {
			t.Errorf("%s is %+v (%v), wanted %s", name, told, err, want)
		}
	}
	if told, err := FindCommand(store, "v1"); err != nil || len(told.Others) != 1 || told.Others[0].ID != first {
		t.Errorf("the others about v1: %+v (%v)", told, err)
	}
	for name, word := range map[string]string{"20": "3 commands begin with 20", "v3": "mage history", "-": "mage history"} {
		_, err := FindCommand(store, name)
		if err == nil || !strings.Contains(err.Error(), word) || err.(interface{ ExitStatus() int }).ExitStatus() != deploy.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReleasesAreComparedByWhatPeopleType(t *testing.T) {
	store := newStore(t)
	v1 := saved(t, store, "v1", time.Now().Add(-2*time.Minute))
	v2 := saved(t, store, "v2", time.Now().Add(-time.Minute))
	run := ran(t, store, "deploy:here v2", deployed("v2"), nil)
	ran(t, store, "deploy:here v0", deployed("v0"), nil)
	for _, release := range []*deploy.Release{v1, v2} {
		if err := store.Commit(release); err != nil {
			t.Fatal(err)
		}
	}
	for sides, want := range map[string]string{
		"v1..v2": "v1 v2", "v1..": "v1 v2", "v1": "v1 v2", v1.ID + ".." + v2.ID: "v1 v2", "v2..v1": "v2 v1", "previous..": "v1 v2",
		"v1.." + deploy.TranscriptToken(run): "v1 v2", "v0..v1": "v0 v1",
	} {
		d, err := Diff(store, sides)
		if err != nil || d.From.Version+" "+d.To.Version != want {
			t.Errorf("%s: %+v (%v)", sides, d, err)
			continue
		}
		if pruned := d.From.Version == "v0"; d.From.Pruned != pruned || (d.From.Run != "") != pruned || d.Images.Known == pruned {
			t.Errorf("%s: what is left of it: %+v", sides, d.From)
		}
	}
	if d, err := Diff(store, "v0..v2"); err != nil || d.Commits.From != deployed("v0").Commit || d.Commits.To != deployed("v2").Commit {
		t.Errorf("the commits that only the commands name: %+v (%v)", d, err)
	}
	for _, sides := range []string{"", "..", "..v1", "v9..v1", "v1..v9"} {
		if _, err := Diff(store, sides); err == nil || err.(interface{ ExitStatus() int }).ExitStatus() != deploy.ExitUsage {
			t.Errorf("%q: %v", sides, err)
		}
	}
}

func TestAReportNamesTheCommit(t *testing.T) {
	store := newStore(t)
	s := &Session{Host: &deploy.Host{Store: store}}
	release := saved(t, store, "v1", time.Now())
	release.Background = &deploy.Background{Commit: "c0ffee"}
	if err := store.Save(release); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		report     *deploy.Report
		background *deploy.Background
		want       string
	}{
		"of the record":  {&deploy.Report{To: "v1"}, nil, "c0ffee"},
		"of who deploys": {&deploy.Report{To: "v2"}, &deploy.Background{Commit: "facade"}, "facade"},
		"of nobody":      {&deploy.Report{To: "v3"}, nil, ""},
	} {
		s.nameCommit(t.Context(), test.report, test.background)
		if test.report.Commit != test.want {
			t.Errorf("%s: %q, not %q", name, test.report.Commit, test.want)
		}
	}
	s.nameCommit(t.Context(), nil, nil) // it came to no rollout
}
