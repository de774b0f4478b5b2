package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// testWidth keeps a test's lines within 80 columns.
const testWidth = 77

// NotifyTests prints what came of a test notice, for each webhook, and gives an
// error where one did not take it, or none is there.
func NotifyTests(out io.Writer, environment string, tests []session.NotifyTest) error {
	if len(tests) == 0 {
		return &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("%s tells nobody: it has no webhook, or the variable is empty in .env", environment),
			Hint: "In the Compose file:\n  x-deploy: {notify: {discord: \"${DISCORD_WEBHOOK_URL:-}\"}}\n" +
				"In .env." + environment + ":\n  DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/…\n" +
				"Then type `mage env:push " + environment + "`; the next deploy brings the Compose file.\n" +
				"For Slack it is slack, and SLACK_WEBHOOK_URL.",
		}
	}
	failed := 0
	for _, test := range tests {
		if test.Err != nil {
			failed++
			fmt.Fprintf(out, "✗ %s\n", strings.Join(wrap(test.Err.Error(), testWidth), "\n  "))
			continue
		}
		fmt.Fprintf(out, "✓ %s took the test notice (%s)\n", test.Service, test.Variable)
	}
	if failed > 0 {
		return &deploy.Failure{Err: fmt.Errorf("%d of %d webhooks of %s did not take the test notice", failed, len(tests), environment)}
	}
	return nil
}
