package notify

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// zeroWidth parts what a service would take for a mention or for the end of a
// block of code, and is not seen.
const zeroWidth = "\u200b"

const ellipsis = "…"

// length is a text's length as the services count it at most: Discord and Slack
// say "characters", and count what JavaScript does.
func length(text string) int {
	count := 0
	for _, r := range text {
		count += runeLength(r)
	}
	return count
}

func runeLength(r rune) int {
	if n := utf16.RuneLen(r); n > 0 {
		return n
	}
	return 1
}

// clean makes one line of a text from outside: without control characters, and
// without those that turn the direction of what follows.
func clean(text string) string { return strings.TrimSpace(cleanRunes(text)) }

// colour is what programs print for terminals.
var colour = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`)

// longestText is more than any service takes of one text: what is behind it is
// not looked at.
const longestText = 16 << 10

func cleanRunes(text string) string {
	text = text[:min(len(text), longestText)]
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '\ufffd'
		case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			return -1
		}
		return r
	}, colour.ReplaceAllString(text, ""))
}

// lines cleans each line of a text and leaves out empty ones.
func lines(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = clean(line); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// fit escapes a text rune by rune, and ends it with an ellipsis where it does
// not fit into that many characters. What was escaped is never cut within.
func fit(text string, limit int, escape func(rune) string) string {
	var out strings.Builder
	used, room := 0, 0 // room is how much of out leaves room for the ellipsis
	for _, r := range text {
		escaped := escape(r)
		if used += length(escaped); used > limit {
			if limit < length(ellipsis) {
				return ""
			}
			return strings.TrimRight(out.String()[:room], " ") + ellipsis
		}
		out.WriteString(escaped)
		if used <= limit-length(ellipsis) {
			room = out.Len()
		}
	}
	return out.String()
}

func escapeAll(text string, escape func(rune) string) string {
	var out strings.Builder
	for _, r := range text {
		out.WriteString(escape(r))
	}
	return out.String()
}

// tail joins the last of some lines that fit into that many characters; each of
// them is cut to what is left.
func tail(all []string, limit int, escape func(rune) string) string {
	var kept []string
	for at := len(all) - 1; at >= 0 && limit > 1; at-- {
		line := fit(strings.TrimRight(cleanRunes(all[at]), " "), min(limit-1, longestLine), escape)
		limit -= length(line) + 1
		kept = append([]string{line}, kept...)
	}
	if text := strings.Trim(strings.Join(kept, "\n"), "\n"); strings.TrimSpace(text) != "" {
		return text
	}
	return ""
}

// longestLine keeps one line of a log from being all that is shown.
const longestLine = 400

// commitLines gives a line for each commit that fits, and how many do not.
func commitLines(n deploy.Notice, limit int, escape func(rune) string) string {
	var out []string
	more := n.More
	for at, commit := range n.Commits {
		line := fit(fmt.Sprintf("%.7s %s (%s)", clean(commit.Hash), clean(commit.Subject), clean(commit.Author)), longestCommit, escape)
		if limit -= length(line) + 1; limit < len("and 1000000 more") {
			more += len(n.Commits) - at
			break
		}
		out = append(out, line)
	}
	if more > 0 && len(out) > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

// longestCommit is what a subject, an author and a hash take at most.
const longestCommit = 160

// fact is one thing that a notice tells beside its texts.
type fact struct {
	name, value string
	// wide says that it needs a line of its own, and code that it is one to type.
	wide, code bool
}

// facts are what both services show, in this order.
func facts(n deploy.Notice) []fact {
	all := []fact{
		{name: "Environment", value: n.Environment},
		{name: "Host", value: n.Host},
		{name: "Version", value: versions(n)},
		{name: "By", value: n.Who},
	}
	if n.Elapsed > 0 {
		all = append(all, fact{name: "Duration", value: duration(n.Elapsed)})
	}
	if n.Requests > 0 {
		all = append(all, fact{name: "Requests", value: fmt.Sprintf("%d, %d lost", n.Requests, n.Lost)})
	}
	var waived []string
	for _, waiver := range n.Waivers {
		text := waiver.Item + ": " + waiver.Reason
		if waiver.By != "" {
			text += " (" + waiver.By + ")"
		}
		waived = append(waived, clean(text))
	}
	all = append(all,
		fact{name: "Let pass", value: strings.Join(waived, "; "), wide: true},
		fact{name: "Command", value: "mage " + n.Command, wide: true, code: true},
		fact{name: "To go back", value: n.Back, wide: true, code: true},
	)
	var there []fact
	for _, one := range all {
		if one.value = clean(one.value); one.value != "" {
			there = append(there, one)
		}
	}
	return there
}

func versions(n deploy.Notice) string {
	if n.From != "" && n.To != "" && n.From != n.To {
		return n.From + " → " + n.To
	}
	if n.To != "" {
		return n.To
	}
	return n.From
}

func duration(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
