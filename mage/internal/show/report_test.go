package show

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestReportOfHooksAndWarnings(t *testing.T) {
	report := &deploy.Report{
		Outcome: deploy.OutcomeDeployed, To: "v2", Elapsed: 50 * time.Second,
		Steps: []deploy.StepTime{
			{Step: deploy.Step{Action: deploy.ActionHook}, Elapsed: 4 * time.Second},
			{Step: deploy.Step{Action: deploy.ActionVerify}, Elapsed: time.Second},
			{Step: deploy.Step{Action: deploy.ActionWatch}, Elapsed: 30 * time.Second},
		},
		Warnings: []string{
			"shop-backend-3 logged 12 × Python IntegrityError: django.db.utils.IntegrityError: duplicate key value",
			"hook cdn (x-deploy.hooks.after_success): exit status 7",
		},
	}
	var out strings.Builder
	Report(&out, report)
	const want = `v2 serves after 50.0 s (rollout 15.0 s, verification 1.0 s, monitor 30.0 s)
  hooks 4.0 s beside that
  ! shop-backend-3 logged 12 × Python IntegrityError:
    django.db.utils.IntegrityError: duplicate key value
  ! hook cdn (x-deploy.hooks.after_success): exit status 7
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	for line := range strings.Lines(out.String()) {
		if width := utf8.RuneCountInString(strings.TrimSpace(line)); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}
