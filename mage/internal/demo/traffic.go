package demo

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load"
)

// traffic is the load that the story is told under: kept connections, three
// orders in ten requests, slow answers, streams and WebSockets. The client
// retries nothing.
type traffic struct {
	backend, frontend *load.Run
	address           string
	ended             bool
	reports           [2]load.Report
}

// figures are the load's counts at one moment.
type figures struct {
	sent, lost int
	slowest    time.Duration
}

func (f figures) since(before figures) figures {
	return figures{sent: f.sent - before.sent, lost: f.lost - before.lost, slowest: f.slowest}
}

// startTraffic sends what a small machine has room for beside what it boots: a
// story about a queue would be another one.
func (d *demo) startTraffic(ctx context.Context) *traffic {
	backend := "127.0.0.1:" + d.variable("BACKEND_PORT", "8000")
	frontend := "127.0.0.1:" + d.variable("FRONTEND_PORT", "3000")
	ctx = context.WithoutCancel(ctx) // an interrupted story still ends its requests
	return &traffic{
		address: backend,
		backend: load.Start(ctx, load.Profile{
			Targets: []load.Target{{Address: backend, Host: "localhost"}},
			Rate:    40,
			Mix: []load.Request{
				{Kind: load.Get, Path: "/api/products/", Weight: 7},
				{Kind: load.Post, Path: "/api/orders/", Weight: 3},
			},
			Slow:   load.Loop{Path: "/api/slow/?seconds=5", Count: 2},
			Stream: load.Loop{Path: "/api/stream/?seconds=3&chunks=30", Count: 2},
			Conns:  16,
		}),
		frontend: load.Start(ctx, load.Profile{
			Targets:   []load.Target{{Address: frontend, Host: "localhost"}},
			Rate:      10,
			Mix:       []load.Request{{Kind: load.Get, Path: "/"}},
			WebSocket: load.Sessions{Path: "/ws", Count: 3, Length: 4 * time.Second, Every: 250 * time.Millisecond},
			Conns:     4,
		}),
	}
}

func (t *traffic) figures() figures {
	var sum figures
	for _, report := range []load.Report{t.backend.Snapshot(), t.frontend.Snapshot()} {
		sum.sent += report.Sent()
		sum.lost += report.Lost()
		for _, kind := range []load.Kind{load.Get, load.Post} {
			sum.slowest = max(sum.slowest, report.Of(kind).Latency.Max)
		}
	}
	return sum
}

func (t *traffic) stop() {
	if !t.ended {
		t.ended = true
		t.reports = [2]load.Report{t.backend.Stop(), t.frontend.Stop()}
	}
}

// settle ends the load and checks every request, and that each order that was
// accepted is there exactly once.
func (d *demo) settle(ctx context.Context, t *traffic) error {
	t.stop()
	for _, report := range t.reports {
		if err := report.Check(); err != nil {
			return fmt.Errorf("requests were lost: %w\n%s", err, report)
		}
	}
	rows, err := orderRows(ctx, t.address, t.reports[0].Prefix)
	if err != nil {
		return err
	}
	if err := t.reports[0].Ledger(rows).Err(); err != nil {
		return fmt.Errorf("the orders do not add up: %w", err)
	}
	fmt.Fprintf(d.Out, "\n%d orders were accepted, and each is in the database exactly once.\n", len(t.reports[0].Accepted))
	return nil
}

// orderRows asks the webshop for the orders with that prefix. One that was
// received twice stands twice.
func orderRows(ctx context.Context, address, prefix string) ([]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/orders/ids/?prefix="+prefix, nil)
	if err != nil {
		return nil, err
	}
	request.Host = "localhost"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the orders: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the orders: %s", response.Status)
	}
	var rows []string
	scanner := bufio.NewScanner(response.Body)
	for scanner.Scan() {
		var id string
		var received, processed int
		if _, err := fmt.Sscan(strings.TrimSpace(scanner.Text()), &id, &received, &processed); err != nil {
			return nil, fmt.Errorf("read the orders: %q: %w", scanner.Text(), err)
		}
		for range received {
			rows = append(rows, id)
		}
	}
	return rows, scanner.Err()
}
