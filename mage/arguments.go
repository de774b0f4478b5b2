package mage

import (
	"os"
	"strings"
)

// Mage names a flag after a Go parameter, which cannot have a hyphen, and its
// main function is generated, so that this is the only place from which
// -accept-downtime can reach a parameter named acceptDowntime.
func init() { os.Args = withoutHyphens(os.Args) }

// withoutHyphens takes the hyphens out of the names of the flags behind the
// first target. Mage compares them without regard to case. Values, and what
// stands before the target, stay as they are.
func withoutHyphens(args []string) []string {
	joined := make([]string, len(args))
	target := false
	for at, arg := range args {
		joined[at] = arg
		if at == 0 {
			continue
		}
		if !strings.HasPrefix(arg, "-") {
			target = true
			continue
		}
		if target {
			name, value, found := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			joined[at] = "-" + strings.ReplaceAll(name, "-", "")
			if found {
				joined[at] += "=" + value
			}
		}
	}
	return joined
}
