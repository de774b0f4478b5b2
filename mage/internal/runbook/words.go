package runbook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Words knows what in the pages is an example, and what it stands for where
// the commands are really typed:
//
//   - names that were told: a host, a registry;
//   - identities: a commit, the time in the name of a backup, who typed it. What
//     one stands for is taken from where it is seen first, and stays;
//   - values: times, durations, sizes and addresses. Any other one will do.
//
// "…" stands for anything in its line, and, alone on a line, for any lines.
// How a text is broken into lines is of no account.
type Words struct {
	names, known map[string]string
}

// NewWords begins with nothing known.
func NewWords() *Words { return &Words{names: map[string]string{}, known: map[string]string{}} }

// Name says what a word of the pages stands for from now on.
func (w *Words) Name(word, stands string) { w.names[word] = stands }

// shape is a kind of word that differs from one run to the next.
type shape struct {
	pattern, real string
	// identity says that the same word always stands for the same thing.
	identity bool
}

// shapes are tried in this order.
var shapes = []shape{
	{pattern: `anna@laptop`, real: `[\w.-]+@[\w.-]+`, identity: true},
	{pattern: `\d{8}T\d{6}Z`, real: `\d{8}T\d{6}Z`, identity: true},
	{pattern: `\b[0-9a-f]{12}\b`, real: `[0-9a-f]{12}`, identity: true},
	{pattern: `\b[0-9a-f]{8}\b`, real: `[0-9a-f]{8}`, identity: true},
	{pattern: `\d{4}-\d\d-\d\d`, real: `\d{4}-\d\d-\d\d`},
	{pattern: `\b\d\d:\d\d(?::\d\d)?\b`, real: `\d\d:\d\d(?::\d\d)?`},
	{pattern: `\b\d{1,3}(?:\.\d{1,3}){3}\b`, real: `\d{1,3}(?:\.\d{1,3}){3}`},
	{pattern: `\b\d+(?:\.\d+)? ?(?:ms|s|min|h|days)\b`, real: `\d+(?:\.\d+)? ?(?:ms|s|min|h|days)`},
	{pattern: `\b\d+(?:\.\d+)? ?(?:kB|MB|GB)\b`, real: `\d+(?:\.\d+)? ?(?:kB|MB|GB)`},
}

// anything is what "…" stands for within a line, which may have been broken.
const anything = `(?:[^\n]|\n {4,})*?`

// seen is a word of a page: its kind, or a name that was told.
type seen struct {
	text  string
	shape int // -1 for a name
}

// scan calls for each word that is an example, and for what is between them.
func (w *Words) scan(text string, between func(string), word func(seen)) {
	var patterns []string
	names := slices.SortedFunc(maps.Keys(w.names), func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		patterns = append(patterns, regexp.QuoteMeta(name))
	}
	all := "(\x00)" // no name
	if len(names) > 0 {
		all = "(" + strings.Join(patterns, "|") + ")"
	}
	for _, one := range shapes {
		all += "|(" + one.pattern + ")"
	}
	matcher := regexp.MustCompile(all)
	for text != "" {
		found := matcher.FindStringSubmatchIndex(text)
		if found == nil {
			between(text)
			return
		}
		between(text[:found[0]])
		for group := range len(shapes) + 1 {
			if found[2*group+2] >= 0 {
				word(seen{text[found[0]:found[1]], group - 1})
				break
			}
		}
		text = text[found[1]:]
	}
}

// Command is a command of a page as it is to be typed.
func (w *Words) Command(text string) (string, error) {
	var out strings.Builder
	var err error
	w.scan(text, func(plain string) { out.WriteString(plain) }, func(one seen) {
		known, ok := w.known[one.text]
		switch {
		case one.shape < 0:
			out.WriteString(w.names[one.text])
		case ok:
			out.WriteString(known)
		case shapes[one.shape].identity:
			err = fmt.Errorf("%s is typed and was shown nowhere before", one.text)
		default:
			out.WriteString(one.text)
		}
	})
	return out.String(), err
}

// expectation is a regular expression of what a step prints, and which words
// its groups are.
type expectation struct {
	pattern strings.Builder
	groups  []string
}

// Compare says where what was printed is not what the page shows.
func (w *Words) Compare(step Step, output string) error {
	output = "\n" + strings.TrimRight(output, " \n") + "\n"
	groups, found := w.match(step.Expected, output, `\s*$`)
	if found == nil {
		return w.differs(step, output)
	}
	for at, word := range groups {
		if known, ok := w.known[word]; ok && known != found[at+1] {
			return fmt.Errorf("line %d: %s stands for %s and for %s", step.Line, word, known, found[at+1])
		}
		w.known[word] = found[at+1]
	}
	return nil
}

// differs finds the first line that is not there.
func (w *Words) differs(step Step, output string) error {
	for count := range step.Expected {
		if _, found := w.match(step.Expected[:count+1], output, `(?s:.*)$`); found == nil {
			line := step.Expected[count]
			return fmt.Errorf("line %d: %q is not what comes next in\n%s", line.Number, strings.TrimSpace(line.Text), output)
		}
	}
	return fmt.Errorf("line %d: more is printed than is shown; say … for it:\n%s", step.Line, output)
}

func (w *Words) match(lines []Line, output, end string) (groups, found []string) {
	var e expectation
	e.pattern.WriteString("^")
	skipped := false
	for _, line := range lines {
		text := strings.TrimSpace(line.Text)
		switch {
		case text == "":
			continue
		case text == "…":
			skipped = true
			continue
		case skipped:
			e.pattern.WriteString(`[^\S\n]*(?:\n(?s:.*?))?\s*\n\s*`)
		default:
			e.pattern.WriteString(`\s+`)
		}
		skipped = false
		w.expect(&e, text)
	}
	if skipped {
		end = `[^\S\n]*\n(?s:.*)$`
	}
	return e.groups, regexp.MustCompile(e.pattern.String() + end).FindStringSubmatch(output)
}

// expect adds the pattern of one line.
func (w *Words) expect(e *expectation, text string) {
	w.scan(text, func(plain string) {
		for at, part := range strings.Split(plain, "…") {
			if at > 0 {
				e.pattern.WriteString(anything)
			}
			e.pattern.WriteString(spaced(part))
		}
	}, func(one seen) {
		known, ok := w.known[one.text]
		switch {
		case one.shape < 0:
			e.pattern.WriteString(regexp.QuoteMeta(w.names[one.text]))
		case ok:
			e.pattern.WriteString(regexp.QuoteMeta(known))
		case shapes[one.shape].identity:
			e.pattern.WriteString("(" + shapes[one.shape].real + ")")
			e.groups = append(e.groups, one.text)
		default:
			e.pattern.WriteString(shapes[one.shape].real)
		}
	})
}

var spaces = regexp.MustCompile(`\s+`)

// spaced is a text in which any white space may stand for any other, and
// anything or nothing of it before "…".
func spaced(text string) string {
	var parts []string
	for _, part := range spaces.Split(text, -1) {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return strings.Join(parts, `\s+`)
}
