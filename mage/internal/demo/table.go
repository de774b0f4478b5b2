package demo

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// row is one step of the story.
type row struct {
	step   string
	took   time.Duration
	report *deploy.Report
	load   figures
}

func (d *demo) printTable(whole time.Duration) {
	fmt.Fprintln(d.Out)
	table := tabwriter.NewWriter(d.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "STEP\tSECONDS\tREQUESTS\tLOST\tSLOWEST\tSWITCH\t")
	for _, r := range d.rows {
		requests, lost, slowest, switched := "", "", "", ""
		if r.load.sent > 0 {
			requests, lost = fmt.Sprint(r.load.sent), fmt.Sprint(r.load.lost)
			slowest = fmt.Sprintf("%d ms", r.load.slowest.Milliseconds())
		}
		if r.report != nil && r.report.Switch > 0 {
			switched = fmt.Sprintf("%.1f ms", float64(r.report.Switch)/float64(time.Millisecond))
		}
		fmt.Fprintf(table, "%s\t%.1f\t%s\t%s\t%s\t%s\t\n", r.step, r.took.Seconds(), requests, lost, slowest, switched)
	}
	fmt.Fprintf(table, "in all\t%.1f\t\t\t\t\t\n", whole.Seconds())
	_ = table.Flush() // the writer below reports
}
