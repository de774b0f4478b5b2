//go:build integration

package django

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// compare holds what was found against a table that was written by hand. Each
// line is an operation: its migration, its name, S where it is survived, N
// where it is needed, and the way back as R, L (loses data) or I
// (irreversible); behind a bar what it blocks. A migration that is no
// transaction has an asterisk.
func compare(t *testing.T, found []deploy.Migration, table string) {
	t.Helper()
	got := map[string][]string{}
	for _, migration := range found {
		name := migration.String()
		if !migration.Transactional {
			name += "*"
		}
		for _, operation := range migration.Operations {
			got[name] = append(got[name], line(operation))
			if why := operation.Why; why == "" && (!operation.Survived || operation.Needed || operation.Reversal != deploy.Reversible) {
				t.Errorf("%s: %s has no reason", name, operation.Text)
			}
			if operation.Text == "" {
				t.Errorf("%s: %s has no text", name, operation.Name)
			}
		}
	}
	want := map[string][]string{}
	var order []string
	for row := range strings.Lines(table) {
		row = strings.TrimSpace(row)
		if row == "" {
			continue
		}
		name, rest, _ := strings.Cut(row, " ")
		if want[name] == nil {
			order = append(order, name)
		}
		want[name] = append(want[name], strings.Join(strings.Fields(rest), " "))
	}
	for _, name := range order {
		if a, b := strings.Join(got[name], "\n"), strings.Join(want[name], "\n"); a != b {
			t.Errorf("%s:\n%s\nwant\n%s", name, a, b)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is not in the table", name)
	}
}

func line(o deploy.Operation) string {
	text := o.Name + " "
	if o.Survived {
		text += "S"
	}
	if o.Needed {
		text += "N"
	}
	text += map[deploy.Reversal]string{deploy.Reversible: "R", deploy.LosesData: "L", deploy.Irreversible: "I"}[o.Reversal]
	if o.Blocks != "" {
		text += " | " + o.Blocks
	}
	return text
}

// text is migrations as people are shown them, for the log.
func text(migrations []deploy.Migration) string {
	var out strings.Builder
	for _, migration := range migrations {
		for _, operation := range migration.Operations {
			fmt.Fprintf(&out, "%s %s: %s\n", migration, line(operation), operation.Why)
		}
	}
	return out.String()
}
