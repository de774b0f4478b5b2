package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ledger is what servers had counted before the proxy's own counters were
// last cleared, by "service/container".
//
// HAProxy counts for a place and not for who holds it, it clears all counters
// or none (mgmt 9.3, "clear counters all"), and from an average time nothing
// can be subtracted. So whenever a place gets a new container, what all have
// counted is kept here, all is cleared, and what a server has counted is its
// entry here plus what the proxy says. The average starts anew for all.
type ledger map[string]counted

// counted are the counters that add up.
type counted struct {
	Requests      int64 `json:"requests"`
	Failed        int64 `json:"failed"`
	ConnectErrors int64 `json:"connect_errors"`
	Retries       int64 `json:"retries"`
	Redispatches  int64 `json:"redispatches"`
}

// add gives the counters with the entry's on top.
func (c counted) add(to deploy.ServerCounters) deploy.ServerCounters {
	to.Requests += c.Requests
	to.Failed += c.Failed
	to.ConnectErrors += c.ConnectErrors
	to.Retries += c.Retries
	to.Redispatches += c.Redispatches
	return to
}

// readLedger reads the entries; one that is missing or damaged counts from 0.
func (p *Proxy) readLedger() (ledger, error) {
	raw, err := os.ReadFile(filepath.Join(p.dir, countersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the proxy's kept counters: %w", err)
	}
	read := ledger{}
	if json.Unmarshal(raw, &read) != nil {
		read = ledger{}
	}
	return read, nil
}

// saveCounters keeps what has been counted and clears the proxy's counters, in
// one batch: before a place is filled, and before a reload, which starts
// counting anew.
func (p *Proxy) saveCounters(ctx context.Context) error {
	kept, err := p.readLedger()
	if err != nil {
		return err
	}
	replies, err := p.worker.run(ctx, showSlots, showStats, clearCounters)
	if err != nil {
		return err
	}
	slots, err := parseSlots(replies[0])
	if err != nil {
		return err
	}
	read, err := parseStats(replies[1])
	if err != nil {
		return err
	}
	if !accepted(clearCounters, replies[2]) {
		return &ReplyError{Command: clearCounters, Reply: replies[2]}
	}
	next := ledger{}
	for _, held := range slots {
		if held.container == "" {
			continue
		}
		key := ledgerKey(held.backend, held.container)
		sum := kept[key].add(read.servers[held.at()])
		next[key] = counted{
			Requests:      sum.Requests,
			Failed:        sum.Failed,
			ConnectErrors: sum.ConnectErrors,
			Retries:       sum.Retries,
			Redispatches:  sum.Redispatches,
		}
	}
	raw, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the proxy's counters: %w", err)
	}
	return p.write(countersFile, append(raw, '\n'))
}

// ledgerKey names an entry.
func ledgerKey(service, container string) string { return service + "/" + container }
