package deploy

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Traceback is a kind of error that a program's log shows with where it came
// from, how often, and one of its lines as an example.
type Traceback struct {
	Kind    string
	Count   int
	Example string
}

const pythonHeader = "Traceback (most recent call last):"

var (
	pythonError   = regexp.MustCompile(`^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)`)
	pythonChained = regexp.MustCompile(`^(During handling of the above exception|The above exception was the direct cause)`)
	javaError     = regexp.MustCompile(`^Exception in thread "[^"]*" (?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)`)
	nodeError     = regexp.MustCompile(`^(?:\[?UnhandledPromiseRejection\b|(?:Uncaught )?(?:\w+\.)*\w*(?:Error|Exception)\b)`)
	nodeWarning   = regexp.MustCompile(`UnhandledPromiseRejectionWarning: |\bUnhandled (?:promise )?rejection\b|\bunhandledRejection\b`)
	nodeUncaught  = regexp.MustCompile(`\b[Uu]ncaught ?[Ee]xception\b`)
	goPanic       = regexp.MustCompile(`^panic: |http: panic serving |^fatal error: `)
	codeMark      = regexp.MustCompile(`^\s+\^+\s*$`)
)

// Tracebacks finds the errors with a traceback in a log: of Python, unhandled
// ones of Node.js, panics of Go, and of Java's threads. Kinds come in the order
// in which they are first seen.
func Tracebacks(log []byte) []Traceback {
	s := &tracebackScan{at: map[string]int{}}
	for _, line := range tail(log, -1) {
		s.line(line)
	}
	s.endPython("")
	return s.found
}

type tracebackScan struct {
	found []Traceback
	at    map[string]int
	// python says that one of Python's is open, chained that the next one is a
	// part of the last.
	python, chained bool
	last            string
	// node is the kind that an error's line is awaited for, marked that Node.js
	// has just pointed into the source.
	node   string
	marked bool
}

func (s *tracebackScan) add(kind, example string) {
	example = clip(strings.TrimSpace(Visible(example)), exampleWidth)
	at, ok := s.at[kind]
	if !ok {
		at = len(s.found)
		s.at[kind] = at
		s.found = append(s.found, Traceback{Kind: kind, Example: example})
	}
	s.found[at].Count++
}

// exampleWidth is how much of an example's line is shown.
const exampleWidth = 160

func (s *tracebackScan) line(line string) {
	line = strings.TrimRight(line, "\r ")
	switch at := strings.Index(line, pythonHeader); {
	case at >= 0:
		s.beginPython(line[at+len(pythonHeader):])
		return
	case s.python:
		if line != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			s.endPython(line)
		}
		return
	}
	if pythonChained.MatchString(line) && s.last != "" {
		s.chained = true
		return
	}
	if java := javaError.FindStringSubmatch(line); java != nil {
		s.add("Java "+java[1], line)
		return
	}
	if goPanic.MatchString(line) {
		s.add("Go panic", line)
		return
	}
	s.nodeLine(line)
}

// beginPython begins one of Python's. Where a log has it escaped on one line,
// the error stands at that line's end.
func (s *tracebackScan) beginPython(rest string) {
	s.endPython("")
	if parts := strings.Split(rest, `\n`); len(parts) > 1 {
		for at := len(parts) - 1; at > 0; at-- {
			line, _, _ := strings.Cut(parts[at], `"`)
			if line != "" && !strings.HasPrefix(line, " ") {
				s.addPython(line)
				return
			}
		}
	}
	s.python = true
}

// endPython ends an open one with its last line; empty for one that was cut off.
func (s *tracebackScan) endPython(line string) {
	if !s.python {
		return
	}
	s.python = false
	s.addPython(line)
}

func (s *tracebackScan) addPython(line string) {
	kind := "Python traceback"
	if named := pythonError.FindStringSubmatch(line); named != nil {
		kind = "Python " + named[1]
	}
	if s.chained { // the one before it is what was being handled
		before := &s.found[s.at[s.last]]
		if before.Count--; before.Count == 0 && s.at[s.last] == len(s.found)-1 {
			s.found = s.found[:len(s.found)-1]
			delete(s.at, s.last)
		}
	}
	s.chained, s.last = false, kind
	s.add(kind, line)
}

// nodeLine takes a line that may be one of Node.js'. It points into the source
// first, and says the error behind that.
func (s *tracebackScan) nodeLine(line string) {
	const rejection, exception = "Node unhandled rejection", "Node uncaught exception"
	switch {
	case strings.Contains(line, "triggerUncaughtException(") && strings.Contains(line, "fromPromise"):
		s.node, s.marked = rejection, true
	case codeMark.MatchString(line):
		s.marked = true
	case line == "":
	case s.marked && nodeError.MatchString(line):
		if s.node == "" {
			s.node = exception
		}
		s.add(s.node, line)
		s.node, s.marked = "", false
	case nodeWarning.MatchString(line):
		s.add(rejection, line)
	case nodeUncaught.MatchString(line):
		s.add(exception, line)
	default:
		s.marked = false
	}
}

// scannedLines is how much of each new container's log is looked through: all,
// but of one that fills pages in seconds.
const scannedLines = 10_000

// scanLogs counts the errors with a traceback that the new containers have
// logged since their start, warns of them, and fails where there are more than
// x-deploy.watch.tracebacks allows. A log that cannot be read is said.
func (r *runner) scanLogs(ctx context.Context) error {
	total := 0
	var last Traceback
	for _, step := range r.plan.Steps() {
		if step.Action != ActionStart {
			continue
		}
		if service, ok := r.plan.To.Service(step.Service); !ok || service.Kind != KindRolled {
			continue
		}
		for _, name := range step.Containers {
			found, err := r.tracebacks(ctx, name)
			if err != nil {
				r.warn("the log of %s was not looked through: %v", name, err)
			}
			for _, one := range found {
				r.warn("%s logged %d × %s: %s", name, one.Count, one.Kind, one.Example)
				total, last = total+one.Count, one
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if allowed := r.plan.To.Environment.Settings.Watch.Tracebacks; allowed != nil && total > *allowed {
		return fmt.Errorf("watch: the new containers logged %s, which crosses %d (x-deploy.watch.tracebacks), such as: %s",
			Plural(total, "traceback"), *allowed, last.Example)
	}
	return nil
}

func (r *runner) tracebacks(ctx context.Context, name string) ([]Traceback, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	evidence, err := r.Engine.Evidence(ctx, name, scannedLines)
	if err != nil {
		return nil, err
	}
	found := Tracebacks(evidence.Logs)
	kept := found[:0]
	for _, one := range found {
		if one.Count > 0 {
			kept = append(kept, one)
		}
	}
	return kept, nil
}
