package proxy

import (
	"strings"
	"testing"
)

// FuzzServers reads anything as the proxy's servers and counters: an error, or servers and
// counters that make sense.
func FuzzServers(f *testing.F) {
	f.Add(slotsReply)
	f.Add(statsReply)
	f.Add("1\n# be_name srv_name srv_addr srv_op_state srv_admin_state srv_fqdn\n\n")
	f.Add("2\n")
	f.Add("No such server.\n\nRequire 'admin' level\n")
	f.Add(strings.Repeat("#", 4096) + "\n,\"\n")
	f.Fuzz(func(t *testing.T, reply string) {
		if slots, err := parseSlots(reply); err == nil {
			for _, slot := range slots {
				if slot.name == "" || slot.backend == "" {
					t.Errorf("a place without a name: %+v", slot)
				}
			}
		}
		if stats, err := parseStats(reply); err == nil {
			for name, counters := range stats.servers {
				if counters.InFlight < 0 || counters.Requests < 0 || counters.Failed < 0 {
					t.Errorf("%s counts below zero: %+v", name, counters)
				}
			}
		}
	})
}
