package deploy

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// colour is what a terminal takes for other than text.
var colour = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)?")

// Plain is a line of a program as it can be shown: without the engine's time
// stamp and without control characters.
func Plain(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if stamp, rest, found := strings.Cut(line, " "); found {
		if _, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			line = rest
		}
	}
	line = colour.ReplaceAllString(line, "")
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, line), " ")
}
