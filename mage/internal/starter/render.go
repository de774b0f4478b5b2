package starter

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// textWidth is how wide what is printed is.
const textWidth = 79

// Print shows a proposal: what each service is, what stands in the way, what is
// done about it, and the files, with their content where they are not there yet.
func Print(out io.Writer, p *Proposal, files []Written, content bool) {
	fmt.Fprintf(out, "%s, from %s\n\n", p.Name, p.Source)
	width := 0
	for _, one := range p.Guesses {
		width = max(width, len(one.Service))
	}
	for _, one := range p.Guesses {
		fmt.Fprintf(out, "  %-*s  %-9s  %s\n", width, one.Service, one.Kind, one.Reason)
	}
	for _, part := range []struct {
		level Level
		title string
	}{
		{Blocks, "Stands in the way of a deploy that loses no request:"},
		{Changed, "Is otherwise in the environments:"},
		{Judge, "Look at:"},
	} {
		printFindings(out, p.Findings, part.level, part.title)
	}
	for at, file := range p.Files {
		if content && !files[at].Left {
			fmt.Fprintf(out, "\n--- %s\n%s", file.Path, file.Content)
		}
	}
}

func printFindings(out io.Writer, findings []Finding, level Level, title string) {
	first := true
	for at, one := range findings {
		if one.Level != level || slices.ContainsFunc(findings[:at], one.alike) {
			continue
		}
		// What is so of several services is said once.
		for _, other := range findings[at+1:] {
			if one.alike(other) {
				one.Where += ", " + other.Where
			}
		}
		if first {
			fmt.Fprintf(out, "\n%s\n", title)
			first = false
		}
		for at, line := range wrap(one.Where+": "+one.What, textWidth-4) {
			mark := "    "
			if at == 0 {
				mark = map[Level]string{Blocks: "  ✗ ", Changed: "  ~ ", Judge: "  ! "}[level]
			}
			fmt.Fprintf(out, "%s%s\n", mark, line)
		}
		for at, line := range wrap(one.How, textWidth-6) {
			mark := "      "
			if at == 0 {
				mark = "    → "
			}
			fmt.Fprintf(out, "%s%s\n", mark, line)
		}
	}
}

func (f Finding) alike(other Finding) bool {
	return f.Level == other.Level && f.What == other.What && f.How == other.How
}

// PrintFiles says what becomes of each file: verb is what happens to those that
// are not there.
func PrintFiles(out io.Writer, verb string, files []Written) {
	fmt.Fprintln(out)
	for _, one := range files {
		switch {
		case one.Same:
			fmt.Fprintf(out, "  = %s is as proposed\n", one.Path)
		case one.Left:
			fmt.Fprintf(out, "  - %s is there, and is left as it is\n", one.Path)
		default:
			fmt.Fprintf(out, "  + %s %s\n", one.Path, verb)
		}
	}
}

// PrintNext says what to type behind the writing.
func PrintNext(out io.Writer, p *Proposal) {
	fmt.Fprintf(out, "\nNext:\n  %s\n", strings.Join(p.Next, "\n  "))
}

// Show prints a proposal and what would be written, with its content.
func (p *Proposal) Show(out io.Writer, root string) error {
	files, err := Look(root, p.Files)
	if err != nil {
		return err
	}
	Print(out, p, files, true)
	PrintFiles(out, "would be written", files)
	fmt.Fprintln(out, "\nNothing was written. Next: mage init -write")
	return nil
}

// Carry writes a proposal, loads what is there then as a deploy does, and
// prints what was done.
func (p *Proposal) Carry(ctx context.Context, out io.Writer, root string) error {
	files, err := Write(root, p.Files)
	if err != nil {
		return err
	}
	Print(out, p, files, false)
	PrintFiles(out, "written", files)
	if err := Check(ctx, root); err != nil {
		return &deploy.Failure{
			Status: deploy.ExitUsage, Err: fmt.Errorf("the files are there, and cannot be deployed yet: %w", err),
			Hint: "Change what is named, and run `mage init -write` again: it leaves what is there, and looks again.",
		}
	}
	PrintNext(out, p)
	return nil
}
