//go:build unix

package session

import (
	"fmt"
	"os"
	"syscall"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// diskOf says how full the disk of a folder is, and which one that is.
func diskOf(folder string) (doctor.Disk, uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return doctor.Disk{}, 0, fmt.Errorf("read the free space of %s: %w", folder, err)
	}
	disk := doctor.Disk{
		Folder: folder, Total: uint64(stat.Blocks) * uint64(stat.Bsize), Free: uint64(stat.Bavail) * uint64(stat.Bsize), //nolint:gosec,unconvert // their types differ from system to system
		Files: uint64(stat.Files), FreeFiles: uint64(stat.Ffree), //nolint:unconvert // as above
	}
	info, err := os.Stat(folder)
	if err != nil {
		return disk, 0, fmt.Errorf("read the disk of %s: %w", folder, err)
	}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		return disk, uint64(system.Dev), nil //nolint:gosec,unconvert // as above
	}
	return disk, 0, nil
}
