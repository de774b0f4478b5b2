package reference

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/freezedesign/webshop-deploy/mage/internal/runbook"
)

// pages are those that people read, by their paths below the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]string{}
	for _, path := range append(paths, filepath.Join(root, "README.md")) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		read[name] = string(content)
	}
	return read
}

// mention is a command that a page names.
type mention struct {
	line int
	text string
}

var (
	// inCode finds commands in a line of a block: typed, or told to type.
	inCode = regexp.MustCompile("(?:^|: |→ |then |&& |\\$ |[`(])\\s*(?:go tool )?mage ([a-zA-Z-].*)")
	// inline is code within a text, which may go on in the next line.
	inline = regexp.MustCompile("`([^`]+)`")
	// ends are what stands behind a command in a line of a block.
	ends = regexp.MustCompile("  |[;`()#→|]|, | && | \\[flags\\]| then | and | makes | puts ")
)

// mentions finds the commands of a page: in its blocks, and in its text.
func mentions(content string) []mention {
	var found []mention
	text := map[int]string{}
	fenced, blank := false, true
	paragraph := 0
	for at, line := range strings.Split(content, "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		indented := strings.HasPrefix(line, "    ") && (blank || paragraph < 0)
		switch {
		case fence:
			fenced, paragraph = !fenced, 0
		case fenced || indented:
			found = append(found, coded(at+1, line)...)
			if !fenced {
				paragraph = -1
			}
		case strings.TrimSpace(line) == "":
			if paragraph > 0 {
				paragraph = 0
			}
		default:
			if paragraph <= 0 {
				paragraph = at + 1
			}
			text[paragraph] += line + "\n"
		}
		blank = strings.TrimSpace(line) == ""
	}
	for line, words := range text {
		for _, code := range inline.FindAllStringSubmatch(words, -1) {
			spaced := strings.TrimPrefix(strings.Join(strings.Fields(code[1]), " "), "go tool ")
			if command, ok := strings.CutPrefix(spaced, "mage "); ok {
				found = append(found, mention{line, command})
			}
		}
	}
	return found
}

// coded finds the commands of a line of a block.
func coded(number int, line string) []mention {
	var found []mention
	for {
		match := inCode.FindStringSubmatch(line)
		if match == nil {
			return found
		}
		command := match[1]
		if end := ends.FindStringIndex(command); end != nil {
			command = command[:end[0]]
		}
		found = append(found, mention{number, strings.TrimRight(command, ".:,")})
		line = match[1]
	}
}

// TestEveryCommandOfThePagesExists holds what the documentation names against
// the targets and their flags.
func TestEveryCommandOfThePagesExists(t *testing.T) {
	commands, err := ReadCommands(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range pages(t) {
		found := mentions(content)
		if len(found) == 0 && name != filepath.Join("docs", "decisions.md") {
			t.Errorf("no command was found in %s", name)
		}
		for _, one := range found {
			words, err := runbook.Split(one.text)
			if err == nil {
				err = commands.Check(words, false)
			}
			if err != nil {
				t.Errorf("%s:%d: mage %s: %v", name, one.line, one.text, err)
			}
		}
		typed, err := runbook.Parse(content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, step := range typed {
			words, err := runbook.Split(step.Command)
			if err == nil && len(words) > 0 && words[0] == "mage" {
				err = commands.Check(words[1:], true)
			}
			if err != nil {
				t.Errorf("%s:%d: %s: %v", name, step.Line, step.Command, err)
			}
		}
	}
}

func TestWrongCommandsAreSeen(t *testing.T) {
	commands, err := ReadCommands(root)
	if err != nil {
		t.Fatal(err)
	}
	for text, says := range map[string]string{
		"status -env=staging":                "",
		"-v deploy:staging":                  "",
		"deploy:production v1.16.0 -yes":     "",
		"logs -f":                            "",
		"deploy:prod v1.16.0":                "no target",
		"status -environment=staging":        "no flag",
		"status -env":                        "-env=TEXT",
		"deploy:production v1.16.0 -yes=now": "-yes, and not",
		"deploy:production":                  "1 arguments",
		"rollback v1.0.0 v1.1.0":             "1 arguments",
	} {
		words, err := runbook.Split(text)
		if err == nil {
			err = commands.Check(words, true)
		}
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := commands.Check([]string{"rollback"}, false); err != nil {
		t.Error(err)
	}
}

func TestMentionsAreFound(t *testing.T) {
	content := "Type `mage\nstatus`, or `go tool mage demo`.\n\n    mage deploy:plan staging v1    what it would do\n" +
		"\n```console\n$ mage doctor\n  → docker start a; if it ends again: mage logs postgres\n  + mage on the PATH\n```\n"
	var found []string
	for _, one := range mentions(content) {
		found = append(found, one.text)
	}
	if got := strings.Join(found, "|"); got != "deploy:plan staging v1|doctor|logs postgres|status|demo" {
		t.Errorf("%q", got)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// TestLinksLeadSomewhere follows the links of the pages to files and headings
// of this repository.
func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for name, content := range all {
		for _, found := range link.FindAllStringSubmatch(content, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: %s: %v", name, found[1], err)
			} else if anchor != "" && !anchors(all[path])[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, path, anchor)
			}
		}
	}
}

// anchors are the names under which a page's headings are linked to.
func anchors(content string) map[string]bool {
	found := map[string]bool{}
	for _, one := range heading.FindAllStringSubmatch(content, -1) {
		found[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, one[1])] = true
	}
	return found
}
