//go:build unix

package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// asServer makes the test binary a server, so that the generator's CPU time
// can be told from the server's.
const asServer = "LOAD_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		os.Exit(0)
	}()
	panic(http.Serve(ln, newSite()))
}

func serverProcess(b *testing.B) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCost measures the generator's own CPU time per request at several
// rates, and what share of one core that is. N is the number of requests.
func BenchmarkCost(b *testing.B) {
	cases := []struct {
		rate  float64
		loops int // slow requests, streams and sessions, so many of each
	}{{1000, 0}, {1000, 10}, {5000, 10}, {20000, 10}, {40000, 10}}
	for _, c := range cases {
		b.Run(fmt.Sprintf("%g-and-%d", c.rate, c.loops), func(b *testing.B) {
			address := serverProcess(b)
			p := everything()
			p.Targets = []load.Target{{Address: address}}
			p.Rate, p.Conns = c.rate, 50
			p.Slow.Count, p.Stream.Count, p.WebSocket.Count = c.loops, c.loops, c.loops
			p.WebSocket.Every, p.WebSocket.Length = 0, 0
			p.MaxRequests = max(b.N, 1)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			run := load.Start(b.Context(), p)
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for run.Snapshot().EndedBy == "" {
				<-tick.C
			}
			b.StopTimer()
			used := cpu(b) - before
			r := run.Stop()
			if r.Lost() != 0 {
				b.Fatal(r)
			}
			b.ReportMetric(float64(used.Microseconds())/float64(r.Sent()), "cpu-µs/req")
			b.ReportMetric(100*used.Seconds()/r.Sending.Seconds(), "%core")
			b.ReportMetric(float64(r.Sent())/r.Sending.Seconds(), "req/s")
			b.ReportMetric(float64(r.SlipP99.Microseconds()), "slip-p99-µs")
		})
	}
}
