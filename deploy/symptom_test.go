package deploy_test

import (
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestSigns(t *testing.T) {
	for _, test := range []struct {
		text string
		want deploy.Symptom
		line string
	}{
		{"2026-11-27T19:00:00.123456789Z \x1b[31mModuleNotFoundError: No module named 'x'\x1b[0m\r", deploy.SymptomDependency, "ModuleNotFoundError: No module named 'x'"},
		{"Traceback (most recent call last):\n  File \"a\", line 1\n    raise X\nshop.Closed: not today\n", deploy.SymptomTraceback, "shop.Closed: not today"},
		{"Traceback (most recent call last):", deploy.SymptomTraceback, "Traceback (most recent call last):"},
		{"PAYMENT_KEY: required and not set", deploy.SymptomVariable, "PAYMENT_KEY: required and not set"},
		{"first: No space left on device\nthen: No space left on device again", deploy.SymptomDiskFull, "then: No space left on device again"},
		{"all is well, GET /password 200", "", ""},
	} {
		signs := deploy.Signs(test.text)
		switch {
		case test.want == "" && len(signs) > 0:
			t.Errorf("%q shows %v", test.text, signs)
		case test.want != "" && (len(signs) == 0 || signs[0].Symptom != test.want || signs[0].Line != test.line):
			t.Errorf("%q shows %v, wanted %s in %q", test.text, signs, test.want, test.line)
		case test.want != "" && test.want.Hint("web") == "":
			t.Errorf("nothing is known to do about %s", test.want)
		}
	}
}

func TestFailureOf(t *testing.T) {
	step := &deploy.Step{Action: deploy.ActionAwait, Service: "web"}
	fail := deploy.Event{Kind: deploy.EventFail, Release: "v2", Step: step, Text: "not healthy"}
	cut := deploy.Event{Kind: deploy.EventFail, Release: "v2", Step: step, Text: "interrupt signal received"}
	outcome := func(o deploy.Outcome) deploy.Event { return deploy.Event{Kind: deploy.EventOutcome, Text: string(o)} }
	for _, test := range []struct {
		name   string
		events []deploy.Event
		want   string
	}{
		{"nothing", nil, ""},
		{"a deploy that failed", []deploy.Event{fail, {Kind: deploy.EventBack, Text: "back"}, outcome(deploy.OutcomeUntouched)}, "not healthy"},
		{"one after it that went well", []deploy.Event{fail, outcome(deploy.OutcomeUntouched), outcome(deploy.OutcomeDeployed)}, ""},
		{"one that was finished all the same", []deploy.Event{fail, outcome(deploy.OutcomeDeployed)}, ""},
		{"one that goes on", []deploy.Event{fail}, ""},
		{"one that somebody ended", []deploy.Event{cut, outcome(deploy.OutcomeUntouched)}, ""},
		{"one that was refused", []deploy.Event{outcome(deploy.OutcomeDeployed), {Kind: deploy.EventRefused, Release: "v3", Text: "no such image"}}, "no such image"},
	} {
		got := deploy.FailureOf(test.events)
		if text := ""; got != nil {
			text = got.Text
			if text != test.want {
				t.Errorf("%s: %q", test.name, text)
			}
		} else if test.want != "" {
			t.Errorf("%s: none", test.name)
		}
	}
}
