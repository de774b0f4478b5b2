package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/github"
)

// Report prints what came of a rollout.
func Report(out io.Writer, report *deploy.Report) {
	switch report.Outcome {
	case deploy.OutcomeUnchanged:
		if report.To == "" {
			fmt.Fprintln(out, "Nothing was deployed, and nothing is left to repair.")
			return
		}
		fmt.Fprintf(out, "%s serves already: nothing to do (%s)\n", report.To, seconds(report.Elapsed))
		return
	case deploy.OutcomePlanned:
		fmt.Fprintln(out, "Only the plan was asked for: nothing was touched.")
		return
	case deploy.OutcomeCleared:
		fmt.Fprintf(out, "what the first deploy of %s had left was removed: nothing serves, as before it\n", report.To)
		return
	case deploy.OutcomeDeployed:
		fmt.Fprintf(out, "%s serves", report.To)
	default:
		fmt.Fprintf(out, "%s: %s", report.To, report.Outcome)
	}
	monitor := report.Spent(deploy.ActionWatch)
	verify := report.Spent(deploy.ActionVerify)
	fmt.Fprintf(out, " after %s", seconds(report.Elapsed))
	hooks := report.Spent(deploy.ActionHook)
	if monitor > 0 || verify > 0 {
		fmt.Fprintf(out, " (rollout %s, verification %s, monitor %s)",
			seconds(report.Elapsed-monitor-verify-hooks), seconds(verify), seconds(monitor))
	}
	fmt.Fprintln(out)
	if hooks > 0 {
		fmt.Fprintf(out, "  hooks %s beside that\n", seconds(hooks))
	}
	if report.Gap > 0 {
		fmt.Fprintf(out, "  gap %.1f s: so long nobody had the ports that were moved\n", report.Gap.Seconds())
	}
	if report.Switch > 0 {
		fmt.Fprintf(out, "  switch %.1f ms, %d ended at the drain deadline, proxy retries %d, redispatches %d\n",
			float64(report.Switch)/float64(time.Millisecond), report.EndedAtDeadline, report.Retries, report.Redispatches)
	}
	if report.Probe.Sent > 0 {
		fmt.Fprintf(out, "  %d own requests through the proxy, %d failed, slowest %s\n",
			report.Probe.Sent, report.Probe.Failed, seconds(report.Probe.Slowest))
		if report.Probe.Failed > 0 {
			fmt.Fprintf(out, "  the last that failed: %s\n", report.Probe.Last)
		}
	}
	for _, warning := range report.Warnings {
		fmt.Fprintf(out, "  ! %s\n", strings.TrimLeft(deploy.Wrap(warning, 4, 78), " "))
		github.Warn(out, report.To, warning)
	}
	if m := report.Maintenance; m != nil {
		fmt.Fprintf(out, "! maintenance is on since %s: visitors get 503; end it: mage maintenance off\n", m.Since.Local().Format("15:04"))
	}
}
