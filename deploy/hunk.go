package deploy

import (
	"bytes"
	"slices"
	"strings"
)

// Hunk is a place at which two Compose files differ, with the lines around it.
type Hunk struct {
	// Path says where in the file it is: "services.backend.environment"; empty at
	// the top level.
	Path string `json:"path"`
	// Lines each begin with a space for what both have, "-" for what only the
	// first has, and "+" for what only the second has.
	Lines []string `json:"lines"`
}

const (
	// around is how many lines that are the same stand on either side.
	around = 3
	// mostCells bounds what a comparison takes in memory, at two bytes each.
	mostCells = 4 << 20
)

// Hunks compares two texts line by line.
func Hunks(before, after []string) []Hunk {
	lines := compareLines(before, after)
	var hunks []Hunk
	end := 0 // of the hunk before
	for at := 0; at < len(lines); at++ {
		if lines[at][0] == ' ' {
			continue
		}
		first, last := max(end, at-around), at
		for next := at; next < len(lines) && next <= last+2*around+1; next++ {
			if lines[next][0] != ' ' {
				last = next
			}
		}
		end = min(len(lines), last+around+1)
		hunks = append(hunks, Hunk{Path: pathOf(lines, at), Lines: slices.Clone(lines[first:end])})
		at = end - 1
	}
	return hunks
}

// compareLines marks each line of both texts as Hunk.Lines says.
func compareLines(before, after []string) []string {
	start := 0
	for start < min(len(before), len(after)) && before[start] == after[start] {
		start++
	}
	tail := 0
	for tail < min(len(before), len(after))-start && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	lines := marked(nil, " ", before[:start])
	lines = compareMiddles(lines, before[start:len(before)-tail], after[start:len(after)-tail])
	return marked(lines, " ", before[len(before)-tail:])
}

func marked(lines []string, mark string, more []string) []string {
	for _, line := range more {
		lines = append(lines, mark+line)
	}
	return lines
}

// compareMiddles finds the longest common subsequence of lines. Texts that are
// too long for that differ as a whole.
func compareMiddles(lines, before, after []string) []string {
	width := len(after) + 1
	if (len(before)+1)*width > mostCells {
		return marked(marked(lines, "-", before), "+", after)
	}
	longest := make([]uint16, (len(before)+1)*width) // from here to the ends
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		switch {
		case before[i] == after[j]:
			lines = append(lines, " "+before[i])
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			lines = append(lines, "-"+before[i])
			i++
		default:
			lines = append(lines, "+"+after[j])
			j++
		}
	}
	return marked(marked(lines, "-", before[i:]), "+", after[j:])
}

// pathOf names the keys under which a line stands, by the indents before it.
func pathOf(lines []string, at int) string {
	var path []string
	indent := indentOf(lines[at])
	for at--; at >= 0 && indent > 0; at-- {
		line := lines[at]
		if outer := indentOf(line); outer < indent && line[0] != '+' {
			if key, found := strings.CutSuffix(strings.TrimSpace(line[1:]), ":"); found {
				path = append(path, key)
			}
			indent = outer
		}
	}
	slices.Reverse(path)
	return strings.Join(path, ".")
}

// indentOf is how far a marked line is indented.
func indentOf(line string) int {
	return len(line) - len(strings.TrimLeft(line[1:], " ")) - 1
}

func splitLines(content []byte) []string {
	content = bytes.TrimSuffix(content, []byte("\n"))
	if len(content) == 0 {
		return nil
	}
	return strings.Split(string(content), "\n")
}
