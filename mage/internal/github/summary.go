package github

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Summarize adds a rollout's report to the job's summary. It does nothing
// outside of a job.
func Summarize(environment string, report *deploy.Report) {
	if inJob() {
		summarize(summary(environment, report))
	}
}

// summarize appends to the file that the runner names. One that cannot be
// written takes nothing from what was done.
func summarize(markdown string) {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	_, _ = file.WriteString(markdown) // as above
}

// summary is a report in Markdown.
func summary(environment string, report *deploy.Report) string {
	var out strings.Builder
	fmt.Fprintf(&out, "### %s: %s\n\n", literal(environment), literal(string(report.Outcome)))
	out.WriteString("| | |\n| --- | --- |\n")
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&out, "| %s | %s |\n", name, literal(text))
		}
	}
	row("release", report.To)
	row("before", report.From)
	row("commit", report.Commit)
	row("environment", environment)
	row("outcome", string(report.Outcome))
	row("duration", report.Elapsed.Round(100*time.Millisecond).String())
	if probe := report.Probe; probe.Sent > 0 {
		row("requests", fmt.Sprintf("%d of the deployer's own, %d lost, slowest %s", probe.Sent, probe.Failed, probe.Slowest.Round(time.Millisecond)))
	}
	if report.Switch > 0 {
		row("switch", report.Switch.Round(100*time.Microsecond).String())
	}
	for _, warning := range report.Warnings {
		row("warning", warning)
	}
	out.WriteString("\n")
	return out.String()
}

// failure is a command's error in Markdown: the cause, the last lines of what
// failed, and what to type.
func failure(title string, status int, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fmt.Sprintf("### %s\n\nExit status %d.\n\n%s\n%s\n%s\n\n", literal(title), status, fence, cmp.Or(text, "no message"), fence)
}

// literal makes a text one that Markdown shows as it is, on one line.
func literal(text string) string {
	var out strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_[]<>|~&#$@!", r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
