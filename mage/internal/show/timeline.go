package show

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Timeline prints a command with all that happened in it.
func Timeline(out io.Writer, told *session.PastCommand) {
	entry := told.HistoryEntry
	fmt.Fprintln(out, fit(plain(cmp.Or(entry.What, "an unknown command")), screen))
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-9s %s\n", name, strings.TrimLeft(deploy.Wrap(value, 12, screen-12), " "))
		}
	}
	field("by", plain(entry.Who))
	field("began", entry.Started.Local().Format("2006-01-02 15:04:05 MST"))
	field("took", took(entry.Seconds))
	field("outcome", outcome(entry, told.Shorts)+requestsOf(entry))
	field("commit", plain(entry.Commit))
	switch {
	case entry.Release != "":
		field("release", plain(entry.Release))
	case entry.To != "" && entry.Begun:
		field("release", "the record of "+plain(entry.To)+" was pruned: only this is left of it")
	}
	field("id", entry.ID)
	others(out, told)
	if told.Past == nil {
		fmt.Fprintf(out, "\nIts transcript is not kept any more: this is what the release's record says.\n")
		return
	}
	timeline(out, told)
	if told.Past.Damaged > 0 {
		fmt.Fprintf(out, "\n%d lines of its transcript are damaged and left out.\n", told.Past.Damaged)
	}
	result(out, told.Past)
}

func others(out io.Writer, told *session.PastCommand) {
	if len(told.Others) == 0 {
		return
	}
	var shorts []string
	for _, other := range told.Others {
		shorts = append(shorts, fmt.Sprintf("%s (%s)", orNone(other.Short), what(other.What)))
	}
	fmt.Fprintf(out, "  earlier   %s\n", strings.TrimLeft(deploy.Wrap(strings.Join(shorts, ", "), 12, screen-12), " "))
}

// timeIndent is how far an event's text is from the left.
const timeIndent = 20

func timeline(out io.Writer, told *session.PastCommand) {
	if len(told.Past.Events) == 0 {
		fmt.Fprintf(out, "\nNothing is known to have happened in it.\n")
		return
	}
	fmt.Fprintln(out)
	ended := ""
	if told.Past.Result != nil {
		ended = told.Past.Result.Text
	}
	day := told.Started.Local().Format(time.DateOnly)
	for _, event := range told.Past.Events {
		at := event.At.Local()
		if date := at.Format(time.DateOnly); date != day && !event.At.IsZero() {
			day = date
			fmt.Fprintln(out, date)
		}
		mark, lines := eventLines(event, ended)
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%s %8.2fs %s %s", at.Format(time.TimeOnly), event.At.Sub(told.Started).Seconds(), mark, lines[0]), " "))
		for _, line := range lines[1:] {
			fmt.Fprintln(out, line)
		}
	}
}

// eventLines is an event in words, its first line behind the time; ended is the
// text of the error that the command ended with, which is shown below.
func eventLines(event deploy.Event, ended string) (mark string, lines []string) {
	switch event.Kind {
	case deploy.EventPlan:
		return " ", append([]string{"plan"}, plainLines(event.Text)...)
	case deploy.EventStart:
		return "·", []string{stepLine(event, "")}
	case deploy.EventDone:
		return "✓", []string{stepLine(event, seconds(event.Elapsed))}
	case deploy.EventCut:
		return "-", []string{stepLine(event, "ended with the stage")}
	case deploy.EventProgress:
		return "…", []string{stepLine(event, fmt.Sprintf("%d of %d MB", event.Current/1e6, event.Total/1e6))}
	case deploy.EventFail:
		return "✗", append([]string{stepLine(event, seconds(event.Elapsed))}, wrapped(cause(event.Text, ended))...)
	case deploy.EventBack:
		text := wrapped("going back: " + firstLine(event.Text)) // the step that failed has all of it
		return "!", append([]string{strings.TrimLeft(text[0], " ")}, text[1:]...)
	case deploy.EventOutcome:
		return "=", []string{fit(plain(event.Text), screen-timeIndent-2)}
	case deploy.EventNote:
	}
	text := wrapped(event.Text)
	if len(text) == 0 {
		return " ", []string{""}
	}
	return " ", append([]string{strings.TrimLeft(text[0], " ")}, text[1:]...)
}

// cause leaves out of an error what is shown below in any case.
func cause(text, ended string) string {
	if first := firstLine(text); strings.Contains(ended, first) {
		return first
	}
	return text
}

func stepLine(event deploy.Event, took string) string {
	const actionWidth = 9
	space := screen - timeIndent - 2 - actionWidth - 1 - 2 - len(took)
	return strings.TrimRight(fmt.Sprintf("%-*s %s  %s", actionWidth, event.Step.Action, fit(plain(event.Step.Subject()), space), took), " ")
}

// wrapped breaks a text into lines below an event's own.
func wrapped(text string) []string {
	var lines []string
	for _, line := range plainLines(text) {
		if line != "" {
			lines = append(lines, strings.Split(deploy.Wrap(line, timeIndent+2, screen-timeIndent-2), "\n")...)
		}
	}
	return lines
}

// result prints how a command ended, in the words in which it did.
func result(out io.Writer, past *deploy.Past) {
	if past.Result == nil {
		return
	}
	if past.Result.Text != "" {
		fmt.Fprintln(out)
		for _, line := range plainLines(past.Result.Text) {
			// A log's line stays as it was written.
			if text := strings.TrimLeft(line, " "); !strings.HasPrefix(text, "|") {
				indent := len(line) - len(text)
				line = deploy.Wrap(text, indent, screen-indent)
			}
			fmt.Fprintln(out, strings.TrimRight(line, " "))
		}
	}
	if past.Result.Report != nil {
		fmt.Fprintln(out)
		report := *past.Result.Report
		report.To, report.Probe.Last = plain(report.To), plain(report.Probe.Last)
		Report(out, &report)
	}
}
