//go:build integration

package mage_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/mage/internal/reference"
	"github.com/freezedesign/webshop-deploy/mage/internal/runbook"
)

// parts are the runbook's pages, in the order in which they are followed: each
// goes on where the one before it ended. That of migrations needs Django and
// has a shop of its own.
var (
	parts          = []string{"runbook.md", "runbook-rollback.md", "runbook-trouble.md", "runbook-disaster.md"}
	migrationParts = []string{"runbook-migrations.md"}
)

// reader follows the runbook as a person does: it brings about what a page says
// is so, types what the page says, and compares what is printed.
type reader struct {
	t        *testing.T
	words    *runbook.Words
	commands *reference.Commands
	// scenarios are what the pages say is so, by name; used are those that were.
	scenarios map[string]func()
	used      map[string]bool
	// prompts type a command where the prompt says.
	prompts map[string]func(words []string) deploytest.Result
}

func newReader(t *testing.T) *reader {
	t.Helper()
	commands, err := reference.ReadCommands(deploytest.Root(t))
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t: t, words: runbook.NewWords(), commands: commands, used: map[string]bool{}}
}

// TestTheRunbook does what the runbook says, with a laptop, a staging and a
// production server.
func TestTheRunbook(t *testing.T) {
	alongside(t, apps)
	r := newReader(t)
	newBookShop(t, r)
	r.follow(parts...)
}

// TestTheRunbookOfMigrations does so where the database has a schema.
func TestTheRunbookOfMigrations(t *testing.T) {
	alongside(t, webshops)
	r := newReader(t)
	newBookWebshop(t, r)
	r.follow(migrationParts...)
}

// TestEveryPartOfTheRunbookIsFollowed finds pages that nobody follows.
func TestEveryPartOfTheRunbookIsFollowed(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(deploytest.Root(t), "docs", "runbook*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if name := filepath.Base(path); !slices.Contains(slices.Concat(parts, migrationParts), name) {
			t.Errorf("docs/%s is followed by no test", name)
		}
	}
}

// follow does what the pages say, and fails where one of their scenarios is
// not needed any more.
func (r *reader) follow(pages ...string) {
	r.t.Helper()
	for _, page := range pages {
		began := time.Now()
		content, err := os.ReadFile(filepath.Join(deploytest.Root(r.t), "docs", page))
		if err != nil {
			r.t.Fatal(err)
		}
		steps, err := runbook.Parse(string(content))
		if err != nil {
			r.t.Fatalf("docs/%s: %v", page, err)
		}
		for _, step := range steps {
			r.step(page, step)
		}
		r.t.Logf("docs/%s: %d steps in %s", page, len(steps), time.Since(began).Round(time.Second))
	}
	for name := range r.scenarios {
		if !r.used[name] {
			r.t.Errorf("no page has the scenario %q", name)
		}
	}
}

func (r *reader) step(page string, step runbook.Step) {
	r.t.Helper()
	if step.Scenario != "" {
		begin, ok := r.scenarios[step.Scenario]
		if !ok {
			r.t.Fatalf("docs/%s:%d: nobody knows the scenario %q", page, step.Line, step.Scenario)
		}
		r.used[step.Scenario] = true
		r.t.Logf("docs/%s:%d: %s", page, step.Line, step.Scenario)
		begin()
		return
	}
	typed, err := r.words.Command(step.Command)
	if err != nil {
		r.t.Fatalf("docs/%s:%d: %v", page, step.Line, err)
	}
	words, err := runbook.Split(typed)
	if err == nil && words[0] == "mage" {
		err = r.commands.Check(words[1:], true)
	}
	if err != nil {
		r.t.Fatalf("docs/%s:%d: %s: %v", page, step.Line, step.Command, err)
	}
	run, ok := r.prompts[step.Prompt]
	if !ok {
		r.t.Fatalf("docs/%s:%d: nobody types what stands behind %q", page, step.Line, step.Prompt)
	}
	result := run(words)
	r.t.Logf("docs/%s:%d: %s: status %d after %s\n%s", page, step.Line, typed, result.Status, result.Took.Round(time.Millisecond), result.Output)
	if result.Status != step.Status {
		r.t.Fatalf("docs/%s:%d: %s ended with status %d, not %d", page, step.Line, step.Command, result.Status, step.Status)
	}
	if err := r.words.Compare(step, result.Output); err != nil {
		r.t.Errorf("docs/%s, %s: %v", page, step.Command, err)
	}
	narrow(r.t, strings.Join(shownLines(step), "\n"))
}

// shownLines are what the page shows of a command, which has to fit a screen.
func shownLines(step runbook.Step) []string {
	lines := []string{step.Prompt + " " + step.Command}
	for _, line := range step.Expected {
		lines = append(lines, line.Text)
	}
	return lines
}
