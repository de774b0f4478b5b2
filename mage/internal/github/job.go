// Package github is the job of GitHub Actions that a command may run in. What
// the job's runner shows beside the log (groups, annotations, a summary) is asked
// for by lines in that very log, which anybody could print: a commit's subject, a
// container, a build. So there a command runs as the child of one more process,
// through which all goes that it and what it starts print; see Supervise.
package github

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// tokenVariable has what the lines begin with that are commands for the runner.
// It is set for the child, which alone can say such a line.
const tokenVariable = "WEBSHOP_DEPLOY_JOB"

// noToken stands in its place where no runner reads what the child prints.
const noToken = "none"

// inJob says whether this process was started by a job of GitHub Actions.
func inJob() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// Group has what is printed from here on folded under a title, up to the next
// group or EndGroup. Outside of a job, this and the others do nothing.
func Group(out io.Writer, title string) { say(out, command("group", "", title)) }

// EndGroup ends a group.
func EndGroup(out io.Writer) { say(out, endGroup) }

// Warn makes a warning stand out, beside the log.
func Warn(out io.Writer, title, text string) { say(out, command("warning", title, text)) }

func say(out io.Writer, command string) {
	if token := os.Getenv(tokenVariable); token != "" && token != noToken {
		fmt.Fprintln(out, token+command)
	}
}

const endGroup = "::endgroup::"

// command is a line that the runner obeys; what is said in it ends neither the
// line nor the title.
func command(name, title, text string) string {
	properties := ""
	if title != "" {
		properties = " title=" + inTitle.Replace(title)
	}
	return "::" + name + properties + "::" + inText.Replace(text)
}

var (
	inText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inTitle = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Without takes away what would make a process that is started with these
// variables part of the job: tests are none, also where a job runs them.
func Without(environment []string) []string {
	var kept []string
	for _, pair := range environment {
		name, _, _ := strings.Cut(pair, "=")
		if name != tokenVariable && name != "CI" && !strings.HasPrefix(name, "GITHUB_") {
			kept = append(kept, pair)
		}
	}
	return kept
}
