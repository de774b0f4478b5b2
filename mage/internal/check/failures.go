package check

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// testsFailed is how a test command ended, with what the tests said that failed:
// a log of ten thousand lines ends with the few that tell why.
type testsFailed struct {
	error
	// order has each test once, in the order in which it first said something.
	order []string
	lines map[string][]string
	bad   map[string]bool
}

// event is one line of what `go test -json` writes; see `go doc test2json`, and
// `go help buildjson` for those of a package that does not build.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// tells is how a test's own messages begin, and how a crash or a data race in it
// shows. What a package says outside of its tests tells why it failed by itself,
// but for the verdict.
var (
	tells   = regexp.MustCompile(`^\s*\S+_test\.go:\d+: |^panic: |^fatal error: |^WARNING: DATA RACE`)
	verdict = regexp.MustCompile(`^(FAIL|PASS|ok|exit status \d+|coverage:)\b|^\s*$`)
)

// What is told of each test: enough to know where to look.
const (
	toldLines = 8
	toldWidth = 240
)

// briefly reads what a test command left in a file. What it cannot read it
// passes by: this is a help, the verdict is the command's exit status.
func briefly(err error, path string) *testsFailed {
	f := &testsFailed{error: err}
	if events, err := os.Open(path); err == nil {
		defer events.Close()
		f.read(events)
	}
	return f
}

func (f *testsFailed) read(from io.Reader) {
	f.lines, f.bad = map[string][]string{}, map[string]bool{}
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		var e event
		if json.Unmarshal(scanner.Bytes(), &e) != nil {
			continue
		}
		f.take(e)
	}
}

func (f *testsFailed) take(e event) {
	path := cmp.Or(e.Package, e.ImportPath)
	name := strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:]+"."+e.Test, ".")
	if _, seen := f.lines[name]; !seen {
		f.order = append(f.order, name)
		f.lines[name] = nil
	}
	switch {
	case e.Action == "fail" || e.Action == "build-fail":
		f.bad[name] = true
	case e.says():
		lines := append(f.lines[name], cut(strings.TrimSpace(e.Output)))
		f.lines[name] = lines[max(0, len(lines)-toldLines):]
	}
}

// says whether a line may tell why something failed.
func (e event) says() bool {
	switch e.Action {
	case "output":
		return e.Test != "" && tells.MatchString(e.Output) || e.Test == "" && !verdict.MatchString(e.Output)
	case "build-output":
		return true
	default:
		return false
	}
}

// write says of each failed test its last messages: what a test logs on its way
// comes before what it fails with.
func (f *testsFailed) write(to io.Writer) {
	for _, name := range f.order {
		if !f.bad[name] || f.onlyParent(name) {
			continue
		}
		fmt.Fprintf(to, "✗ %s\n", name)
		for _, line := range f.lines[name] {
			fmt.Fprintf(to, "    %s\n", line)
		}
	}
}

// onlyParent says whether a test failed by one of its parts, and says nothing
// itself.
func (f *testsFailed) onlyParent(name string) bool {
	return len(f.lines[name]) == 0 && slices.ContainsFunc(f.order, func(other string) bool {
		return f.bad[other] && (strings.HasPrefix(other, name+"/") || strings.HasPrefix(other, name+".") && !strings.Contains(name, "."))
	})
}

func cut(line string) string {
	if runes := []rune(line); len(runes) > toldWidth {
		return string(runes[:toldWidth]) + "…"
	}
	return line
}
