package github

import (
	"strings"
	"unicode"
)

// neutral makes a line one that the runner does not obey. It obeys "::" at a
// line's beginning, behind white space, and "##[" anywhere in it, and as it
// compares like people read, what cannot be seen does not keep it from that. All
// other lines stay as they are.
func neutral(line string) string {
	if !strings.ContainsAny(line, ":#") {
		return line
	}
	seen := strings.Map(visible, line)
	obeyed := strings.HasPrefix(strings.TrimLeftFunc(seen, unicode.IsSpace), "::")
	if !obeyed && !strings.Contains(seen, "##[") {
		return line
	}
	seen = strings.ReplaceAll(seen, "##[", "# #[")
	if obeyed {
		seen = "| " + seen
	}
	return seen
}

// visible leaves out the characters that a comparison by language passes over.
func visible(r rune) rune {
	if unicode.IsControl(r) && r != '\t' ||
		unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}
