package deploy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapes are what programs colour and move a terminal's text with.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\-_])")

// Visible is a line from outside as it may be shown and kept: without what
// would move, colour or reorder a terminal's text.
func Visible(text string) string {
	text = escapes.ReplaceAllString(text, "")
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text), " ")
}

// clip cuts a text to so many characters.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
