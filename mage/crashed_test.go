//go:build integration

package mage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// TestAReleaseBehindACrashedOne rolls a good release out right behind one that
// crashed under requests: its container gets the dead one's name, and the proxy
// must not hold the dead one's failed checks against it.
func TestAReleaseBehindACrashedOne(t *testing.T) {
	alongside(t, apps)
	a := newApp(t)
	a.release("v0")
	a.deploy("v0")
	for number := range 4 {
		bad, good := fmt.Sprintf("bad%d", number), fmt.Sprintf("good%d", number)
		a.release(bad, "APP_EXIT_AFTER=500ms")
		a.release(good)
		if crashed := a.Mage("deploy:here", bad, "-env=test"); crashed.Status != deploy.ExitRolledBack {
			t.Fatalf("%s ended with status %d:\n%s", bad, crashed.Status, crashed.Output)
		}
		run := a.lightTraffic()
		if result := a.deploy(good); !strings.Contains(result.Output, ", 0 failed, ") {
			t.Errorf("requests failed:\n%s", result.Output)
		}
		a.settle(run)
	}
}
