package runbook_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/mage/internal/runbook"
)

const page = "# A page\n\n" +
	"<!-- scenario: a broken release -->\n\n" +
	"```console\n$ mage deploy:staging\n  0.01s   begins\n…\n[exit status 3]\nhost$ mage status\nwell\n```\n\n" +
	"```yaml\n$ no command\n```\n"

func TestAPageIsReadInOrder(t *testing.T) {
	steps, err := runbook.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 3 || steps[0].Scenario != "a broken release" || steps[0].Line != 3 {
		t.Fatalf("%+v", steps)
	}
	deployed, looked := steps[1], steps[2]
	if deployed.Prompt != "$" || deployed.Command != "mage deploy:staging" || deployed.Status != 3 || len(deployed.Expected) != 2 || deployed.Expected[0].Number != 7 {
		t.Errorf("%+v", deployed)
	}
	if looked.Prompt != "host$" || looked.Command != "mage status" || looked.Status != 0 || looked.Expected[0].Text != "well" {
		t.Errorf("%+v", looked)
	}
}

func TestPagesThatCannotBeRead(t *testing.T) {
	for content, says := range map[string]string{
		"```console\n```\n":                       "line 1: a console block without a command",
		"```console\nwell\n```\n":                 "line 2: a console block begins with a command",
		"a\n```console\n$ mage status\n":          "line 2: the block has no end",
		"<!-- scenario:a -->\n":                   "is no scenario",
		"so <!-- scenario: within a sentence -->": "is no scenario",
	} {
		if _, err := runbook.Parse(content); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestSplit(t *testing.T) {
	words, err := runbook.Split(`deploy:production v1.0.0 -waive="ci: the runner's down" ''`)
	if got := strings.Join(words, "|"); err != nil || got != "deploy:production|v1.0.0|-waive=ci: the runner's down|" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := runbook.Split(`exec web "echo`); err == nil {
		t.Error("an open quote is closed")
	}
}
