package doctor_test

import (
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// An engine that was too slow to say what runs has not said that nothing does.
func TestWhatWasNotSeenIsNotMissing(t *testing.T) {
	t.Parallel()
	evidence := with(func(e *doctor.Evidence) { e.Containers = nil })
	for _, finding := range doctor.Diagnose(evidence) {
		if finding.Cause == doctor.CauseDatabaseDown || finding.Cause == doctor.CauseRedisDown || finding.Cause == doctor.CauseProxyDown {
			t.Errorf("%s: %s", finding.Cause, finding.Title)
		}
	}
}
