// Package runbook reads the console blocks of a page of the documentation: the
// commands that a person types, what they print, and what must be so before.
// A test does what the pages say, and compares.
package runbook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Step is one thing that a page says to do, or that must be so before.
type Step struct {
	// Line is where it stands in the page.
	Line int
	// Scenario names what has to be brought about, and nothing else is set then:
	//
	//	<!-- scenario: a release that is not healthy -->
	Scenario string
	// Prompt says where the command is typed: "$" on the laptop, "host$" on the
	// server.
	Prompt  string
	Command string
	// Expected is what the command prints.
	Expected []Line
	// Status is what it ends with: that of a last line `[exit status 3]`, else 0.
	Status int
}

// Line is a line of what a command prints, as the page has it.
type Line struct {
	Number int
	Text   string
}

var (
	fence    = regexp.MustCompile("^ *```(.*)$")
	scenario = regexp.MustCompile(`^<!-- scenario: (.+) -->$`)
	prompt   = regexp.MustCompile(`^((?:[a-z]+)?\$) (.+)$`)
	status   = regexp.MustCompile(`^\[exit status (\d+)\]$`)
)

// Parse reads the steps of a page in their order.
func Parse(content string) ([]Step, error) {
	var steps []Step
	block, console := 0, false
	for at, text := range strings.Split(content, "\n") {
		line, text := at+1, strings.TrimRight(text, " \r")
		switch found := fence.FindStringSubmatch(text); {
		case found != nil && block == 0:
			block, console = line, found[1] == "console"
		case found != nil:
			if last := len(steps) - 1; console && (last < 0 || steps[last].Line < block) {
				return nil, fmt.Errorf("line %d: a console block without a command", block)
			}
			block, console = 0, false
		case block == 0 && strings.Contains(text, "<!-- scenario"):
			named := scenario.FindStringSubmatch(text)
			if named == nil {
				return nil, fmt.Errorf("line %d: %q is no scenario; one is alone on its line: <!-- scenario: its name -->", line, text)
			}
			steps = append(steps, Step{Line: line, Scenario: named[1]})
		case console:
			var err error
			if steps, err = consoleLine(steps, block, Line{line, text}); err != nil {
				return nil, err
			}
		}
	}
	if block > 0 {
		return nil, fmt.Errorf("line %d: the block has no end", block)
	}
	return steps, nil
}

// consoleLine takes a command, or a line of what the last one prints.
func consoleLine(steps []Step, block int, line Line) ([]Step, error) {
	if typed := prompt.FindStringSubmatch(line.Text); typed != nil {
		return append(steps, Step{Line: line.Number, Prompt: typed[1], Command: typed[2]}), nil
	}
	last := len(steps) - 1
	if last < 0 || steps[last].Line < block {
		return nil, fmt.Errorf("line %d: a console block begins with a command: $ mage …", line.Number)
	}
	if ended := status.FindStringSubmatch(line.Text); ended != nil {
		steps[last].Status, _ = strconv.Atoi(ended[1]) // digits
		return steps, nil
	}
	steps[last].Expected = append(steps[last].Expected, line)
	return steps, nil
}

// Split takes a command apart as a shell would, but for variables.
func Split(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, begun := rune(0), false
	for _, letter := range command {
		switch {
		case quote != 0 && letter == quote:
			quote = 0
		case quote == 0 && (letter == '"' || letter == '\''):
			quote, begun = letter, true
		case quote == 0 && letter == ' ':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(letter)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed: %s", command)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
