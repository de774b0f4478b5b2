package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What a disk runs out of.
const (
	CauseDiskFull        = Cause(deploy.SymptomDiskFull)
	CauseDiskFiles Cause = "disk-files-used-up"
	CauseDiskTight Cause = "disk-tight"
)

// diskRules are about space.
var diskRules = []rule{
	{CauseDiskFull, "deploys and the database fail: no space is left on the device", ground, diskFull},
	{CauseDiskFiles, "no space is left on the device, and df shows some: the file system has no number for another file", ground, diskFiles},
	{CauseDiskTight, "the disk fills", ground, diskTight},
}

const (
	// diskReserve and diskWarning are those of a deploy's preflight, on disks
	// that are large enough for them.
	diskReserve = 500 << 20
	diskWarning = 2 << 30
)

func (d Disk) full() bool  { return d.Total > 0 && d.Free < min(diskReserve, d.Total/20) }
func (d Disk) tight() bool { return d.Total > 0 && !d.full() && d.Free < min(diskWarning, d.Total/10) }

// Tight says whether one of the host's disks is so full that what takes it is
// worth a look.
func (h Host) Tight() bool {
	return slices.ContainsFunc(h.Disks, func(d Disk) bool { return d.full() || d.tight() })
}

func diskFull(e *Evidence) []Finding {
	var findings []Finding
	for _, disk := range e.Host.Disks {
		if disk.full() {
			findings = append(findings, e.filled(Finding{
				Title:    "the disk is full: " + disk.String(),
				Evidence: e.takers(),
			}))
		}
	}
	if len(findings) > 0 {
		return findings
	}
	// A disk that is full only for some, as a volume of its own is.
	for _, found := range e.said(deploy.SymptomDiskFull) {
		findings = append(findings, e.filled(Finding{
			Title: "something has no space left to write to", Past: found.past, Services: found.services(),
			Evidence: append([]string{found.line}, e.takers()...),
		}))
	}
	return findings
}

func diskTight(e *Evidence) []Finding {
	var findings []Finding
	for _, disk := range e.Host.Disks {
		if disk.tight() {
			findings = append(findings, e.filled(Finding{
				Severity: Warning, Title: "the disk fills: " + disk.String(), Evidence: e.takers(),
			}))
		}
	}
	return findings
}

func diskFiles(e *Evidence) []Finding {
	for _, disk := range e.Host.Disks {
		if disk.Files > 0 && disk.FreeFiles < disk.Files/100 {
			return []Finding{{
				Title: fmt.Sprintf("the disk of %s has room for only %s", disk.Folder, deploy.Plural(int(disk.FreeFiles), "more file")), //nolint:gosec // a count
				Fix:   "Find the folder with very many small files: du --inodes -x / | sort -n | tail; then remove them.",
			}}
		}
	}
	return nil
}

// String says how much is free for a folder.
func (d Disk) String() string {
	return fmt.Sprintf("%s of %s free for %s", bytes(d.Free), bytes(d.Total), d.Folder)
}

// filled says what makes room: what frees it by itself first.
func (e *Evidence) filled(finding Finding) Finding {
	finding.Fix = "See what takes it: df -h, docker system df."
	var ways []string
	if e.Host.Prune > 0 {
		ways = append(ways, fmt.Sprintf("mage prune frees up to %s", bytes(e.Host.Prune)))
	}
	for _, taker := range e.Host.Takes {
		if taker.Fix != "" {
			ways = append(ways, fmt.Sprintf("%s (%s)", taker.Fix, bytes(taker.Bytes)))
		}
	}
	if len(ways) > 0 {
		finding.Fix = "Make room: " + strings.Join(ways, "; ")
	}
	return finding
}

// takers are what takes the disk, in lines.
func (e *Evidence) takers() []string {
	var found []string
	for _, taker := range e.Host.Takes[:min(3, len(e.Host.Takes))] {
		found = append(found, fmt.Sprintf("%s: %s", taker.What, bytes(taker.Bytes)))
	}
	return found
}
