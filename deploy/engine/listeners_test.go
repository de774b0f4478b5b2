package engine

import (
	"slices"
	"testing"
)

// TestListenersAreReadAsTheKernelPrintsThem has what a Debian 13 container shows
// of gunicorn on 127.0.0.1:8000, a Go server on [::]:8080, one on 10.0.0.5:53,
// the engine's resolver, and a connection that is open.
func TestListenersAreReadAsTheKernelPrintsThem(t *testing.T) {
	got := listeners([]byte(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 81734 1 0000000000000000 100 0 0 10 0
   1: 0B00007F:A2D1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 81000 1 0000000000000000 100 0 0 10 0
   2: 0500000A:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 81001 1 0000000000000000 100 0 0 10 0
   3: 050012AC:1F40 010012AC:B1E2 01 00000000:00000000 00:00000000 00000000  1000        0 81735 1 0000000000000000 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 90000 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 90001 1 0000000000000000 100 0 0 10 0
   2: torn
`))
	want := []string{"10.0.0.5:53", "127.0.0.1:8000", "[::1]:80", "[::]:8080"}
	if !slices.Equal(got, want) {
		t.Errorf("read %v, wanted %v", got, want)
	}
}
