package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/system"
)

// itemIndent is where an item's text begins, itemWidth how wide it may be for
// a line of 80 columns.
const (
	itemIndent = 31
	itemWidth  = 79 - itemIndent
)

// Item prints one thing that a host needs, and what to do where it is not so.
func Item(out io.Writer, item system.Item) {
	mark := map[system.State]string{
		system.Already: "✓", system.Done: "+", system.Missing: "-", system.Failed: "✗", system.Warning: "!",
	}[item.State]
	lines := append(wrap(item.Text, itemWidth), wrap(item.Hint, itemWidth)...)
	if len(lines) == 0 {
		lines = []string{""}
	}
	fmt.Fprintf(out, "%s %-20s %-8s %s\n", mark, item.Name, item.State, lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(out, "%*s%s\n", itemIndent, "", line)
	}
}

// wrap breaks a text between words. A word that is longer than a line, such as
// a command's path, stays whole.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, strings.Split(deploy.Wrap(line, 0, width), "\n")...)
		}
	}
	return lines
}
