//go:build integration

package mage_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// history asks for it as a program does.
func (a *app) history(t *testing.T, flags ...string) []deploy.HistoryEntry {
	t.Helper()
	result := a.MustMage(append([]string{"history", "-env=test", "-json"}, flags...)...)
	var entries []deploy.HistoryEntry
	if err := json.Unmarshal([]byte(result.Output), &entries); err != nil {
		t.Fatalf("%v\n%s", err, result.Output)
	}
	return entries
}

// narrow checks that an output reads well on a screen of 80 columns.
func narrow(t testing.TB, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

// TestHistoryTellsWhatWasDone does all that can become of a release, and
// compares what is told afterwards.
func TestHistoryTellsWhatWasDone(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	for _, version := range []string{"v1", "v2", "v4"} {
		a.release(version)
	}
	a.release("v3", "APP_REQUIRE_ENV=NOBODY_SETS_THIS")
	empty := a.MustMage("history", "-env=test")
	if !strings.Contains(empty.Output, "Nothing was deployed here yet") {
		t.Errorf("an empty history:\n%s", empty.Output)
	}
	before := time.Now()
	a.deploy("v1")
	a.configure("SETTING=canary-of-the-history")
	a.edit("drain: ${DRAIN:-10s}", "drain: ${DRAIN:-9s}")
	a.deploy("v2")
	if broken := a.Mage("deploy:here", "v3", "-env=test"); broken.Status != deploy.ExitFailed {
		t.Fatalf("v3 ended with status %d:\n%s", broken.Status, broken.Output)
	}
	a.MustMage("rollback", "v1", "-env=test")
	killed := a.Start("deploy:here", "v4", "-env=test")
	killed.AwaitEvent(deploy.EventStart, deploy.ActionVerify) // what was before it is told, too
	a.slay(append(killed.Children(), killed.PID())...)
	killed.Wait()
	open := a.history(t, "-n=1")
	if len(open) != 1 || open[0].Outcome != deploy.OutcomeInterrupted || open[0].RecoveredBy != "" {
		t.Errorf("before the recovery: %+v", open)
	}
	a.MustMage("recover", "-env=test")
	a.MustMage("history", "-env=test", "-json") // which is in no history itself

	entries := a.history(t)
	a.checkHistory(t, entries, before)
	for at := range entries {
		if entries[at].Outcome == deploy.OutcomeInterrupted && entries[at].RecoveredBy != entries[0].ID {
			t.Errorf("%s was recovered by %q, not by %s", entries[at].What, entries[at].RecoveredBy, entries[0].ID)
		}
	}
	t.Run("list", func(t *testing.T) {
		listed := a.MustMage("history", "-env=test")
		narrow(t, listed.Output)
		ended(t, listed, 0, "deploy v1", "rolled back from v2 to v1", "failed, untouched: v2 serves",
			"interrupted; recovered by "+entries[0].Short, "recovered: v1 serves", " requests lost")
		t.Logf("\n%s", listed.Output)
		ended(t, a.MustMage("history", "-env=test", "-n=2"), 0, "4 more before these: mage history -n=6")
	})
	t.Run("show", func(t *testing.T) {
		broken := a.MustMage("history", "-env=test", "-show=v3")
		narrow(t, broken.Output)
		ended(t, broken, 0, "deploy:here v3", "✗ await", "going back", "release v3 never had a request: v2 serves, untouched")
		t.Logf("\n%s", broken.Output)
		ended(t, a.MustMage("history", "-env=test", "-show="+entries[0].Short), 0, "recover", "✓ retire", "v1 serves after")
		ended(t, a.MustMage("history", "-env=test", "-show="+strings.ToLower(entries[1].ID[:20])), 0, "deploy:here v4", "✓ switch", "recovered by "+entries[0].Short)
		ended(t, a.Mage("history", "-env=test", "-show=v9"), deploy.ExitUsage, "mage history")
	})
	t.Run("diff", func(t *testing.T) {
		difference := a.MustMage("history", "-env=test", "-diff=v1..v2")
		ended(t, difference, 0, "v1 → v2", "web", "others with the same: 1", "new: SETTING",
			"@@ services.web.x-deploy @@", "-      drain: ${DRAIN:-10s}", "+      drain: ${DRAIN:-9s}")
		if strings.Contains(difference.Output, "canary") {
			t.Errorf("a value is shown:\n%s", difference.Output)
		}
		t.Logf("\n%s", difference.Output)
		// v1 serves.
		ended(t, a.MustMage("history", "-env=test", "-diff=v2.."), 0, "v2 → v1", "gone: SETTING")
		ended(t, a.Mage("history", "-env=test", "-diff=v1..v7"), deploy.ExitUsage, "v7")
		var told deploy.Difference
		if err := json.Unmarshal([]byte(a.MustMage("history", "-env=test", "-diff=v1..v2", "-json").Output), &told); err != nil {
			t.Fatal(err)
		}
		if len(told.Images.Services) != 1 || told.Images.Services[0].Service != "web" || !slices.Equal(told.Variables.Added, []string{"SETTING"}) {
			t.Errorf("%+v", told)
		}
	})
	t.Run("prune", func(t *testing.T) { a.showsPruned(t) })
}

// checkHistory compares each command with what was done.
func (a *app) checkHistory(t *testing.T, entries []deploy.HistoryEntry, began time.Time) {
	t.Helper()
	wanted := []deploy.HistoryEntry{
		{What: "recover", Outcome: deploy.OutcomeDeployed, From: "v1", To: "v1", Serves: "v1"},
		{What: "deploy:here v4", Outcome: deploy.OutcomeInterrupted, From: "v1", To: "v4"},
		{What: "rollback v1", Outcome: deploy.OutcomeDeployed, From: "v2", To: "v1", Serves: "v1", RolledBackFrom: "v2", RolledBackTo: "v1"},
		{What: "deploy:here v3", Outcome: deploy.OutcomeUntouched, From: "v2", To: "v3", Serves: "v2"},
		{What: "deploy:here v2", Outcome: deploy.OutcomeDeployed, From: "v1", To: "v2", Serves: "v2"},
		{What: "deploy:here v1", Outcome: deploy.OutcomeDeployed, To: "v1", Serves: "v1"},
	}
	if len(entries) != len(wanted) {
		t.Fatalf("%d commands are told of, wanted %d: %+v", len(entries), len(wanted), entries)
	}
	last := time.Now()
	for at, entry := range entries {
		want := wanted[at]
		if entry.What != want.What || entry.Outcome != want.Outcome || entry.From != want.From || entry.To != want.To || entry.Serves != want.Serves ||
			entry.RolledBackFrom != want.RolledBackFrom || entry.RolledBackTo != want.RolledBackTo {
			t.Errorf("%d is %+v, wanted %+v", at, entry, want)
		}
		if !strings.Contains(entry.Who, "@") || entry.Started.Before(began) || entry.Started.After(last) || entry.Seconds == nil || *entry.Seconds <= 0 || entry.Host == "" {
			t.Errorf("%s by %q at %s took %v on %q", entry.What, entry.Who, entry.Started, entry.Seconds, entry.Host)
		}
		last = entry.Started
		if rolled := at > 0 && entry.From != "" && entry.Outcome != deploy.OutcomeInterrupted; rolled && (entry.Requests == nil || *entry.Requests == 0 || *entry.Lost != 0) {
			t.Errorf("%s lost %v of %v requests", entry.What, entry.Lost, entry.Requests)
		}
	}
}

// showsPruned has the record of a release pruned, and asks for it.
func (a *app) showsPruned(t *testing.T) {
	t.Helper()
	a.edit("directory: deployed", "directory: deployed\n  retain: 1")
	a.deploy("v4") // which prunes all others
	ended(t, a.MustMage("history", "-env=test", "-show=v2"), 0, "the record of v2 was pruned: only this is left of it", "✓ switch")
	ended(t, a.MustMage("history", "-env=test", "-diff=v2.."), 0, "v2 was pruned: only its run's record is left", "cannot be compared any more")
}

// looksBack asks a server's history from the laptop: what was typed here, with
// the commits of this clone.
func (s *shop) looksBack(first, second string) {
	s.T.Helper()
	var entries []deploy.HistoryEntry
	result := s.MustMage("history", "-env=staging", "-json")
	if err := json.Unmarshal([]byte(result.Output), &entries); err != nil {
		s.T.Fatalf("%v\n%s", err, result.Output)
	}
	wanted := []deploy.HistoryEntry{
		{What: "maintenance off", Outcome: deploy.OutcomeDone}, {What: "maintenance on", Outcome: deploy.OutcomeDone},
		{What: "rollback " + first, Outcome: deploy.OutcomeDeployed}, {What: "deploy:staging " + second, Outcome: deploy.OutcomeUnchanged},
		{What: "deploy:staging " + second, Outcome: deploy.OutcomeDeployed}, {What: "deploy:staging " + first, Outcome: deploy.OutcomeDeployed},
		{What: "env:push", Outcome: deploy.OutcomeDone},
	}
	if len(entries) != len(wanted) {
		s.T.Fatalf("%d commands are told of, wanted %d:\n%s", len(entries), len(wanted), result.Output)
	}
	head := strings.TrimSpace(s.Git("rev-parse", "HEAD"))
	for at, entry := range entries {
		if entry.What != wanted[at].What || entry.Outcome != wanted[at].Outcome {
			s.T.Errorf("%d is %s, %s", at, entry.What, entry.Outcome)
		}
		if entry.To == second && entry.Commit != head {
			s.T.Errorf("%s is of commit %q, not of %s", entry.What, entry.Commit, head)
		}
	}
	shown := s.MustMage("history", "-env=staging", "-show="+entries[len(entries)-1].Short)
	if !strings.Contains(shown.Output, "new: SECRET") {
		s.T.Errorf("env:push is not told of:\n%s", shown.Output)
	}
	difference := s.MustMage("history", "-env=staging", "-diff="+first+".."+second)
	for _, word := range []string{"+ " + head[:8], "two", "web ", "MIGRATIONS"} {
		if !strings.Contains(difference.Output, word) {
			s.T.Errorf("%q is not in the difference:\n%s", word, difference.Output)
		}
	}
	narrow(s.T, difference.Output)
	s.T.Logf("\n%s\n%s", s.MustMage("history", "-env=staging").Output, difference.Output)
}

// historyOfBoth asks two servers at once.
func (s *shop) historyOfBoth() {
	s.T.Helper()
	result := s.MustMage("history", "-env=staging", "-json")
	var entries []deploy.HistoryEntry
	if err := json.Unmarshal([]byte(result.Output), &entries); err != nil {
		s.T.Fatalf("%v\n%s", err, result.Output)
	}
	hosts := map[string]bool{}
	for _, entry := range entries {
		hosts[entry.Address] = true
	}
	last := entries[len(entries)-1]
	if len(hosts) != 2 || last.Address == entries[0].Address {
		s.T.Errorf("of %v hosts, from %+v to %+v", hosts, entries[0], last)
	}
	if shown := s.MustMage("history", "-env=staging", "-show="+last.ID); !strings.Contains(shown.Output, last.ID) {
		s.T.Errorf("what only the second host knows:\n%s", shown.Output)
	}
}
