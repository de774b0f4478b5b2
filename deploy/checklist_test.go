package deploy

import (
	"errors"
	"strings"
	"testing"
)

func TestBreakingChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ changelog, want, failure string }{
		"a heading":        {"# Changes\n\n## v1.16.0\n\n### Breaking changes\n\n- the API has no /v1 any more\n- new key\n\n### Added\n- much\n", "the API has no /v1 any more; new key", ""},
		"none":             {"## [1.16.0] - 2026-11-27\n### Breaking\nNone\n", "None", ""},
		"a line":           {"## 1.16.0\n- Breaking: none\n- a fix\n", "none", ""},
		"bold":             {"## v1.16.0\n**Breaking changes:** orders need an address\n", "orders need an address", ""},
		"no section":       {"## v1.16.0-rc.1\nBreaking: none\n## v1.16.01\nBreaking: none\n", "", "has no section for v1.16.0"},
		"nothing said":     {"## v1.16.0\n- a fix\n## v1.15.0\nBreaking: none\n", "", "does not say what breaks"},
		"an empty heading": {"## v1.16.0\n### Breaking\n\n### Added\n- much\n", "", "does not say what breaks"},
		"an empty file":    {"", "", "has no section"},
	} {
		got, err := BreakingChanges(c.changelog, "v1.16.0")
		if got != c.want || (err == nil) != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	waivers, err := ParseWaivers("notified: the team is on the call; ci: the runner: is down;", "anna@laptop")
	if err != nil || len(waivers) != 2 || waivers[0] != (Waiver{"notified", "the team is on the call", "anna@laptop"}) || waivers[1].Reason != "the runner: is down" {
		t.Fatalf("%+v, %v", waivers, err)
	}
	for text, says := range map[string]string{"notified": "without a reason", "ci:": "without a reason", "tests: none": "no item \"tests\""} {
		_, err := ParseWaivers(text, "")
		failure, ok := errors.AsType[*Failure](err)
		if !ok || failure.Status != ExitUsage || failure.Hint == "" || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	findings := []Finding{
		{Name: ItemCI, State: FindingFailed, Text: "red", Hint: "look"},
		{Name: ItemStaging, State: FindingFailed, Text: "never there"},
		{Name: ItemNotified, State: FindingFine, Text: "Discord"},
	}
	after, used := Waive(findings, waivers)
	if len(used) != 1 || used[0].Item != ItemCI || after[0].State != FindingWaived || !strings.Contains(after[0].Text, "is down") || after[0].Hint != "" {
		t.Errorf("%+v, %+v", after, used)
	}
	err = ChecklistError(after, "production", "v1.16.0")
	if err == nil || !strings.Contains(err.Error(), "not complete: staging;") || !strings.Contains(err.Error(), "nothing was touched") {
		t.Errorf("%v", err)
	}
	if err := ChecklistError(after[2:], "production", "v1.16.0"); err != nil {
		t.Errorf("a complete one: %v", err)
	}
}

func TestWantedItems(t *testing.T) {
	t.Parallel()
	if unnamed := (Checklist{}); !unnamed.Wanted(ItemBackup, true) || unnamed.Wanted(ItemBackup, false) {
		t.Error("without items, what the project is set up for is wanted")
	}
	if named := (Checklist{Items: []string{ItemBackup}}); !named.Wanted(ItemBackup, false) || named.Wanted(ItemCI, true) {
		t.Error("with items, those are wanted")
	}
}
