package show

import (
	"fmt"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// checkIndent is where an item's text begins, checkWidth how wide it may be
// for a line of 80 columns.
const (
	checkIndent = 14
	checkWidth  = 79 - checkIndent
)

// Checklist prints each item, and what to do where it is not done.
func Checklist(out io.Writer, findings []deploy.Finding) {
	for _, finding := range findings {
		mark := map[deploy.FindingState]string{
			deploy.FindingFine: "✓", deploy.FindingWarning: "!", deploy.FindingFailed: "✗", deploy.FindingWaived: "~",
		}[finding.State]
		lines := append(wrap(finding.Text, checkWidth), wrap(finding.Hint, checkWidth)...)
		if len(lines) == 0 {
			lines = []string{""}
		}
		fmt.Fprintf(out, "%s %-*s%s\n", mark, checkIndent-2, finding.Name, lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(out, "%*s%s\n", checkIndent, "", line)
		}
	}
}
