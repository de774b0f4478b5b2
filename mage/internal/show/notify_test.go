package show

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

func TestNotifyTestsFitATerminal(t *testing.T) {
	refused := &deploy.Failure{
		Err:  errors.New("the Slack webhook could not be told: hooks.slack.com does not know it, or not any more (404 Not Found: no_service)"),
		Hint: "Make a new webhook there, put its address into SLACK_WEBHOOK_URL, and type `mage env:push production`.",
	}
	for name, test := range map[string]struct {
		tests  []session.NotifyTest
		status int
	}{
		"well": {tests: []session.NotifyTest{{Service: "Discord", Variable: "DISCORD_WEBHOOK_URL"}}},
		"one":  {tests: []session.NotifyTest{{Service: "Discord", Variable: "DISCORD_WEBHOOK_URL"}, {Service: "Slack", Err: refused}}, status: deploy.ExitFailed},
		"none": {status: deploy.ExitUsage},
	} {
		var out strings.Builder
		err := NotifyTests(&out, "production", test.tests)
		status := 0
		if failure, ok := errors.AsType[*deploy.Failure](err); ok {
			status = failure.ExitStatus()
			out.WriteString(err.Error())
		}
		if status != test.status {
			t.Errorf("%s: status %d, wanted %d", name, status, test.status)
		}
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: longer than 80 columns: %s", name, line)
			}
		}
	}
}
