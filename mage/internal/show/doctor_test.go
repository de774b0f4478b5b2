package show

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

func TestADiagnosisFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	Diagnosis(&out, &session.Diagnosis{
		Environment: "production", Host: "deploy@shop.example", Serving: "v1.0.0", Milliseconds: 912,
		Unseen: []string{"the containers' usage: no answer within 3s, and what else there is to be said of it is long"},
		Findings: []doctor.Finding{
			{Cause: doctor.CauseDatabaseDown, Severity: doctor.Broken, Title: "postgres, the database, does not run: exited with status 0",
				Evidence: []string{"2026-11-27 19:44:12.123 UTC [1] LOG:  database system is shut down"}, Fix: "docker start shop-postgres-1; if it ends again: mage logs postgres"},
			{Cause: doctor.CauseUnhealthy, Severity: doctor.Broken, Title: "backend fails its health check", Follows: doctor.CauseDatabaseDown, Fix: "Read why: mage logs backend",
				Evidence: []string{strings.Repeat("http://172.18.0.5:8000/api/health/ answered 503 ", 4)}},
			{Cause: doctor.CauseIndex, Severity: doctor.Warning, Title: "an index is missing", Past: true, Fix: "Add it"},
		},
	})
	text := out.String()
	for line := range strings.Lines(text) {
		if width := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
	for _, want := range []string{
		"production on deploy@shop.example: 3 findings, the root cause first (0.9 s)\n", "\n1 ✗ postgres, the database", "[database-down]",
		"    → docker start shop-postgres-1;", "follows from database-down", "3 ! an index is missing (last command)", "? could not look at the containers' usage",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said:\n%s", want, text)
		}
	}
	out.Reset()
	Diagnosis(&out, &session.Diagnosis{Environment: "staging", Serving: "v2", Milliseconds: 1040})
	if got := out.String(); got != "staging: nothing is wrong, v2 serves (1.0 s)\n" {
		t.Errorf("said %q", got)
	}
}
