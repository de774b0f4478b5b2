package deploy

import (
	"regexp"
	"strconv"
	"strings"
	"time"
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

// Plain is a line of a container's log as it may be shown: without the engine's
// time stamp.
func Plain(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if stamp, rest, found := strings.Cut(line, " "); found {
		if _, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			line = rest
		}
	}
	return Visible(line)
}

// Plural is a count with its noun: "1 image", "2 images".
func Plural(count int, noun string) string {
	if count != 1 {
		noun += "s"
	}
	return strconv.Itoa(count) + " " + noun
}

// clip cuts a text to so many characters.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
