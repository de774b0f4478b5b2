package deploy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func roomy() Facts {
	return Facts{Engine: "26.1.5", Free: 20e9, Layers: 100e6, Memory: Memory{Total: 2e9, Available: 1e9}, Compared: true}
}

func TestPreflight(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Facts)
		state  FindingState
		says   string
	}{
		{"nothing in the way", func(*Facts) {}, FindingFine, ""},
		{"no room for the layers", func(f *Facts) { f.Free, f.Layers = 1e9, 300e6 }, FindingFailed, "disk: 1.0 GB of disk free, the new layers take about 900 MB, and 524 MB stay free"},
		{"no room at all", func(f *Facts) { f.Free, f.Layers = 100e6, -1 }, FindingFailed, "disk: 100 MB of disk free, and 524 MB stay free"},
		{"tight", func(f *Facts) { f.Free = 2e9 }, FindingWarning, "disk: 2.0 GB of disk free, the new layers take about 300 MB"},
		{"clock ahead", func(f *Facts) { f.Skew = 7 * time.Second }, FindingWarning, "clock: the host's is 7s ahead"},
		{"clock far behind", func(f *Facts) { f.Skew = -time.Hour }, FindingFailed, "clock: the host's is 1h0m0s behind"},
		{"no clock to compare with", func(f *Facts) { f.Compared, f.Skew = false, time.Hour }, FindingFine, ""},
		{"port taken", func(f *Facts) { f.Taken = map[int]string{8000: "nginx (process 7)"} }, FindingFailed, "ports: port 8000 is taken by nginx (process 7), and the proxy is to publish it"},
		{"no way back", func(f *Facts) { f.Serving, f.Lost = "v1", []string{"shop/web@sha256:1"} }, FindingFailed, "way back: v1 serves, and it could not be returned to: shop/web@sha256:1 is not on the host any more"},
		{"locked", func(f *Facts) { f.Holder = &Holder{Who: "anna@laptop", What: "deploy:staging v2"} }, FindingFailed, "lock: deploy:staging v2 is running since"},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := roomy()
			test.change(&facts)
			worst, text := FindingFine, ""
			for _, finding := range Preflight(facts) {
				if finding.State != FindingFine {
					worst, text = finding.State, finding.Name+": "+finding.Text
					if finding.Hint == "" {
						t.Error("does not say what to do")
					}
				}
			}
			if worst != test.state || !strings.HasPrefix(text, test.says) {
				t.Errorf("found %s, %q; wanted %s, %q", worst, text, test.state, test.says)
			}
		})
	}
}

func TestAllThatIsInTheWayIsSaidAtOnce(t *testing.T) {
	facts := roomy()
	facts.Free, facts.Skew = 1e6, time.Hour
	facts.Holder = &Holder{Who: "anna@laptop", What: "rollback v1"}
	err := FailedFindings(Preflight(facts), "nothing was touched")
	failure, ok := errors.AsType[*Failure](err)
	if !ok || failure.ExitStatus() != ExitFailed {
		t.Fatalf("got %v", err)
	}
	for _, wanted := range []string{"disk:", "clock:", "lock: rollback v1 is running", "nothing was touched"} {
		if !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q is missing in %v", wanted, err)
		}
	}
	only := roomy()
	only.Holder = facts.Holder
	failure, _ = errors.AsType[*Failure](FailedFindings(Preflight(only), ""))
	if failure.ExitStatus() != ExitLocked {
		t.Errorf("a lock alone has status %d", failure.ExitStatus())
	}
	if err := FailedFindings(Accepted(Preflight(only), FindingLock), ""); err != nil {
		t.Errorf("the lock is waited for, and still: %v", err)
	}
	if err := FailedFindings(Preflight(roomy()), ""); err != nil {
		t.Errorf("nothing is in the way, and still: %v", err)
	}
}
