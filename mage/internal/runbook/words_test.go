package runbook_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/mage/internal/runbook"
)

func shown(text string) runbook.Step {
	step := runbook.Step{Line: 1}
	for at, line := range strings.Split(text, "\n") {
		step.Expected = append(step.Expected, runbook.Line{Number: at + 2, Text: line})
	}
	return step
}

func TestWhatIsShownIsCompared(t *testing.T) {
	for _, test := range []struct{ name, shown, printed, says string }{
		{"the same", "one\ntwo", "one\ntwo\n", ""},
		{"another word", "one\ntwo", "one\nthree\n", `line 3: "two" is not`},
		{"more than is shown", "one", "one\ntwo\n", "more is printed"},
		{"less than is shown", "one\ntwo", "one\n", `line 3: "two"`},
		{"nothing where nothing is shown", "", "", ""},
		{"something where nothing is shown", "", "one", "more is printed"},
		{"anything in a line", "one … three", "one two three", ""},
		{"nothing in a line", "one… three", "one three", ""},
		{"anything over several lines", "one … four", "one\ntwo\nthree\nfour", `line 2`},
		{"lines are left out", "one\n…\nfour", "one\ntwo\nthree\nfour", ""},
		{"none is left out", "one\n…\ntwo", "one\ntwo", ""},
		{"only whole ones are left out", "one\n…\nthree", "one two three", "is not what comes next"},
		{"the first are left out", "…\nthree", "one\ntwo\nthree", ""},
		{"the last are left out", "one\n…", "one\ntwo\nthree", ""},
		{"a part of the last is not left out", "one\n…", "one and\ntwo", "is not what comes next"},
		{"other breaks and columns", "one two\n   three", "one   two three", ""},
		{"values", "  0.20s ✓ pull  466 ms, 76.0 GB on 2026-11-27 19:42 from 172.22.0.2", "12.55s ✓ pull  1.1 s, 830 MB on 2027-01-02 03:04 from 10.0.0.1", ""},
		{"numbers are no values", "29 requests, 0 failed", "29 requests, 1 failed", `line 2`},
		{"one commit", "sha-142a292469e2 is 142a292469e2", "sha-ffffffffff01 is ffffffffff01", ""},
		{"two commits for one", "sha-142a292469e2 is 142a292469e2", "sha-ffffffffff01 is ffffffffff02", "stands for"},
		{"a name", "deploy@shop.example is ready", "deploy@10.0.0.7 is ready", ""},
		{"another name", "deploy@shop.example is ready", "deploy@10.0.0.8 is ready", `line 2`},
	} {
		words := runbook.NewWords()
		words.Name("deploy@shop.example", "deploy@10.0.0.7")
		err := words.Compare(shown(test.shown), test.printed)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestIdentitiesAreTypedAgain(t *testing.T) {
	words := runbook.NewWords()
	const backup = "20261127T184500Z-v1.15.0"
	if _, err := words.Command("mage backup:restore " + backup); err == nil {
		t.Error("a backup that was not shown can be typed")
	}
	if err := words.Compare(shown(backup+": … by anna@laptop"), "20270101T000000Z-v1.15.0: 3 rows by root@vm"); err != nil {
		t.Fatal(err)
	}
	typed, err := words.Command("mage backup:restore " + backup)
	if err != nil || typed != "mage backup:restore 20270101T000000Z-v1.15.0" {
		t.Errorf("%q, %v", typed, err)
	}
	if err := words.Compare(shown("by anna@laptop"), "by somebody@else"); err == nil {
		t.Error("anna is somebody else")
	}
}
