package load

import (
	"math/bits"
	"time"
)

// A histogram counts durations in buckets of about 3 % width: fixed memory
// and no allocation however long a run lasts. The maximum is kept exactly.
type histogram struct {
	counts [histogramSize]uint32
	total  uint64
	max    time.Duration
}

const (
	subBits       = 5
	histogramSize = (42 - subBits + 1) << subBits // up to 2^42 ns, more than an hour
)

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(d)]++
	h.total++
	h.max = max(h.max, d)
}

// quantile is the upper edge of the bucket that holds the q-th value.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	seen := uint64(0)
	for i, n := range h.counts {
		seen += uint64(n)
		if seen > rank {
			return min(edge(i), h.max)
		}
	}
	return h.max
}

// latency is the histogram's summary.
func (h *histogram) latency() Latency {
	return Latency{P50: h.quantile(0.50), P99: h.quantile(0.99), Max: h.max}
}

// bucket keeps the five highest bits below the leading one.
func bucket(d time.Duration) int {
	v := uint64(d)
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	i := (shift+1)<<subBits + int(v>>shift) - 1<<subBits
	return min(i, histogramSize-1)
}

// edge is the largest duration that falls into bucket i.
func edge(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	mantissa := uint64(i&(1<<subBits-1) + 1<<subBits)
	return time.Duration((mantissa+1)<<shift - 1)
}
