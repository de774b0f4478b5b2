//go:build integration

package mage_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// rollouts is how many deploys a benchmark of rolling deploys makes.
const rollouts = 20

// BenchmarkRollout rolls the small application 20 times under 1,000 requests a
// second and everything that stays open.
func BenchmarkRollout(b *testing.B) {
	for _, ending := range []string{"drain", "die", "ignore"} {
		b.Run(ending, func(b *testing.B) {
			for b.Loop() {
				a := newApp(b, "GRACE=3s")
				first := "bench-" + ending + "-0"
				a.release(first, "APP_ON_SIGTERM="+ending)
				a.MustMage("deploy:here", first, "-env=test")
				run := a.traffic()
				var figures figures
				for number := range rollouts {
					version := fmt.Sprintf("bench-%s-%d", ending, number+1)
					a.release(version, "APP_ON_SIGTERM="+ending)
					figures.add(a.reportOf(a.MustMage("deploy:here", version, "-env=test")))
				}
				figures.publish(b)
				publishLoad(b, a.settle(run))
			}
		})
	}
}

// BenchmarkReplace replaces one service whose application boots in 1 s, with
// nothing to drain. What is more than the boot is the tool's.
func BenchmarkReplace(b *testing.B) {
	for b.Loop() {
		a := newApp(b)
		a.release("bench-replace-0", "APP_BOOT=1s")
		a.MustMage("deploy:here", "bench-replace-0", "-env=test")
		var figures figures
		for number := range 5 {
			version := fmt.Sprintf("bench-replace-%d", number+1)
			a.release(version, "APP_BOOT=1s")
			figures.add(a.reportOf(a.MustMage("deploy:here", version, "-env=test")))
		}
		figures.publish(b)
	}
}

// BenchmarkUnchanged deploys the release that serves, again.
func BenchmarkUnchanged(b *testing.B) {
	a := newApp(b)
	a.release("bench-same")
	a.MustMage("deploy:here", "bench-same", "-env=test")
	for b.Loop() {
		var sum time.Duration
		for range 10 {
			sum += a.MustMage("deploy:here", "bench-same", "-env=test").Took
		}
		b.ReportMetric(sum.Seconds()*100, "ms/command")
	}
}

// BenchmarkRollbackWarm goes back while the newer release is still watched:
// from the command to the last request that the newer release got.
func BenchmarkRollbackWarm(b *testing.B) {
	for b.Loop() {
		a := newApp(b, "MONITOR=60s")
		a.release("bench-warm-1")
		a.release("bench-warm-2")
		a.deploy("bench-warm-1")
		run := a.traffic()
		deploying := a.Start("deploy:here", "bench-warm-2", "-env=test")
		deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
		result := a.MustMage("rollback", "bench-warm-1", "-env=test")
		deploying.Wait()
		report := a.settle(run)
		b.ReportMetric(untilLast(report, "bench-warm-2", result.Began).Seconds(), "s-to-old-release")
		b.ReportMetric(result.Took.Seconds(), "s/command")
		publishLoad(b, report)
	}
}

// BenchmarkRollbackLocal goes back to a release whose images are on the host
// and whose application boots in 1 s: from the command to the last answer of
// the release that is left.
func BenchmarkRollbackLocal(b *testing.B) { benchmarkRollback(b, func(*app) {}) }

// BenchmarkRollbackCold is the same with the images gone from the host.
func BenchmarkRollbackCold(b *testing.B) {
	benchmarkRollback(b, func(a *app) { a.forget("bench-back-1") })
}

func benchmarkRollback(b *testing.B, prepare func(*app)) {
	for b.Loop() {
		a := newApp(b)
		for _, version := range []string{"bench-back-1", "bench-back-2"} {
			a.release(version, "APP_BOOT=1s")
			a.MustMage("deploy:here", version, "-env=test")
		}
		prepare(a)
		run := a.traffic()
		result := a.MustMage("rollback", "bench-back-1", "-env=test")
		report := a.settle(run)
		b.ReportMetric(untilLast(report, "bench-back-2", result.Began).Seconds(), "s-to-old-release")
		b.ReportMetric(result.Took.Seconds(), "s/command")
		publishLoad(b, report)
	}
}

// untilLast is the time from a moment to when the last request was sent that
// a release answered.
func untilLast(report load.Report, release string, from time.Time) time.Duration {
	for _, one := range report.Releases {
		if one.Name == release {
			return one.LastSent.Sub(from)
		}
	}
	return 0
}

// figures sums the reports of several rollouts.
type figures struct {
	count                      int
	rollout, longest           time.Duration
	switches, slowest          time.Duration
	memory                     int64
	retries, redispatches, cut int64
}

// rollback or deploy, as the deployer itself and the system saw it.
type measured struct {
	deploy.Report
	result deploytest.Result
}

func (a *app) reportOf(result deploytest.Result) measured {
	a.T.Helper()
	files, err := filepath.Glob(filepath.Join(a.Directory, ".deploy", "releases", "*", "report.json"))
	if err != nil {
		a.T.Fatal(err)
	}
	newest := measured{result: result}
	for _, file := range files {
		var report deploy.Report
		if err := json.Unmarshal([]byte(a.ReadFile(strings.TrimPrefix(file, a.Root))), &report); err != nil {
			a.T.Fatal(err)
		}
		if report.Started.After(newest.Started) {
			newest.Report = report
		}
	}
	return newest
}

func (f *figures) add(m measured) {
	f.count++
	own := m.result.Took - m.Spent(deploy.ActionWatch) - m.Spent(deploy.ActionVerify)
	f.rollout += own
	f.longest = max(f.longest, own)
	f.switches += m.Switch
	f.slowest = max(f.slowest, m.Switch)
	f.memory = max(f.memory, m.result.PeakMemory)
	f.retries += m.Retries
	f.redispatches += m.Redispatches
	f.cut += int64(m.EndedAtDeadline)
}

func (f *figures) publish(b *testing.B) {
	b.ReportMetric(f.rollout.Seconds()/float64(f.count), "s/rollout")
	b.ReportMetric(f.longest.Seconds(), "s/rollout-max")
	b.ReportMetric(milliseconds(f.switches)/float64(f.count), "ms/switch")
	b.ReportMetric(milliseconds(f.slowest), "ms/switch-max")
	b.ReportMetric(float64(f.memory)/1e6, "MB-peak")
	b.ReportMetric(float64(f.retries), "wretr")
	b.ReportMetric(float64(f.redispatches), "wredis")
	b.ReportMetric(float64(f.cut), "ended-at-deadline")
}

func publishLoad(b *testing.B, report load.Report) {
	b.ReportMetric(float64(report.Sent()), "requests")
	b.ReportMetric(float64(report.Lost()), "lost")
	b.Logf("%s", report)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
