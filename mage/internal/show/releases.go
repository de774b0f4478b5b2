package show

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// commitWidth is how much of a commit people compare.
const commitWidth = 8

// Releases prints what a rollback can go to.
func Releases(out io.Writer, candidates []session.Candidate) {
	if len(candidates) == 0 {
		fmt.Fprintln(out, "nothing was deployed yet")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tMADE\tCOMMIT\tBY\tOUTCOME\tA ROLLBACK")
	for _, c := range candidates {
		outcome := string(c.Outcome)
		if outcome == "" {
			outcome = "cut short"
		}
		commit := c.Commit[:min(commitWidth, len(c.Commit))]
		if commit == "" {
			commit = "-"
		}
		fmt.Fprintf(table, "%s\t%s ago\t%s\t%s\t%s\t%s\n", c.Release.Version, age(time.Since(c.Release.Created)), commit, c.Release.By, outcome, way(c))
	}
	_ = table.Flush() // there is nowhere to report it
	for _, c := range candidates {
		if len(c.Newer) > 0 {
			fmt.Fprintf(out, "%s does not know %s%s: a rollback to it says whether it runs on that.\n", c.Release.Version, c.Newer[0], andMore(len(c.Newer)-1))
		}
		if len(c.Migrated) > 0 && !c.Serves {
			fmt.Fprintf(out, "The database was migrated after %s, by %s: see that %[1]s runs on today's schema.\n", c.Release.Version, strings.Join(c.Migrated, ", "))
		}
	}
}

func andMore(count int) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more of the database's migrations", count)
}

// way says how a rollback gets there, and how soon.
func way(c session.Candidate) string {
	text := "pulls its images"
	switch {
	case c.Serves:
		return "it serves"
	case c.Warm:
		text = "switches: its containers run"
	case c.Local:
		text = "starts it: its images are here"
	}
	if c.Expect > 0 {
		text += fmt.Sprintf(", about %d s", max(1, int(c.Expect.Round(time.Second).Seconds())))
	}
	return text
}
