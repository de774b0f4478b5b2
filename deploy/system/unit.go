package system

import (
	"fmt"
	"strings"
)

// unitFolder is where an administrator's units are (systemd.unit(5)).
const unitFolder = "/etc/systemd/system"

// unitName is the unit of one project and environment.
func unitName(options Options) string {
	return options.Project + "-" + options.Environment + "-recover.service"
}

// unit finishes or takes back, when the host has booted, what was interrupted
// when it went down. It wants the engine and does not require it: a restart of
// the engine must not end a recovery.
func unit(options Options, group string) string {
	return fmt.Sprintf(`%[1]srecovery at boot
# Written by host:setup, which replaces it when it was changed.
# Own settings go into a drop-in: systemctl edit %[2]s
[Unit]
Description=Recover an interrupted deploy of %[3]s (%[4]s)
Wants=docker.service network-online.target
After=docker.service network-online.target
ConditionPathExists=%[5]s/.deploy/current

[Service]
Type=oneshot
User=%[6]s
SupplementaryGroups=%[7]s
WorkingDirectory=%[5]s
ExecStart=%[5]s/mage recover -env=%[4]s
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
`, mark, unitName(options), options.Project, options.Environment, options.Directory, options.Owner, group)
}

// ours says whether Setup wrote a file.
func ours(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return false
}
