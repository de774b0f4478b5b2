package proxy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// slot is one place as "show servers state" gives it.
type slot struct {
	backend string
	name    string
	// container is the name that the place resolves; "" for an unused one.
	container string
	// address is what the name resolved to; not valid while it did not.
	address netip.Addr
	state   deploy.ServerState
	up      bool
	// nameless says that the name did not resolve when it was asked for last.
	// The address is then the one before.
	nameless bool
}

// at names the place as commands do: "backend/s1".
func (s slot) at() string { return s.backend + "/" + s.name }

// The bits of srv_admin_state (mgmt 9.3, "show servers state"). The bit for a
// name that does not resolve is none of the three states: such a server is
// ready and not up. Neither is 0x04, "disabled in the file", which stays
// set after the server was made ready.
const (
	adminForcedMaintenance    = 0x01
	adminInheritedMaintenance = 0x02
	adminForcedDrain          = 0x08
	adminInheritedDrain       = 0x10
	adminNameless             = 0x20
)

// parseSlots reads "show servers state": a version line, a line of column
// names, and a line for each server.
func parseSlots(reply string) ([]slot, error) {
	version, rest, _ := strings.Cut(reply, "\n")
	if version != "1" {
		return nil, fmt.Errorf("read the proxy's servers: version %q is not 1", excerpt(version))
	}
	header, rest, _ := strings.Cut(rest, "\n")
	columns, width := map[string]int{}, 0
	for i, name := range strings.Fields(strings.TrimPrefix(header, "#")) {
		columns[name], width = i, i+1
	}
	for _, name := range []string{"be_name", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_fqdn"} {
		if _, ok := columns[name]; !ok {
			return nil, fmt.Errorf("read the proxy's servers: no column %q", name)
		}
	}
	var slots []slot
	for line := range strings.Lines(rest) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < width {
			return nil, fmt.Errorf("read the proxy's servers: %q has %d columns of %d", excerpt(line), len(fields), width)
		}
		admin, err := strconv.ParseUint(fields[columns["srv_admin_state"]], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the proxy's servers: %w", err)
		}
		read := slot{
			backend: fields[columns["be_name"]],
			name:    fields[columns["srv_name"]],
			state:   adminState(admin),
			up:      fields[columns["srv_op_state"]] != "0",

			nameless: admin&adminNameless != 0,
		}
		if name := fields[columns["srv_fqdn"]]; name != "-" && name != UnusedName {
			read.container = name
		}
		if address := fields[columns["srv_addr"]]; address != "-" {
			if read.address, err = netip.ParseAddr(address); err != nil {
				return nil, fmt.Errorf("read the proxy's servers: %w", err)
			}
		}
		slots = append(slots, read)
	}
	return slots, nil
}

// adminState reads the state that was ordered, whatever became of the server.
func adminState(bits uint64) deploy.ServerState {
	switch {
	case bits&(adminForcedMaintenance|adminInheritedMaintenance) != 0:
		return deploy.ServerMaintenance
	case bits&(adminForcedDrain|adminInheritedDrain) != 0:
		return deploy.ServerDraining
	default:
		return deploy.ServerReady
	}
}

// stats are the rows of "show stat" that matter here.
type stats struct {
	// servers is by place, "backend/s1".
	servers map[string]deploy.ServerCounters
	// sessions is how many connections of clients are open.
	sessions int
}

// parseStats reads "show stat" (mgmt 9.1): CSV whose first line, behind "# ",
// names the columns. A counter that does not apply is empty.
func parseStats(reply string) (stats, error) {
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(reply, "# ")))
	reader.FieldsPerRecord = -1
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil {
		return stats{}, fmt.Errorf("read the proxy's counters: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[name] = i
	}
	least := 0
	for _, name := range []string{"pxname", "svname", "qcur", "scur", "stot", "hrsp_5xx", "econ", "wretr", "wredis", "rtime"} {
		at, ok := columns[name]
		if !ok {
			return stats{}, fmt.Errorf("read the proxy's counters: no column %q", name)
		}
		least = max(least, at+1)
	}
	read := stats{servers: map[string]deploy.ServerCounters{}}
	for {
		row, err := reader.Read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return read, nil
			}
			return stats{}, fmt.Errorf("read the proxy's counters: %w", err)
		}
		if len(row) < least {
			return stats{}, fmt.Errorf("read the proxy's counters: a row has %d columns of %d", len(row), len(header))
		}
		number := func(column string) int64 {
			text := row[columns[column]]
			if text == "" || err != nil {
				return 0
			}
			var value int64
			value, err = strconv.ParseInt(text, 10, 64)
			return value
		}
		switch name := row[columns["svname"]]; name {
		case "BACKEND":
		case "FRONTEND":
			read.sessions += int(number("scur"))
		default:
			read.servers[row[columns["pxname"]]+"/"+name] = deploy.ServerCounters{
				InFlight:      int(number("scur") + number("qcur")),
				Requests:      number("stot"),
				Failed:        number("hrsp_5xx"),
				ConnectErrors: number("econ"),
				Retries:       number("wretr"),
				Redispatches:  number("wredis"),
				ResponseTime:  time.Duration(number("rtime")) * time.Millisecond,
			}
		}
		if err != nil {
			return stats{}, fmt.Errorf("read the proxy's counters: %w", err)
		}
	}
}

// running is what the worker that takes new connections is and holds.
type running struct {
	structure string
	slots     []slot
}

// holding gives the place that a container of a service holds, nil for none.
func (r *running) holding(service, container string) *slot {
	for i := range r.slots {
		if r.slots[i].backend == service && r.slots[i].container == container {
			return &r.slots[i]
		}
	}
	return nil
}

const (
	showInfo  = "show info"
	showSlots = "show servers state"
	// showStats asks for frontends (1) and servers (4), of any proxy.
	showStats     = "show stat -1 5 -1"
	clearCounters = "clear counters all"
)

// running asks the worker; ErrNotRunning where there is none.
func (p *Proxy) running(ctx context.Context) (*running, error) {
	replies, err := p.worker.run(ctx, showInfo, showSlots)
	if err != nil {
		return nil, err
	}
	slots, err := parseSlots(replies[1])
	if err != nil {
		return nil, err
	}
	return &running{structure: description(replies[0]), slots: slots}, nil
}

// description finds the process's description in "show info".
func description(info string) string {
	for line := range strings.Lines(info) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, "description") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
