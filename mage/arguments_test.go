package mage

import (
	"slices"
	"strings"
	"testing"
)

func TestFlagsBehindTheTargetMayHaveHyphens(t *testing.T) {
	for given, want := range map[string]string{
		"mage":                                     "mage",
		"mage -compile out -goos linux":            "mage -compile out -goos linux",
		"mage rollback v1.0.0 -accept-downtime":    "mage rollback v1.0.0 -acceptdowntime",
		"mage rollback v1.0.0 --accept-downtime":   "mage rollback v1.0.0 -acceptdowntime",
		"mage deploy:here v1-rc -env=my-staging":   "mage deploy:here v1-rc -env=my-staging",
		"mage deploy:here v1 -accept-downtime=no":  "mage deploy:here v1 -acceptdowntime=no",
		"mage -v deploy:here v1 -wait=5m -overlap": "mage -v deploy:here v1 -wait=5m -overlap",
	} {
		got := withoutHyphens(strings.Fields(given))
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s became %s, not %s", given, strings.Join(got, " "), want)
		}
	}
}

func TestLogsMayBeWithoutAService(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"mage,logs", "mage,logs,"},
		{"mage,logs,-f", "mage,logs,,-f"},
		{"mage,-v,Logs,-f,-env=test", "mage,-v,Logs,,-f,-env=test"},
		{"mage,logs,web,-f", "mage,logs,web,-f"},
		{"mage,logs,,-f", "mage,logs,,-f"},
		{"mage,exec,web,logs", "mage,exec,web,logs"},
		{"mage", "mage"},
		{"mage,-l", "mage,-l"},
	} {
		if got := strings.Join(withService(strings.Split(test.given, ",")), ","); got != test.want {
			t.Errorf("%s became %s, not %s", test.given, got, test.want)
		}
	}
}
