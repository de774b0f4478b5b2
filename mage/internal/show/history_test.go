package show

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

var update = flag.Bool("write-golden", false, "write what is printed as what is wanted")

// golden compares an output with the one that a person has looked at.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwanted\n%s", name, got, want)
	}
}

// narrow checks that nothing is wider than a screen, and nothing obeyed by one.
func narrow(t *testing.T, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		if width := utf8.RuneCountInString(line); width > screen {
			t.Errorf("%d columns: %s", width, line)
		}
		if strings.ContainsAny(line, "\x1b\a\r\t\u202e") || strings.HasSuffix(line, " ") {
			t.Errorf("%q", line)
		}
	}
}

var began = time.Date(2026, time.November, 27, 18, 54, 3, 0, time.UTC)

func ptr[T any](of T) *T { return &of }

func inUTC(t *testing.T) {
	t.Helper()
	before := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = before })
}

// entries are one of each kind, the newest first.
func entries() []deploy.HistoryEntry {
	all := []deploy.HistoryEntry{
		{What: "deploy:staging sha-4f0c2d1a9b8c", Outcome: deploy.OutcomeRunning, Commit: "4f0c2d1a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e"},
		{What: "recover", Outcome: deploy.OutcomeDeployed, From: "v1.1.0", To: "v1.1.0", Serves: "v1.1.0", Seconds: ptr(4.2), Status: ptr(0), Requests: ptr(41), Lost: ptr(0)},
		{What: "deploy:production v1.2.1", Outcome: deploy.OutcomeInterrupted, To: "v1.2.1", Begun: true, RecoveredBy: "id-1", Seconds: ptr(7.25)},
		{What: "rollback v1.1.0", Outcome: deploy.OutcomeDeployed, From: "v1.2.0", To: "v1.1.0", Serves: "v1.1.0", RolledBackFrom: "v1.2.0", RolledBackTo: "v1.1.0", Seconds: ptr(0.83), Status: ptr(0), Requests: ptr(12), Lost: ptr(0)},
		{What: "deploy:production v1.2.0", Outcome: deploy.OutcomeRolledBack, From: "v1.1.0", To: "v1.2.0", Serves: "v1.1.0", RolledBackFrom: "v1.2.0", RolledBackTo: "v1.1.0", Seconds: ptr(48.0), Status: ptr(3), Requests: ptr(503), Lost: ptr(2), Error: "verify"},
		{What: "deploy:production v1.2.0", Outcome: deploy.OutcomeUntouched, From: "v1.1.0", To: "v1.2.0", Serves: "v1.1.0", Seconds: ptr(151.0), Status: ptr(1)},
		{What: "deploy:production v1.2.0", Outcome: deploy.OutcomeRefused, Seconds: ptr(0.0), Status: ptr(2), Error: "no image \x1b[31mweb\x1b[0m:v1.2.0 is in the registry, and this line is far too long to be shown whole"},
		{What: "migrate:revert products 0015_product_barcode_and_more", Outcome: deploy.OutcomeDone, Seconds: ptr(3.0), Status: ptr(0)},
		{What: "deploy:production v1.1.0", Who: "somebody-with-a-long-name@a-laptop-with-a-longer-one", Outcome: deploy.OutcomeDeployed, From: "v1.0.0", To: "v1.1.0", Serves: "v1.1.0", Seconds: ptr(4000.0), Status: ptr(0), Requests: ptr(123456), Lost: ptr(0), Commit: "0123456789"},
		{What: "deploy:production v1.0.0", Outcome: deploy.OutcomeStuck, Seconds: ptr(4.0), Status: ptr(4), Error: strings.Repeat("Ünïcödé ", 20), Requests: ptr(9), Lost: ptr(9)},
		{What: "deploy:production v1.0.0", Outcome: deploy.OutcomeRecovered, From: "v0.9", To: "v1.0.0", Serves: "v0.9", Seconds: ptr(4.0), Status: ptr(1)},
		{What: "host:adopt production", Outcome: deploy.OutcomeDeployed, To: "v0.9", Serves: "v0.9", Seconds: ptr(4.0), Status: ptr(0)},
		{What: "", Who: "-", Outcome: deploy.OutcomeInterrupted, Seconds: ptr(0.0)},
		{What: "deploy:production v0.8", Outcome: deploy.OutcomeInterrupted, To: "v0.8", Begun: true, Seconds: ptr(1.0)},
		{What: "restart -all", Outcome: deploy.OutcomeDeployed, From: "v0.7", To: "v0.7", Serves: "v0.7", Seconds: ptr(1.0), Status: ptr(1)},
		{What: "deploy:here v0.7", Outcome: deploy.OutcomeUntouched, Seconds: ptr(1.0), Status: ptr(6)},
	}
	for at := range all {
		one := &all[at]
		one.ID, one.Short, one.Host, one.Transcript = "id-"+string(rune('0'+at)), "K3Q"+string(rune('A'+at)), "shop", true
		one.Started = began.Add(-time.Duration(at) * time.Hour)
		if one.Who == "" {
			one.Who = "anna@laptop"
		}
	}
	return append(all, deploy.HistoryEntry{
		ID: "20260921T081502Z-v0.1", What: "deploy v0.1", Who: "bert@host", Started: began.AddDate(0, -2, 0), Outcome: deploy.OutcomeDeployed, To: "v0.1", Serves: "v0.1",
	})
}

func TestHistoryFitsAScreen(t *testing.T) {
	inUTC(t)
	var out bytes.Buffer
	History(&out, entries(), 100)
	narrow(t, out.String())
	golden(t, "history.txt", out.Bytes())
	out.Reset()
	History(&out, entries(), 2)
	if !strings.HasSuffix(out.String(), "15 more before these: mage history -n=17\n") || strings.Count(out.String(), "\n") != 6 {
		t.Errorf("of 2:\n%s", out.String())
	}
	out.Reset()
	History(&out, nil, 20)
	if !strings.Contains(out.String(), "mage deploy:here v1.0.0") {
		t.Errorf("of nothing:\n%s", out.String())
	}
	narrow(t, out.String())
}

func TestLongShortNamesFitAScreen(t *testing.T) {
	inUTC(t)
	all := entries()
	all[0].Short, all[1].Short = "K3QABCDE", "K3QABCDEFGHIJKLMNOP"
	var out bytes.Buffer
	History(&out, all, 100)
	narrow(t, out.String())
}

func TestHistoryForPrograms(t *testing.T) {
	var out bytes.Buffer
	if err := HistoryJSON(&out, entries(), 5); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.json", out.Bytes())
	out.Reset()
	if err := HistoryJSON(&out, nil, 20); err != nil || out.String() != "[]\n" {
		t.Errorf("of nothing %q (%v)", out.String(), err)
	}
}

// told is a release that was taken back.
func told() *session.PastCommand {
	at := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	await := &deploy.Step{Action: deploy.ActionAwait, Service: "backend", Containers: []string{"shop-backend-2", "shop-backend-3"}, Cause: "new containers"}
	pull := &deploy.Step{Action: deploy.ActionPull, Image: &deploy.Image{Reference: "registry.example/a/very/long/name/of/an/image/backend:v1.2.0"}, Cause: "it is not here"}
	entry := entries()[4]
	entry.Started = began
	entry.Error = "await shop-backend-3: it exited"
	failure := &deploy.Failure{
		Status: deploy.ExitRolledBack, Err: errorText("await shop-backend-3: it exited\nrelease v1.2.0 was taken back: v1.1.0 serves"),
		Logs: []string{"\x1b[31mTraceback\x1b[0m (most recent call last):\a", "KeyError: 'SECRET_KEY'"}, Hint: "Look at its settings.",
	}
	report := &deploy.Report{Outcome: deploy.OutcomeRolledBack, From: "v1.1.0", To: "v1.2.0", Elapsed: 48 * time.Second, Switch: 3 * time.Millisecond, Probe: deploy.ProbeStats{Sent: 503, Failed: 2, Slowest: time.Second, Last: "503"}}
	return &session.PastCommand{
		HistoryEntry: entry, Others: entries()[5:7],
		Past: &deploy.Past{Result: deploy.NewResult(report, failure), Damaged: 2, Events: []deploy.Event{
			{At: at(0), Kind: deploy.EventPlan, Release: "v1.2.0", Text: "production: v1.1.0 → v1.2.0\n   1  pull      backend\n   2  await     backend\n"},
			{At: at(0.01), Kind: deploy.EventStart, Stage: 1, Step: pull},
			{At: at(2.5), Kind: deploy.EventDone, Stage: 1, Step: pull, Elapsed: 2490 * time.Millisecond},
			{At: at(3), Kind: deploy.EventNote, Text: "a note\x1b]0;title\x07 that is long enough to need a second line, since nobody reads beyond the edge"},
			{At: at(4), Kind: deploy.EventStart, Stage: 2, Step: await},
			{At: at(40), Kind: deploy.EventFail, Stage: 2, Step: await, Elapsed: 36 * time.Second, Text: "await shop-backend-3: it exited"},
			{At: at(40), Kind: deploy.EventCut, Stage: 2, Step: await, Elapsed: 36 * time.Second},
			{At: at(40), Kind: deploy.EventBack, Release: "v1.2.0", Text: "await shop-backend-3: it exited\nwith more"},
			{At: at(41), Kind: deploy.EventProgress, Step: pull, Current: 12e6, Total: 80e6},
			{At: at(48), Kind: deploy.EventOutcome, Release: "v1.2.0", Text: "rolled back"},
			{At: began.Add(6 * time.Hour), Kind: deploy.EventNote, Text: ""},
		}},
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestTimelineFitsAScreen(t *testing.T) {
	inUTC(t)
	var out bytes.Buffer
	Timeline(&out, told())
	narrow(t, out.String())
	golden(t, "timeline.txt", out.Bytes())
}

func TestTimelineOfWhatIsHardlyKnown(t *testing.T) {
	inUTC(t)
	all := entries()
	for name, test := range map[string]struct {
		told *session.PastCommand
		want string
	}{
		"no transcript":  {&session.PastCommand{HistoryEntry: all[len(all)-1]}, "Its transcript is not kept any more"},
		"an empty one":   {&session.PastCommand{HistoryEntry: all[12], Past: &deploy.Past{}}, "Nothing is known to have happened in it"},
		"pruned":         {&session.PastCommand{HistoryEntry: all[13], Past: &deploy.Past{}}, "the record of v0.8 was pruned: only this is left of it"},
		"recovered from": {&session.PastCommand{HistoryEntry: all[2], Past: &deploy.Past{}, Shorts: map[string]string{"id-1": "K3QB"}}, "interrupted; recovered by K3QB"},
	} {
		var out bytes.Buffer
		Timeline(&out, test.told)
		narrow(t, out.String())
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}

func TestTimelineForPrograms(t *testing.T) {
	var out bytes.Buffer
	if err := ToldJSON(&out, told()); err != nil {
		t.Fatal(err)
	}
	golden(t, "timeline.json", out.Bytes())
}

// differing is all that two releases can differ in.
func differing() *deploy.Difference {
	return &deploy.Difference{
		From: deploy.DifferenceSide{Version: "v1.1.0", Release: "20261126T100000Z-v1.1.0", Commit: "0123456789", Made: began.AddDate(0, 0, -1), By: "anna@laptop"},
		To:   deploy.DifferenceSide{Version: "v1.2.0", Commit: "4f0c2d1a9b8c", Made: began, By: "anna@laptop"},
		Commits: deploy.CommitChanges{
			Known: true, From: "0123456789", To: "4f0c2d1a9b8c", MoreAdded: 5, Added: []deploy.SourceCommit{
				{Hash: "4f0c2d1a9b8c", Author: "Ada Lovelace of Ockham Park", Subject: "Say a great deal about a small change, in one \x1b[31mline\x1b[0m that is too long", At: began},
				{Hash: "5f0c2d1a9b8c", Author: "Ada", Subject: "Add weights", At: began},
			}, Removed: []deploy.SourceCommit{{Hash: "6f0c2d1a9b8c", Author: "Bert", Subject: "Undo", At: began}},
		},
		Images: deploy.ImageChanges{Known: true, Same: 2, Services: []deploy.ImageChange{
			{Service: "backend", From: deploy.Image{Reference: "r/backend:v1.1.0", Digest: "sha256:aaaaaaaaaaaaaaaaaaaa"}, To: deploy.Image{Reference: "r/backend:v1.2.0", Digest: "sha256:bbbbbbbbbbbbbbbbbb"}},
			{Service: "search", To: deploy.Image{Reference: "r/search:v1.2.0", Digest: "sha256:cccccccccccccccc"}},
		}},
		Compose: deploy.ComposeChanges{Known: true, Hunks: []deploy.Hunk{{Path: "services.backend.environment", Lines: []string{
			"   backend:", "     environment:", "-      MODE: fast", "+      MODE: ${MODE}",
		}}}},
		Variables:  deploy.VariableChanges{Known: true, Added: []string{"MODE"}, Changed: []string{"SECRET_KEY", "DATABASE_URL"}, Removed: []string{"OLD"}},
		Migrations: deploy.MigrationChanges{Known: true, Added: []deploy.MigrationID{{App: "products", Name: "0017_product_barcode"}}},
	}
}

func TestDifferenceFitsAScreen(t *testing.T) {
	inUTC(t)
	var out bytes.Buffer
	Difference(&out, differing())
	narrow(t, out.String())
	golden(t, "difference.txt", out.Bytes())
	out.Reset()
	Difference(&out, &deploy.Difference{From: deploy.DifferenceSide{Version: "v1"}, To: deploy.DifferenceSide{Version: "v2"}, Commits: deploy.CommitChanges{From: "0123456789", To: "4f0c2d1a9b8c"}, Images: deploy.ImageChanges{Known: true, Same: 3}})
	pruned := differing()
	pruned.To.Pruned, pruned.To.Run = true, "K3QX"
	Difference(&out, pruned)
	for _, wanted := range []string{"v1.2.0 was pruned: only its run's record is left (mage history -show=K3QX)", "cannot be compared any more", "git log --oneline 01234567..4f0c2d1a", "IMAGES\n  the same\n", "not recorded of both"} {
		if !strings.Contains(out.String(), wanted) {
			t.Errorf("%q is not in\n%s", wanted, out.String())
		}
	}
	narrow(t, out.String())
}

func TestDifferenceForPrograms(t *testing.T) {
	var out bytes.Buffer
	if err := DifferenceJSON(&out, differing()); err != nil {
		t.Fatal(err)
	}
	golden(t, "difference.json", out.Bytes())
	out.Reset()
	if err := DifferenceJSON(&out, &deploy.Difference{}); err != nil || strings.Contains(out.String(), "null") {
		t.Errorf("a list is null: %s (%v)", out.String(), err)
	}
	var back deploy.Difference
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Error(err)
	}
}
