package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

// Check asks every host whether a rollout could begin, and says all that is in
// the way at once, with what the laptop itself has found. Nothing is touched.
// accepted names the findings that the command's flags answer.
func (f *Fleet) Check(ctx context.Context, here []deploy.Finding, accepted ...string) error {
	all := make([][]deploy.Finding, len(f.Hosts))
	errs := make([]error, len(f.Hosts))
	var group sync.WaitGroup
	for at, host := range f.Hosts {
		group.Go(func() { all[at], errs[at] = host.check(ctx) })
	}
	group.Wait()
	var failed []deploy.Finding
	for _, finding := range here {
		failed = append(failed, f.judge("this machine", finding)...)
	}
	for at, host := range f.Hosts {
		if errs[at] != nil {
			return errs[at]
		}
		var fine []string
		for _, finding := range deploy.Accepted(all[at], accepted...) {
			failed = append(failed, f.judge(host.Address, finding)...)
			if finding.State == deploy.FindingFine && slices.Contains(shown, finding.Name) {
				fine = append(fine, finding.Text)
			}
		}
		if len(failed) == 0 {
			f.say("%s is ready: %s", host.Address, strings.Join(fine, ", "))
		}
	}
	return deploy.FailedFindings(failed, "nothing was touched")
}

// shown are the findings whose figures are of use also when they are fine.
var shown = []string{"disk", "memory"}

// judge says a warning, and gives a finding that is in the way.
func (f *Fleet) judge(where string, finding deploy.Finding) []deploy.Finding {
	switch finding.State {
	case deploy.FindingWarning:
		f.say("warning: %s: %s: %s\n          %s", where, finding.Name, finding.Text, finding.Hint)
	case deploy.FindingFailed:
		finding.Text = finding.Text + " (" + where + ")"
		return []deploy.Finding{finding}
	}
	return nil
}

func (h *Host) check(ctx context.Context) ([]deploy.Finding, error) {
	var findings []deploy.Finding
	result, err := h.ask(ctx, agent.Request{Do: agent.Check}, func(line agent.Line, _ int) {
		if line.Finding != nil {
			findings = append(findings, *line.Finding)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := result.Err(); err != nil {
		return nil, fmt.Errorf("check %s: %w", h.Address, err)
	}
	return findings, nil
}
