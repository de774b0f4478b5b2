package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// masterTimeout bounds the wait for a master that renews itself, and for its
// answer to a reload: it looks each name in the file up first, and where no
// name server answers that takes 2 s for each (DNSOptions).
const masterTimeout = 20 * time.Second

// masterReply bounds its answer to anything else. One that it passes on to a
// worker which ends just then may never come.
const masterReply = time.Second

// askMaster sends one line to the master. It renews itself (it executes its own
// program anew) after its start and in each reload, and refuses connections
// for some 30 to 150 ms of that, while a worker serves. So a socket that is there
// is asked again, unless no worker is; ErrNotRunning says that there is none. most
// bounds one answer.
func (p *Proxy) askMaster(ctx context.Context, most time.Duration, line string, good func(reply string) bool) (string, error) {
	master := client{path: p.master.path, timeout: most}
	var reply string
	var missing error
	err := p.poll(ctx, masterTimeout, func() (err error) {
		reply, err = master.exchange(ctx, line)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotRunning) && !p.worker.listens(ctx) {
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
	reply, err := p.askMaster(ctx, masterTimeout, "reload", func(reply string) bool { return reply != "" })
	if errors.Is(err, ErrNotRunning) {
		return fmt.Errorf("reload the proxy: its master does not answer on %s; it is to be started as %q: %w", masterFile, strings.Join(Command(), " "), err)
	}
	if err == nil {
		err = readReload(reply)
	}
	if errors.Is(err, ErrRefused) {
		return err
	}
	// Without an answer, what runs says whether it was loaded.
	return p.poll(ctx, replyTimeout, func() error {
		running, lookErr := p.running(ctx)
		if lookErr == nil && running.structure == structure {
			return nil
		}
		return cmp.Or(err, lookErr, ErrOtherStructure)
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
	return fmt.Errorf("%w: %s", ErrRefused, strings.Join(complaints, "; "))
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
		// One that ends closes its socket before the master strikes it off.
		err := p.poll(ctx, masterTimeout, func() error {
			worker, err := p.oldWorker(ctx, pid)
			if err == nil {
				workers = append(workers, worker)
				return nil
			}
			left, listErr := p.oldPIDs(ctx)
			if listErr != nil || !slices.Contains(left, pid) {
				return listErr
			}
			return fmt.Errorf("ask old proxy worker %s: %w", pid, err)
		})
		if err != nil {
			return nil, err
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
	reply, err := p.askMaster(ctx, masterReply, "show proc", func(reply string) bool { return strings.Contains(reply, "# workers") })
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
