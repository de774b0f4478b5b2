package deploy

import (
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in a Compose file.
type Mistake struct {
	// Path is where: "services.backend.x-deploy.route.port".
	Path string
	// Text says what is wrong and what is allowed.
	Text string
}

// String is the mistake on one line.
func (m Mistake) String() string {
	if m.Path == "" {
		return m.Text
	}
	return m.Path + ": " + m.Text
}

// Mistakes are all that were found in one file, so that nobody mends them one
// run at a time.
type Mistakes struct {
	File string
	List []Mistake
}

// Error lists every mistake on a line of its own.
func (m *Mistakes) Error() string {
	var out strings.Builder
	noun := "mistakes"
	if len(m.List) == 1 {
		noun = "mistake"
	}
	fmt.Fprintf(&out, "%s has %d %s; nothing was touched:", m.File, len(m.List), noun)
	for _, mistake := range m.List {
		out.WriteString("\n  " + mistake.String())
	}
	return out.String()
}

// ExitStatus is what mage exits with.
func (m *Mistakes) ExitStatus() int { return ExitUsage }

func (m *Mistakes) add(path, format string, args ...any) {
	m.List = append(m.List, Mistake{Path: path, Text: fmt.Sprintf(format, args...)})
}

// err is nil when there are none, and sorts them by path otherwise.
func (m *Mistakes) err() error {
	if len(m.List) == 0 {
		return nil
	}
	slices.SortStableFunc(m.List, func(a, b Mistake) int { return strings.Compare(a.Path, b.Path) })
	return m
}
