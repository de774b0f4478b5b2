package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// pageWidth is that of the terminal that everything is to fit into.
const pageWidth = 79

// Diagnosis prints what the doctor found: the root cause first, with what shows
// it and what to type.
func Diagnosis(out io.Writer, diagnosis *session.Diagnosis) {
	where := diagnosis.Environment
	if diagnosis.Host != "" {
		where += " on " + diagnosis.Host
	}
	took := fmt.Sprintf("%.1f s", float64(diagnosis.Milliseconds)/1e3)
	switch {
	case len(diagnosis.Findings) == 0 && diagnosis.Serving != "":
		fmt.Fprintf(out, "%s: nothing is wrong, %s serves (%s)\n", where, diagnosis.Serving, took)
	case len(diagnosis.Findings) == 0:
		fmt.Fprintf(out, "%s: nothing is wrong (%s)\n", where, took)
	default:
		fmt.Fprintf(out, "%s: %s (%s)\n", where, counted(diagnosis.Findings), took)
	}
	for number, finding := range diagnosis.Findings {
		fmt.Fprintln(out)
		printFinding(out, number+1, finding)
	}
	for _, unseen := range diagnosis.Unseen {
		indented(out, "? ", "could not look at "+unseen)
	}
}

func counted(findings []doctor.Finding) string {
	if len(findings) == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings, the root cause first", len(findings))
}

func printFinding(out io.Writer, number int, finding doctor.Finding) {
	mark := "✗"
	if finding.Severity == doctor.Warning {
		mark = "!"
	}
	title := finding.Title
	if finding.Past {
		title += " (last command)"
	}
	indented(out, fmt.Sprintf("%d %s ", number, mark), title+"  ["+string(finding.Cause)+"]")
	for _, line := range finding.Evidence {
		indented(out, "    | ", line)
	}
	if finding.Follows != "" {
		indented(out, "    ", "follows from "+string(finding.Follows)+"; on its own: "+finding.Fix)
		return
	}
	indented(out, "    → ", finding.Fix)
}

// indented prints a text in lines that fit, each as far in as the first.
func indented(out io.Writer, first, text string) {
	indent := len([]rune(first))
	for at, line := range wrap(text, pageWidth-indent) {
		if at > 0 {
			first = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(out, first+line)
	}
}
