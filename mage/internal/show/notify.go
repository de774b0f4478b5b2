package show

import (
	"fmt"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// NotifyTests prints what came of a test notice, for each webhook, and gives an
// error where one did not take it, or none is there.
func NotifyTests(out io.Writer, environment string, tests []session.NotifyTest) error {
	if len(tests) == 0 {
		return &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("%s tells nobody: no webhook is configured, or its variable is empty in the host's .env", environment),
			Hint: "In the Compose file:  x-deploy: {notify: {discord: \"${DISCORD_WEBHOOK_URL:-}\"}}\n" +
				"In .env." + environment + ":  DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/…\n" +
				"Then: mage env:push " + environment + ", and the next deploy brings the Compose file.\n" +
				"Slack is the same with slack and SLACK_WEBHOOK_URL.",
		}
	}
	failed := 0
	for _, test := range tests {
		if test.Err != nil {
			failed++
			fmt.Fprintf(out, "✗ %v\n", test.Err)
			continue
		}
		fmt.Fprintf(out, "✓ %s took the test notice (%s)\n", test.Service, test.Variable)
	}
	if failed > 0 {
		return &deploy.Failure{Err: fmt.Errorf("%d of %d webhooks of %s did not take the test notice", failed, len(tests), environment)}
	}
	return nil
}
