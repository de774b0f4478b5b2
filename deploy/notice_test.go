package deploy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var noticeTime = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)

func recordOf(version string) *deploy.Release {
	return &deploy.Release{Version: version, Background: &deploy.Background{Repository: "https://git.example/shop"}}
}

func resultOf(outcome deploy.Outcome, to string, err error) *deploy.Result {
	return deploy.NewResult(&deploy.Report{Outcome: outcome, To: to, Probe: deploy.ProbeStats{Sent: 40, Failed: 1}}, err)
}

// TestNoticesSayWhatHappened is a table of courses, each with the notice's
// kind, title, versions and way back.
func TestNoticesSayWhatHappened(t *testing.T) {
	v1, v2 := recordOf("v1"), recordOf("v2")
	fresh := &deploy.Background{
		Repository: "https://git.example/shop", Waivers: []deploy.Waiver{{Item: "backups", Reason: "by hand"}},
		Commits: []deploy.SourceCommit{{Hash: "4f0c2d1", Author: "Anna", Subject: "Prices"}}, More: 3,
	}
	crashed := &deploy.Failure{Err: errors.New("web-2: exited with status 3"), Logs: []string{"boom"}, Hint: "Look."}
	takenBack := &deploy.Failure{Status: deploy.ExitRolledBack, Err: crashed.Err, Logs: crashed.Logs}
	stuck := &deploy.Failure{Status: deploy.ExitNeedsPerson, Err: errors.New("and the way back failed too")}
	killed := &deploy.Failure{Err: errors.New("the process 7 died: signal: killed\nrecovered: v1 serves")}
	for _, test := range []struct {
		name   string
		course deploy.Course
		wanted string
	}{
		{"starts", deploy.Course{Version: "v2", Before: v1, Serving: v1, Background: fresh}, "started | the deploy of v2 on live has begun | v1>v2 | 1+3 commits, 1 waived"},
		{"starts for the first time", deploy.Course{Version: "v2"}, "started | the deploy of v2 on live has begun | >v2"},
		{"starts to go back", deploy.Course{Version: "v1", Rollback: true, Before: v2, Serving: v2}, "started | the rollback to v1 on live has begun | v2>v1"},
		{"serves", deploy.Course{Version: "v2", Before: v1, Serving: v2, Background: fresh, Result: resultOf(deploy.OutcomeDeployed, "v2", nil)}, "deployed | v2 serves on live | v1>v2 | mage rollback v1 -env=live | 1+3 commits, 1 waived | 40/1"},
		{"serves for the first time", deploy.Course{Version: "v2", Serving: v2, Result: resultOf(deploy.OutcomeDeployed, "v2", nil)}, "deployed | v2 serves on live | >v2 | 40/1"},
		{"serves with new containers", deploy.Course{Before: v2, Serving: v2, Background: fresh, Result: resultOf(deploy.OutcomeDeployed, "v2", nil)}, "deployed | v2 serves on live with new containers | v2>v2 | 0+0 commits, 1 waived | 40/1"},
		{"goes back", deploy.Course{Version: "previous", Rollback: true, Before: v2, Serving: v1, Background: fresh, Result: resultOf(deploy.OutcomeDeployed, "v1", nil)}, "rolled_back | v1 serves on live again | v2>v1 | mage rollback v2 -env=live | 0+0 commits, 1 waived | 40/1"},
		{"never had a request", deploy.Course{Version: "v2", Before: v1, Serving: v1, Result: resultOf(deploy.OutcomeUntouched, "v2", crashed)}, "failed | the deploy of v2 on live failed: v1 serves, untouched | v1>v2 | mage rollback v1 -env=live | 40/1 | web-2: exited with status 3 [boom] Look."},
		{"fails before there is a plan", deploy.Course{Version: "v2", Before: v1, Serving: v1, Result: deploy.NewResult(nil, crashed)}, "failed | the deploy of v2 on live failed: v1 serves, untouched | v1>v2 | mage rollback v1 -env=live | web-2: exited with status 3 [boom] Look."},
		{"fails for the first time", deploy.Course{Version: "v2", Result: resultOf(deploy.OutcomeUntouched, "v2", crashed)}, "failed | the deploy of v2 on live failed: nothing serves | >v2 | 40/1 | web-2: exited with status 3 [boom] Look."},
		{"is taken back", deploy.Course{Version: "v2", Before: v1, Serving: v1, Result: resultOf(deploy.OutcomeRolledBack, "v2", takenBack)}, "failed+rollback | v2 on live was taken back: v1 serves | v1>v2 | mage rollback v1 -env=live | 40/1 | web-2: exited with status 3 [boom]"},
		{"serves, but a step failed", deploy.Course{Version: "v2", Before: v1, Serving: v2, Result: resultOf(deploy.OutcomeDeployed, "v2", crashed)}, "failed | v2 serves on live, but a step failed | v1>v2 | mage rollback v1 -env=live | 40/1 | web-2: exited with status 3 [boom] Look."},
		{"needs a person", deploy.Course{Command: "deploy:here v2", Version: "v2", Before: v1, Serving: v1, Result: resultOf(deploy.OutcomeStuck, "v2", stuck)}, "failed | deploy:here v2 on live needs a person | v1>v2 | mage rollback v1 -env=live | 40/1 | and the way back failed too"},
		{"is killed and recovered", deploy.Course{Command: "deploy:here v2", Version: "v2", Died: true, Before: v1, Serving: v1, Result: resultOf(deploy.OutcomeDeployed, "v1", killed)}, "recovered | deploy:here v2 on live was killed and recovered: v1 serves | v1>v2 | 40/1 | the process 7 died: signal: killed\nrecovered: v1 serves"},
		{"is killed and goes on", deploy.Course{Command: "deploy:here v2", Version: "v2", Died: true, Before: v1, Serving: v2, Result: resultOf(deploy.OutcomeUnchanged, "v2", nil)}, "recovered | deploy:here v2 on live was killed and recovered: v2 serves | v1>v2 | mage rollback v1 -env=live | 40/1"},
		{"is killed for the first time", deploy.Course{Command: "deploy:here v2", Version: "v2", Died: true, Result: resultOf(deploy.OutcomeCleared, "v2", killed)}, "recovered | deploy:here v2 on live was killed and recovered: nothing serves, as before | >v2 | 40/1 | the process 7 died: signal: killed\nrecovered: v1 serves"},
		{"is killed, and so are those that recover", deploy.Course{Command: "deploy:here v2", Version: "v2", Died: true, Before: v1, Serving: v1, Result: deploy.NewResult(nil, stuck)}, "failed | deploy:here v2 on live needs a person | v1>v2 | mage rollback v1 -env=live | and the way back failed too"},
		{"recovers", deploy.Course{Recover: true, Before: v1, Serving: v1, Background: fresh, Result: resultOf(deploy.OutcomeDeployed, "v1", nil)}, "recovered | live is recovered: v1 serves | v1>v1 | 40/1"},
		{"recovers to nothing", deploy.Course{Recover: true, Result: resultOf(deploy.OutcomeCleared, "v2", nil)}, "recovered | live is recovered: nothing serves, as before | >v2 | 40/1"},
		{"does not recover", deploy.Course{Recover: true, Before: v1, Serving: v1, Result: resultOf(deploy.OutcomeUntouched, "v1", crashed)}, "failed | the recovery on live failed: v1 serves, untouched | v1>v1 | mage rollback v1 -env=live | 40/1 | web-2: exited with status 3 [boom] Look."},
		{"undoes an adoption", deploy.Course{Undo: true, Before: v1, Result: resultOf(deploy.OutcomeReturned, "", nil)}, "rolled_back | the adoption of live was undone | v1> | mage rollback v1 -env=live | 40/1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.course.Environment, test.course.At = "live", noticeTime
			if got := tellingOf(test.course.Notice()); got != test.wanted {
				t.Errorf("\n got %s\nwant %s", got, test.wanted)
			}
		})
	}
}

// tellingOf is all of a notice that differs between courses.
func tellingOf(n deploy.Notice) string {
	kind := string(n.Kind)
	if wants := (deploy.Notify{On: []deploy.Occasion{deploy.OnRollback}}).Wants(n); n.Kind == deploy.NoticeFailed && wants {
		kind += "+rollback"
	}
	parts := []string{kind, n.Title, n.From + ">" + n.To}
	if n.Back != "" {
		parts = append(parts, n.Back)
	}
	if len(n.Commits)+n.More+len(n.Waivers) > 0 {
		parts = append(parts, fmt.Sprintf("%d+%d commits, %d waived", len(n.Commits), n.More, len(n.Waivers)))
	}
	if n.Requests > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d", n.Requests, n.Lost))
	}
	if n.Cause != "" {
		cause := n.Cause
		if len(n.Lines) > 0 {
			cause += fmt.Sprintf(" %v", n.Lines)
		}
		parts = append(parts, strings.TrimSpace(cause+" "+n.Advice))
	}
	return strings.Join(parts, " | ")
}

// TestWhoIsTold says of which ends anybody is told.
func TestWhoIsTold(t *testing.T) {
	status := func(status int) error { return &deploy.Failure{Status: status, Err: errors.New("no")} }
	for _, test := range []struct {
		name   string
		result *deploy.Result
		began  bool
		wanted bool
	}{
		{"only planned", resultOf(deploy.OutcomePlanned, "v2", nil), false, false},
		{"nothing to do", resultOf(deploy.OutcomeUnchanged, "v2", nil), false, false},
		{"done", resultOf(deploy.OutcomeDeployed, "v2", nil), true, true},
		{"interrupted on its way", resultOf(deploy.OutcomeUntouched, "v2", status(deploy.ExitInterrupted)), true, true},
		{"interrupted before it began", deploy.NewResult(nil, status(deploy.ExitInterrupted)), false, false},
		{"refused", deploy.NewResult(nil, status(deploy.ExitUsage)), false, false},
		{"needs consent", resultOf(deploy.OutcomeUntouched, "v2", status(deploy.ExitConsent)), false, false},
		{"another one runs", deploy.NewResult(nil, status(deploy.ExitLocked)), false, false},
		{"failed before it began", deploy.NewResult(nil, status(deploy.ExitFailed)), false, true},
		{"cleared", resultOf(deploy.OutcomeCleared, "v2", nil), false, true},
	} {
		if got := test.result.Told(test.began); got != test.wanted {
			t.Errorf("%s: told is %v", test.name, got)
		}
	}
}

func TestOccasions(t *testing.T) {
	for kind, on := range map[deploy.NoticeKind]deploy.Occasion{
		deploy.NoticeStarted: deploy.OnStart, deploy.NoticeDeployed: deploy.OnSuccess, deploy.NoticeFailed: deploy.OnFailure,
		deploy.NoticeRolledBack: deploy.OnRollback, deploy.NoticeRecovered: deploy.OnRecovery,
	} {
		for _, one := range []deploy.Occasion{deploy.OnStart, deploy.OnSuccess, deploy.OnFailure, deploy.OnRollback, deploy.OnRecovery} {
			if got := (deploy.Notify{On: []deploy.Occasion{one}}).Wants(deploy.Notice{Kind: kind}); got != (one == on) {
				t.Errorf("on %s, told of %s: %v", one, kind, got)
			}
		}
		if !(deploy.Notify{}).Wants(deploy.Notice{Kind: deploy.NoticeTest}) {
			t.Error("a test is not sent")
		}
	}
}

// A result that went through JSON and a supervisor is still the failure it was.
func TestResultKeepsItsParts(t *testing.T) {
	failure := &deploy.Failure{Status: deploy.ExitRolledBack, Err: errors.New("one\ntwo"), Logs: []string{"a", "b"}, Hint: "Do."}
	result := deploy.NewResult(nil, failure)
	again := deploy.NewResult(nil, result.Err())
	cause, lines, advice := again.Parts()
	if again.Text != failure.Error() || again.Status != failure.Status || cause != "one\ntwo" || !slices.Equal(lines, failure.Logs) || advice != "Do." {
		t.Errorf("%+v", again)
	}
	wrapped := deploy.NewResult(nil, fmt.Errorf("on shop-1: %w", failure))
	cause, lines, _ = wrapped.Parts()
	if cause != "on shop-1: one\ntwo\nDo." || !slices.Equal(lines, failure.Logs) {
		t.Errorf("%q %q", cause, lines)
	}
}
