package github

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var update = flag.Bool("update", false, "write what is there now to testdata")

func TestSummary(t *testing.T) {
	t.Parallel()
	got := summary("staging", &deploy.Report{
		Outcome: deploy.OutcomeRolledBack, From: "v1.0.0", To: "v1.1.0", Commit: "c5bf2fdb142e", Elapsed: 42*time.Second + 123*time.Millisecond,
		Switch: 1234 * time.Microsecond, Probe: deploy.ProbeStats{Sent: 412, Failed: 3, Slowest: 234*time.Millisecond + 5},
		Warnings: []string{"hook <b>cdn</b> | `x` said\n::error::no @team", "web logged 12 × IntegrityError"},
	}) + summary("production", &deploy.Report{Outcome: deploy.OutcomeUnchanged, To: "v1.0.0"}) +
		failure("mage deploy:staging: rolled back", deploy.ExitRolledBack, "start web: it exited\n  | ```\n  | <script>\nLook: mage logs web")
	file := filepath.Join("testdata", "summary.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%v: got\n%s", err, got)
	}
}
