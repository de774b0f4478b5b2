package mage

import (
	"os"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/mage/internal/github"
)

// Mage names a flag after a Go parameter, which cannot have a hyphen, and its
// main function is generated, so that this is the only place from which
// -accept-downtime can reach a parameter named acceptDowntime, and the only one
// from which a job's log can be kept from what mage itself prints there.
func init() {
	os.Args = withService(withoutHyphens(os.Args))
	github.Supervise()
}

// withService gives logs the argument that mage demands and people may leave
// out: without a service, those of all are meant.
func withService(args []string) []string {
	for at, arg := range args {
		if at == 0 || strings.HasPrefix(arg, "-") {
			continue
		}
		if strings.EqualFold(arg, "logs") && (at+1 == len(args) || strings.HasPrefix(args[at+1], "-")) {
			return slices.Insert(slices.Clone(args), at+1, "")
		}
		return args
	}
	return args
}

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
