package show

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are what moves a terminal's cursor or colours its text.
var escapes = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// plain is a text from outside on one line, without anything that a terminal
// obeys.
func plain(text string) string {
	text = escapes.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}

// plainLines are the lines of a text from outside.
func plainLines(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for at := range lines {
		lines[at] = strings.TrimRight(plain(lines[at]), " ")
	}
	return lines
}

// fit shortens a text to that many characters.
func fit(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:max(width-1, 0)]) + "…"
	}
	return text
}
