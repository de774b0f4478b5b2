//go:build integration

package mage_test

import (
	"fmt"
	"testing"
	"time"
)

// stagings is how many changes a benchmark of staging deploys makes.
const stagings = 5

// BenchmarkStaging changes one line of an application that boots in 1 s, and
// has it on a server over SSH: build, push, ship, roll out. `monitor` is 1 s of
// it. Then the same commit again.
func BenchmarkStaging(b *testing.B) {
	for b.Loop() {
		s := newShop(b)
		s.WriteFile(".env.staging", "SECRET="+canarySecret+"\nBOOT=1s\n")
		s.page("line 0")
		s.prepare("staging")
		s.MustMage("deploy:staging")
		var changed, same time.Duration
		for number := range stagings {
			s.page(fmt.Sprintf("line %d", number+1))
			changed += s.MustMage("deploy:staging").Took
			same += s.MustMage("deploy:staging").Took
		}
		b.ReportMetric(changed.Seconds()/stagings, "s/one-line-change")
		b.ReportMetric(same.Seconds()/stagings, "s/same-commit")
		b.ReportMetric(0, "ns/op")
	}
}
