package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// masterTimeout bounds the wait for a master that renews itself.
const masterTimeout = 3 * time.Second

// askMaster sends one line to the master. It renews itself (it executes its own
// program anew) after its start and in each reload, and refuses connections
// for some 30 to 150 ms of that, while the worker serves. So a socket that is
// there is asked again, and ErrNotRunning says that there is none.
func (p *Proxy) askMaster(ctx context.Context, line string, good func(reply string) bool) (string, error) {
	var reply string
	var missing error
	err := p.poll(ctx, masterTimeout, func() (err error) {
		reply, err = p.master.exchange(ctx, line)
		if errors.Is(err, fs.ErrNotExist) {
			missing = err
			return nil
		}
		if err == nil && !good(reply) {
			err = &ReplyError{Command: line, Reply: excerpt(reply)}
		}
		return err
	})
	if err == nil {
		err = missing
	}
	return reply, err
}

// reload makes HAProxy load its file. The master answers once the new worker
// has taken over or the file was refused: "Success=1" or "Success=0", then
// "--" and what it had to say (mgmt 9.4.1, "reload", since 2.7).
func (p *Proxy) reload(ctx context.Context, structure string) error {
	reply, err := p.askMaster(ctx, "reload", func(reply string) bool { return reply != "" })
	if errors.Is(err, ErrNotRunning) {
		return fmt.Errorf("reload the proxy: its master does not answer on %s; it is to be started as %q: %w", masterFile, strings.Join(Command(), " "), err)
	}
	if err != nil {
		return fmt.Errorf("reload the proxy: %w", err)
	}
	if err := readReload(reply); err != nil {
		return err
	}
	return p.poll(ctx, replyTimeout, func() error {
		running, err := p.running(ctx)
		if err == nil && running.structure != structure {
			err = ErrOtherStructure
		}
		return err
	})
}

// readReload reads the master's answer to "reload".
func readReload(reply string) error {
	status, log, _ := strings.Cut(reply, "\n")
	if strings.TrimSpace(status) == "Success=1" {
		return nil
	}
	if strings.TrimSpace(status) != "Success=0" {
		return &ReplyError{Command: "reload", Reply: excerpt(reply)}
	}
	var complaints []string
	for line := range strings.Lines(strings.TrimPrefix(log, "--\n")) {
		if strings.HasPrefix(line, "[ALERT]") || strings.HasPrefix(line, "[WARNING]") {
			complaints = append(complaints, strings.TrimSpace(line))
		}
	}
	if len(complaints) == 0 {
		complaints = []string{excerpt(log)}
	}
	return fmt.Errorf("reload the proxy: HAProxy refused the file and serves on as before: %s", strings.Join(complaints, "; "))
}

// oldWorker is a worker that a reload replaced and that finishes what it has.
type oldWorker struct {
	slots []slot
	stats stats
}

// oldWorkers asks each of them through the master; none where there is no
// master, since without it there are no reloads.
func (p *Proxy) oldWorkers(ctx context.Context) ([]oldWorker, error) {
	pids, err := p.oldPIDs(ctx)
	if err != nil {
		return nil, err
	}
	var workers []oldWorker
	for _, pid := range pids {
		worker, err := p.oldWorker(ctx, pid)
		if err == nil {
			workers = append(workers, worker)
			continue
		}
		// It may have ended meanwhile.
		left, listErr := p.oldPIDs(ctx)
		if listErr != nil {
			return nil, listErr
		}
		for _, other := range left {
			if other == pid {
				return nil, fmt.Errorf("ask old proxy worker %s: %w", pid, err)
			}
		}
	}
	return workers, nil
}

// oldWorker asks one; "@!" before a command names the process that it is for
// (mgmt 9.4).
func (p *Proxy) oldWorker(ctx context.Context, pid string) (oldWorker, error) {
	replies, err := p.master.run(ctx, "@!"+pid+" "+showSlots, "@!"+pid+" "+showStats)
	if err != nil {
		return oldWorker{}, err
	}
	slots, err := parseSlots(replies[0])
	if err != nil {
		return oldWorker{}, err
	}
	counted, err := parseStats(replies[1])
	return oldWorker{slots: slots, stats: counted}, err
}

// oldPIDs lists the old workers.
func (p *Proxy) oldPIDs(ctx context.Context) ([]string, error) {
	reply, err := p.askMaster(ctx, "show proc", func(reply string) bool { return strings.Contains(reply, "# workers") })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseOldPIDs(reply), nil
}

// parseOldPIDs reads "show proc": a table in sections, whose headings start
// with "# " (mgmt 9.4.1).
func parseOldPIDs(reply string) []string {
	var pids []string
	old := false
	for line := range strings.Lines(reply) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case strings.HasPrefix(line, "#"):
			old = strings.TrimSpace(line) == "# old workers"
		case old:
			pids = append(pids, fields[0])
		}
	}
	return pids
}

// pollEvery is the time between two looks at the running proxy.
const pollEvery = 20 * time.Millisecond

// poll repeats a look until it has no error, for so long at most, and gives
// the last error.
func (p *Proxy) poll(ctx context.Context, most time.Duration, look func() error) error {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			return err
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}
