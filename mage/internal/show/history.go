package show

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// The columns of the history, which fill 80 with two spaces between them.
const (
	screen    = 80
	whenWidth = 16
	whatWidth = 23
	whoWidth  = 12
	tookWidth = 7
)

// History prints the newest commands, the newest first, two lines each, and how
// many more there are.
func History(out io.Writer, entries []deploy.HistoryEntry, count int) {
	if len(entries) == 0 {
		fmt.Fprintln(out, "Nothing was deployed here yet. From a laptop: mage deploy:staging, and where the\nenvironment runs on this machine: mage deploy:here v1.0.0")
		return
	}
	shown := entries[:min(count, len(entries))]
	shorts, idWidth := map[string]string{}, 0
	for _, entry := range entries {
		shorts[entry.ID] = entry.Short
	}
	for _, entry := range shown {
		idWidth = max(idWidth, len(entry.Short))
	}
	idWidth = min(max(idWidth, 4), 12)
	row := func(id, when, what, who, commit, took string) {
		space := whatWidth + 4 - idWidth
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%s  %s  %s  %s  %s  %s", pad(id, idWidth), pad(when, whenWidth),
			pad(what, space), pad(who, whoWidth), pad(commit, commitWidth), took), " "))
	}
	row("ID", "WHEN ("+zone(shown[0].Started)+")", "WHAT", "WHO", "COMMIT", "TOOK")
	for _, entry := range shown {
		row(orNone(entry.Short), entry.Started.Local().Format("2006-01-02 15:04"), what(entry.What), plain(entry.Who), orNone(short(entry.Commit)), took(entry.Seconds))
		requests := requestsOf(entry)
		indent := strings.Repeat(" ", idWidth+2)
		fmt.Fprintln(out, indent+fit(outcome(entry, shorts), screen-len(indent)-len(requests))+requests)
	}
	if more := len(entries) - len(shown); more > 0 {
		fmt.Fprintf(out, "%d more before these: mage history -n=%d\n", more, len(entries))
	}
}

// pad is a cell of a table.
func pad(text string, width int) string {
	text = fit(text, width)
	return text + strings.Repeat(" ", width-utf8.RuneCountInString(text))
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// zone names the time zone that times are shown in.
func zone(at time.Time) string {
	name, _ := at.Local().Zone()
	return name
}

// what is a command without the environment, which all of a history have in
// common.
func what(typed string) string {
	if typed == "" {
		return "unknown"
	}
	verb, rest, _ := strings.Cut(plain(typed), " ")
	if strings.HasPrefix(verb, "deploy:") && verb != "deploy:again" {
		verb = "deploy"
	}
	return strings.TrimSpace(verb + " " + rest)
}

func took(passed *float64) string {
	if passed == nil {
		return "-"
	}
	d := time.Duration(*passed * float64(time.Second))
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return age(d)
	}
}

func requestsOf(entry deploy.HistoryEntry) string {
	if entry.Requests == nil {
		return ""
	}
	return fmt.Sprintf("; %d of %d requests lost", *entry.Lost, *entry.Requests)
}

// outcome is how a command ended, in words; shorts are the short names of the
// others.
func outcome(entry deploy.HistoryEntry, shorts map[string]string) string {
	failed := entry.Status != nil && *entry.Status != 0
	stopped := entry.Status != nil && *entry.Status == deploy.ExitInterrupted
	switch entry.Outcome {
	case deploy.OutcomeDeployed:
		text := deployed(entry)
		if failed {
			text += ", after a failed step"
		}
		return text
	case deploy.OutcomeUnchanged:
		if strings.HasPrefix(entry.What, "recover") {
			return "nothing was left to repair" + serving(entry)
		}
		return "nothing to do" + serving(entry)
	case deploy.OutcomeUntouched:
		if stopped {
			return "stopped, untouched" + serving(entry)
		}
		return "failed, untouched" + serving(entry)
	case deploy.OutcomeRolledBack:
		text := "rolled back to " + plain(entry.RolledBackTo)
		if stopped {
			text = "stopped, " + text
		}
		return text
	case deploy.OutcomeRecovered:
		return "died, recovered at once" + serving(entry)
	case deploy.OutcomeInterrupted:
		return interrupted(entry, shorts)
	case deploy.OutcomeRefused, deploy.OutcomeFailed, deploy.OutcomeStuck:
		if entry.Error != "" {
			return string(entry.Outcome) + ": " + plain(entry.Error)
		}
	default:
	}
	return plain(string(entry.Outcome))
}

func deployed(entry deploy.HistoryEntry) string {
	verb, _, _ := strings.Cut(entry.What, " ")
	from, to := plain(entry.From), plain(entry.To)
	switch {
	case verb == "recover":
		return "recovered" + serving(entry)
	case verb == "restart":
		return "restarted " + to
	case verb == "host:adopt":
		return "adopted" + serving(entry)
	case entry.RolledBackTo != "":
		return "rolled back from " + plain(entry.RolledBackFrom) + " to " + plain(entry.RolledBackTo)
	case from == "" || from == to:
		return "deployed"
	default:
		return "deployed over " + from
	}
}

func serving(entry deploy.HistoryEntry) string {
	if entry.Serves == "" {
		return ""
	}
	return ": " + plain(entry.Serves) + " serves"
}

func interrupted(entry deploy.HistoryEntry, shorts map[string]string) string {
	switch {
	case !entry.Transcript:
		return "cut short"
	case !entry.Begun:
		return "interrupted before its first step"
	case entry.RecoveredBy != "":
		return "interrupted; recovered by " + shorts[entry.RecoveredBy]
	default:
		return "interrupted; nothing has recovered from it yet: mage recover"
	}
}
