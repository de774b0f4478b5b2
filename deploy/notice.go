package deploy

import (
	"fmt"
	"strings"
	"time"
)

// NoticeKind is what a notice tells.
type NoticeKind string

// The kinds of notices.
const (
	NoticeStarted  NoticeKind = "started"
	NoticeDeployed NoticeKind = "deployed"
	NoticeFailed   NoticeKind = "failed"
	// NoticeRolledBack: somebody went back to a release on purpose.
	NoticeRolledBack NoticeKind = "rolled_back"
	// NoticeRecovered: what an interrupted command left was brought in order.
	NoticeRecovered NoticeKind = "recovered"
	NoticeTest      NoticeKind = "test"
)

// Notice is what people are told of a command, in words that need no look at
// the host. Its texts are from outside: whoever shows them takes care of that.
type Notice struct {
	Kind NoticeKind
	// Title is one line: "v1.16.0 serves on production".
	Title       string
	Environment string
	// Host is empty where the environment has one only.
	Host string
	// Command is what was typed: "deploy:production v1.16.0".
	Command string
	Who     string
	// From served before; To is what was rolled out. Either may be empty.
	From, To string
	// Commits are those since the release before, More counts those that are not
	// among them.
	Commits []SourceCommit
	More    int
	// Repository is the source's web address.
	Repository string
	Waivers    []Waiver
	At         time.Time
	Elapsed    time.Duration
	// Requests are the deployer's own through the proxy, Lost those of them that
	// failed.
	Requests, Lost int
	// Cause is why it failed, Lines are the last of what failed, Advice says what
	// to do.
	Cause  string
	Lines  []string
	Advice string
	// Back is the command that returns to what served before.
	Back string
	// Address is where the environment is looked at.
	Address string

	takenBack bool
}

func (n Notice) occasions() []Occasion {
	switch {
	case n.Kind == NoticeStarted:
		return []Occasion{OnStart}
	case n.Kind == NoticeFailed && n.takenBack:
		return []Occasion{OnFailure, OnRollback}
	case n.Kind == NoticeFailed:
		return []Occasion{OnFailure}
	case n.Kind == NoticeRolledBack:
		return []Occasion{OnRollback}
	case n.Kind == NoticeRecovered:
		return []Occasion{OnRecovery}
	default:
		return []Occasion{OnSuccess}
	}
}

// Course is a command and what came of it, as far as that is known: what a
// notice is made from.
type Course struct {
	Environment string
	// Host is this one's name.
	Host    string
	Command string
	Who     string
	// Rollback, Recover and Undo say what was asked for; a deploy without.
	Rollback, Recover, Undo bool
	// Version is the one that was asked for.
	Version string
	// Background is what the version was made of, as the command brought it.
	Background *Background
	// Before served when the command began, Serving serves now; nil for nothing.
	Before, Serving *Release
	// Died says that the command's process died and another one recovered.
	Died bool
	// Result is how it ended; nil where it begins only.
	Result *Result
	// At is now, Elapsed the time since the command began.
	At      time.Time
	Elapsed time.Duration
	Notify  Notify
}

// Told says whether anybody is to be told how a command ended: not where
// nothing was done, and not where whoever typed it has to type something else.
// began says that it came to its first step.
func (r *Result) Told(began bool) bool {
	if r.Report != nil && r.Report.Outcome == OutcomePlanned {
		return false
	}
	if began {
		return true
	}
	if r.Status == 0 {
		return r.Report != nil && r.Report.Outcome == OutcomeCleared
	}
	return r.Status == ExitFailed || r.Status == ExitRolledBack || r.Status == ExitNeedsPerson
}

// Notice makes the notice.
func (c Course) Notice() Notice {
	n := Notice{
		Environment: c.Environment, Command: c.Command, Who: c.Who, At: c.At, Elapsed: c.Elapsed, Address: c.Notify.Address,
		From: versionOf(c.Before), To: c.to(),
	}
	if c.Notify.NameHost {
		n.Host = c.Host
	}
	if n.From != "" && c.Result != nil && (n.From != versionOf(c.Serving) || c.failed() && !c.recovered()) {
		n.Back = fmt.Sprintf("mage rollback %s -env=%s", n.From, c.Environment)
	}
	c.tellSource(&n)
	c.tellReport(&n)
	c.tellKind(&n)
	return n
}

// to is the version that was rolled out.
func (c Course) to() string {
	if c.Result != nil && c.Result.Report != nil && c.Result.Report.To != "" && !c.Died {
		return c.Result.Report.To
	}
	if c.Version != "" && c.Version != Previous {
		return c.Version
	}
	return versionOf(c.Serving)
}

// recovered says whether the command's process died and what it left was
// brought in order.
func (c Course) recovered() bool {
	if !c.Died || c.Result.Report == nil {
		return false
	}
	outcome := c.Result.Report.Outcome
	return outcome == OutcomeUnchanged || outcome == OutcomeDeployed || outcome == OutcomeCleared
}

func (c Course) failed() bool { return c.Result != nil && c.Result.Status != 0 }

// tellSource says what is in the version. Commits are those since what served
// before: on the way back there are none.
func (c Course) tellSource(n *Notice) {
	background := c.Background
	if background == nil && c.Serving != nil && c.Serving.Version == n.To {
		background = c.Serving.Background
	}
	if background == nil || c.Recover || c.Undo {
		return
	}
	n.Repository, n.Waivers = background.Repository, background.Waivers
	if !c.Rollback && n.From != n.To {
		n.Commits, n.More = background.Commits, background.More
	}
}

func (c Course) tellReport(n *Notice) {
	if c.Result == nil {
		return
	}
	if report := c.Result.Report; report != nil {
		n.Requests, n.Lost = report.Probe.Sent, report.Probe.Failed
		n.takenBack = report.Outcome == OutcomeRolledBack
	}
	n.Cause, n.Lines, n.Advice = c.Result.Parts()
}

func (c Course) tellKind(n *Notice) {
	on := " on " + c.Environment
	serves := versionOf(c.Serving)
	switch {
	case c.Result == nil:
		n.Kind, n.Title = NoticeStarted, c.intent(n.To)+on+" has begun"
	case c.Result.Status == ExitNeedsPerson:
		n.Kind, n.Title = NoticeFailed, c.Command+on+" needs a person"
	case c.recovered() && serves == "":
		n.Kind, n.Title = NoticeRecovered, c.Command+on+" was killed and recovered: nothing serves, as before"
	case c.recovered():
		n.Kind, n.Title = NoticeRecovered, c.Command+on+" was killed and recovered: "+serves+" serves"
	case n.takenBack && serves != "":
		n.Kind, n.Title = NoticeFailed, n.To+on+" was taken back: "+serves+" serves"
	case c.failed() && serves == n.To && serves != n.From:
		n.Kind, n.Title = NoticeFailed, n.To+" serves"+on+", but a step failed"
	case c.failed() && serves == "":
		n.Kind, n.Title = NoticeFailed, c.intent(n.To)+on+" failed: nothing serves"
	case c.failed():
		n.Kind, n.Title = NoticeFailed, c.intent(n.To)+on+" failed: "+serves+" serves, untouched"
	case c.Recover && serves == "":
		n.Kind, n.Title = NoticeRecovered, c.Environment+" is recovered: nothing serves, as before"
	case c.Recover:
		n.Kind, n.Title = NoticeRecovered, c.Environment+" is recovered: "+serves+" serves"
	case c.Undo:
		n.Kind, n.Title = NoticeRolledBack, "the adoption of "+c.Environment+" was undone"
	case c.Rollback:
		n.Kind, n.Title = NoticeRolledBack, n.To+" serves"+on+" again"
	case n.From == n.To:
		n.Kind, n.Title = NoticeDeployed, n.To+" serves"+on+" with new containers"
	default:
		n.Kind, n.Title = NoticeDeployed, n.To+" serves"+on
	}
}

// intent says what was to be done.
func (c Course) intent(to string) string {
	switch {
	case c.Recover:
		return "the recovery"
	case c.Undo:
		return "the way back from the adoption"
	case c.Rollback:
		return "the rollback to " + to
	default:
		return "the deploy of " + to
	}
}

// versionOf names a release; empty for none.
func versionOf(release *Release) string {
	if release == nil {
		return ""
	}
	return release.Version
}

// NewTestNotice is what a person sends to see whether notices arrive.
func NewTestNotice(c Course) Notice {
	n := c.Notice()
	n.Kind, n.Title = NoticeTest, "this is how notices of "+c.Environment+" arrive"
	return n
}

// Parts takes a result's text apart: the cause, the last lines of what failed,
// and what to do.
func (r *Result) Parts() (cause string, lines []string, advice string) {
	if r.Cause != "" {
		return r.Cause, r.Logs, r.Hint
	}
	var kept []string
	for line := range strings.Lines(r.Text) {
		line = strings.TrimRight(line, "\r\n")
		if shown, ok := strings.CutPrefix(line, logMark); ok {
			lines = append(lines, shown)
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n"), lines, ""
}
