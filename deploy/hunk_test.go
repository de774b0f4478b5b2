package deploy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const hunkFile = `name: shop
services:
  backend:
    environment:
      MODE: fast
      SECRET: ${SECRET}
    expose:
      - "8000"
    labels:
      a: "1"
      b: "2"
      c: "3"
      d: "4"
  worker:
    command:
      - work
volumes:
  orders: {}
`

func TestHunksSayWhereAndWhat(t *testing.T) {
	edit := func(pairs ...string) []string {
		return splitLines([]byte(strings.NewReplacer(pairs...).Replace(hunkFile)))
	}
	for _, test := range []struct {
		name  string
		after []string
		want  string
	}{
		{"nothing", edit(), ""},
		{"a value", edit("MODE: fast", "MODE: slow"), `
@ services.backend.environment
 services:
   backend:
     environment:
-      MODE: fast
+      MODE: slow
       SECRET: ${SECRET}
     expose:
       - "8000"
`},
		{"two places", edit("MODE: fast", "MODE: slow", "- work", "- work\n      - hard"), `
@ services.backend.environment
 services:
   backend:
     environment:
-      MODE: fast
+      MODE: slow
       SECRET: ${SECRET}
     expose:
       - "8000"
@ services.worker.command
   worker:
     command:
       - work
+      - hard
 volumes:
   orders: {}
`},
		{"a service is gone", edit("  worker:\n    command:\n      - work\n", ""), `
@ services
       b: "2"
       c: "3"
       d: "4"
-  worker:
-    command:
-      - work
 volumes:
   orders: {}
`},
		{"the top level", edit("name: shop", "name: store"), `
@ 
-name: shop
+name: store
 services:
   backend:
     environment:
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			for _, hunk := range Hunks(edit(), test.after) {
				fmt.Fprintf(&out, "@ %s\n%s\n", hunk.Path, strings.Join(hunk.Lines, "\n"))
			}
			if want := strings.TrimPrefix(test.want, "\n"); out.String() != want {
				t.Errorf("got\n%swanted\n%s", out.String(), want)
			}
		})
	}
}

// TestHunksTellBothTexts makes both texts again from what a comparison says, for
// random ones.
func TestHunksTellBothTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() []string {
		lines := make([]string, random.IntN(12))
		for at := range lines {
			lines[at] = string(rune('a' + random.IntN(3)))
		}
		return lines
	}
	for range 5000 {
		before, after := text(), text()
		var first, second []string
		for _, line := range compareLines(before, after) {
			if line[0] != '+' {
				first = append(first, line[1:])
			}
			if line[0] != '-' {
				second = append(second, line[1:])
			}
		}
		if !slices.Equal(first, before) || !slices.Equal(second, after) {
			t.Fatalf("%q and %q became %q and %q", before, after, first, second)
		}
		changed := 0
		for _, hunk := range Hunks(before, after) {
			for _, line := range hunk.Lines {
				if line[0] != ' ' {
					changed++
				}
			}
		}
		for _, line := range compareLines(before, after) {
			if line[0] != ' ' {
				changed--
			}
		}
		if changed != 0 {
			t.Fatalf("%q and %q: %d changed lines are in no hunk", before, after, -changed)
		}
	}
}

func TestWhatIsTooLongDiffersAsAWhole(t *testing.T) {
	before, after := make([]string, 3000), make([]string, 3000)
	for at := range before {
		before[at], after[at] = fmt.Sprint("b", at), fmt.Sprint("a", at)
	}
	if lines := compareLines(before, after); len(lines) != 6000 || lines[0] != "-b0" || lines[5999] != "+a2999" {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}
