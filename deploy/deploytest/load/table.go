package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const tableWidth = 80

// String is the report as a table of at most 80 columns.
func (r Report) String() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		text := []rune(strings.TrimRight(fmt.Sprintf(format, args...), " "))
		if len(text) > tableWidth {
			text = append(text[:tableWidth-1], '…')
		}
		b.WriteString(string(text) + "\n")
	}
	line("load %s: %.1f s at %g/s on %d connections, %d sent, %d lost",
		r.Prefix, r.Sending.Seconds(), r.Rate, r.Conns, r.Sent(), r.Lost())
	if r.EndedBy != "" {
		line("ended: %s", r.EndedBy)
	}
	line("%-9s%9s%9s%7s%6s%6s%10s%10s%10s", "kind", "sent", "ok", "failed", "lost", "cut", "p50 ms", "p99 ms", "max ms")
	for _, t := range r.Kinds {
		if t.Sent == 0 {
			continue
		}
		line("%-9s%9d%9d%7d%6d%6d%10s%10s%10s", t.Kind, t.Sent, t.OK, t.Failed, t.Lost, t.Cut,
			millis(t.Latency.P50), millis(t.Latency.P99), millis(t.Latency.Max))
	}
	line("%-24s%10s%12s%12s%14s", "release", "answers", "first s", "last s", "last sent s")
	for _, rel := range r.Releases {
		line("%-24s%10d%12.3f%12.3f%14.3f", short(rel.Name, 24), rel.Count, r.at(rel.First), r.at(rel.Last), r.at(rel.LastSent))
	}
	line("longest gap %s ms at %.3f s; slip p99 %s ms, max %s ms",
		millis(r.LongestGap.Length), r.at(r.LongestGap.From), millis(r.SlipP99), millis(r.SlipMax))
	line("unsent %d, withdrawn %d", r.Unsent, r.Withdrawn)
	line("dials %d; closed idle %d, announced %d; unsolicited %d", r.Dials, r.IdleCloses, r.AnnouncedCloses, r.Unsolicited)
	for _, t := range r.Kinds {
		for _, reason := range slices.Sorted(maps.Keys(t.Reasons)) {
			line("%-11s%6d  %s", t.Kind, t.Reasons[reason], reason)
		}
	}
	if len(r.Failures) > 0 {
		line("the first %d:", len(r.Failures))
	}
	for _, f := range r.Failures {
		detail := f.Reason
		if f.Error != "" {
			detail += ": " + f.Error
		}
		line("%9.3f s %-9s %-6s after %3d on its connection %s %s", r.at(f.End), f.Kind, f.Outcome, f.Reuse, f.Release, detail)
	}
	return b.String()
}

func (r Report) at(t time.Time) float64 { return t.Sub(r.Started).Seconds() }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func short(s string, n int) string {
	if r := []rune(s); len(r) >= n {
		return string(r[:n-2]) + "…"
	}
	return s
}
