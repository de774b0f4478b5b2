package system

import (
	"fmt"
	"strings"
)

const (
	// diskWarning is about what two releases of a webshop take, and diskFailed
	// not enough for one.
	diskWarning = 2_000_000_000
	diskFailed  = 500_000_000
)

// size writes bytes for people, as disks are sold.
func size(bytes uint64) string {
	if bytes < 1_000_000_000 {
		return fmt.Sprintf("%d MB", bytes/1_000_000)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

// place is a folder with what is free on its disk.
type place struct {
	folder string
	free   uint64
	// disk is the same for folders on the same disk.
	disk uint64
}

// judgeDisk says what is free; folders on one disk are named together.
func judgeDisk(places []place) Item {
	item := Item{Name: itemDisk, State: Already}
	var found []string
	for number, one := range places {
		if number > 0 && one.disk == places[number-1].disk {
			found[len(found)-1] += " and " + one.folder
		} else {
			found = append(found, fmt.Sprintf("%s free for %s", size(one.free), one.folder))
		}
		switch {
		case one.free < diskFailed:
			item.State = Failed
		case one.free < diskWarning && item.State == Already:
			item.State = Warning
		}
	}
	item.Text = strings.Join(found, ", ")
	if item.State != Already {
		item.Hint = "See what takes it: docker system df; df -h. Images that nothing uses go with: docker image prune"
	}
	return item
}

// judgeMemory says what the host has.
func judgeMemory(meminfo string) Item {
	amount := map[string]uint64{}
	for line := range strings.Lines(meminfo) {
		var name string
		var kilobytes uint64
		if _, err := fmt.Sscan(line, &name, &kilobytes); err == nil {
			amount[name] = kilobytes << 10
		}
	}
	item := Item{Name: itemMemory, State: Already, Text: size(amount["MemTotal:"]) + ", no swap"}
	if swap := amount["SwapTotal:"]; swap > 0 {
		item.Text = size(amount["MemTotal:"]) + ", swap " + size(swap)
	}
	if amount["MemTotal:"] == 0 {
		item.State, item.Text = Warning, "/proc/meminfo does not say"
	}
	return item
}
