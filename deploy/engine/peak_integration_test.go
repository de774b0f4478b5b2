//go:build integration

package engine

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// peakLimit is what a process that opens the engine, observes and creates may
// take of the memory of a small host.
const peakLimit = 64 << 10 // KiB

// TestPeakMemory runs itself in a process of its own, which does nothing else.
func TestPeakMemory(t *testing.T) {
	if os.Getenv("ENGINE_TEST_PEAK") != "" {
		peakOfThisProcess(t)
		return
	}
	inner := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPeakMemory$", "-test.v")
	inner.Env = append(os.Environ(), "ENGINE_TEST_PEAK=1")
	output, err := inner.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, "peak") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func peakOfThisProcess(t *testing.T) {
	t.Helper()
	limit := peakLimit
	if raceDetector {
		limit *= 10 // it takes several times the memory
	}
	app := newApplication(t)
	app.create(app.release(plain), "web", 2)
	app.observe()
	peak := readTable(os.DirFS("/"), "proc/self/status")["VmHWM:"]
	t.Logf("peak %d KiB", peak)
	if peak == 0 || int(peak) > limit {
		t.Errorf("peak %d KiB, want at most %d", peak, limit)
	}
}

func BenchmarkObserve(b *testing.B) {
	app := newApplication(b)
	app.create(app.release(plain), "web", 10)
	for b.Loop() {
		app.observe()
	}
}

// BenchmarkCreateOnly is the SDK's part: two containers made beside one.
func BenchmarkCreateOnly(b *testing.B) {
	app := newApplication(b)
	release := app.release(plain)
	app.create(release, "web", 1)
	for b.Loop() {
		made, err := app.engine.add(b.Context(), release.Environment.Project, "web", 2)
		must(b, err)
		b.StopTimer()
		must(b, app.engine.undo(b.Context(), made, nil))
		b.StartTimer()
	}
}

func BenchmarkCreateAndStart(b *testing.B) {
	app := newApplication(b)
	release := app.release(plain)
	app.create(release, "web", 1)
	for b.Loop() {
		created := app.create(release, "web", 1)[0]
		b.StopTimer()
		must(b, app.engine.discard(b.Context(), created.ID))
		b.StartTimer()
	}
}

func BenchmarkStop(b *testing.B) {
	app := newApplication(b)
	release := app.release(plain)
	for b.Loop() {
		b.StopTimer()
		created := app.create(release, "web", 1)[0]
		app.awaitLine(created.ID, "ready")
		b.StartTimer()
		_, err := app.engine.Stop(b.Context(), created.ID, 10*time.Second)
		must(b, err)
		b.StopTimer()
		must(b, app.engine.Remove(b.Context(), created.ID))
		b.StartTimer()
	}
}
