//go:build integration

package backup

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// mostMemory is what the deployer may take of a host of 2 GB while it moves a
// database of any size, in KiB.
const mostMemory = 100 << 10

// peak is what a process took that did this and nothing else, in KiB.
func (s *shop) peak(do string) int {
	s.t.Helper()
	output, err := s.apart(do, "")
	if err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	_, said, _ := strings.Cut(string(output), "peak ")
	var peak int
	if _, err := fmt.Sscan(said, &peak); err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	if peak > mostMemory {
		s.t.Errorf("%s: peak %d KiB, want at most %d", do, peak, mostMemory)
	}
	return peak
}

// TestMemoryIsBounded moves several parts, which is where a database of any
// size gets to.
func TestMemoryIsBounded(t *testing.T) {
	s := newShop(t)
	s.fatten()
	take := s.peak("take")
	t.Logf("take %d MiB, restore %d MiB", take>>10, s.peak("restore")>>10)
}

// BenchmarkTake1GB and the restore that follows it measure a process that does
// nothing else.
func BenchmarkTake1GB(b *testing.B) {
	s := newShop(b)
	s.sql(s.db.database, "CREATE TABLE fat AS SELECT n, md5(n::text) || md5((n*7)::text) || md5((n*11)::text) || md5((n*13)::text) AS text FROM generate_series(1::bigint, 6000000) n;")
	size := s.sql(s.db.database, "SELECT pg_database_size(current_database()) / 1000000;")
	for b.Loop() {
		for _, do := range []string{"take", "restore"} {
			began := time.Now()
			peak := s.peak(do)
			took := time.Since(began)
			b.ReportMetric(float64(peak)/1024, do+"-peak-MiB")
			b.ReportMetric(took.Seconds(), do+"-s")
		}
	}
	listed, err := s.vault.List(b.Context())
	must(b, err)
	b.Logf("database %s MB, dump %d MB", size[0], listed[0].Size/1_000_000)
}
