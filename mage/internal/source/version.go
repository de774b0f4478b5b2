package source

import (
	"fmt"
	"strings"
)

// mostNamed is how many changed files a refusal names.
const mostNamed = 5

// Version names the images that are built of this tree: "sha-<12 digits>". A
// tree with changes is refused, unless it is to be built as it is: then the
// name says so, and the same content gives the same name.
func (t *Tree) Version(dirty bool) (string, error) {
	version := "sha-" + t.Short
	if len(t.Dirty) == 0 {
		return version, nil
	}
	if !dirty {
		return "", usage("Commit them, put them aside with `git stash -u`, or build them as they are with -dirty.",
			"%s", t.uncommitted())
	}
	return fmt.Sprintf("%s-dirty-%.8s", version, t.State), nil
}

// uncommitted says what is not committed.
func (t *Tree) uncommitted() string {
	count := max(t.Changes, len(t.Dirty))
	named := t.Dirty[:min(mostNamed, len(t.Dirty))]
	text := fmt.Sprintf("%d files are not committed: ", count)
	if count == 1 {
		text = "1 file is not committed: "
	}
	text += strings.Join(named, ", ")
	if rest := count - len(named); rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}
