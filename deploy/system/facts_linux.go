package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func (h *host) lookClock(ctx context.Context) Item {
	// Where it is not installed or nobody answers it, it says nothing.
	output, _ := run(ctx, "timedatectl", "show", "--property=NTPSynchronized")
	synchronized, _ := strings.CutPrefix(strings.TrimSpace(output), "NTPSynchronized=")
	return judgeClock(h.options.Now, h.options.Received, synchronized)
}

func (h *host) lookMemory(context.Context) Item {
	content, _ := os.ReadFile(h.path("/proc/meminfo")) // judged as empty
	return judgeMemory(string(content))
}

func (h *host) lookDisk(context.Context) Item {
	var places []place
	for _, folder := range []string{"/var/lib/docker", h.options.Directory} {
		one, err := freeAt(h.path(folder))
		if err != nil {
			return failed(itemDisk, err)
		}
		one.folder = folder
		places = append(places, one)
	}
	return judgeDisk(places)
}

// freeAt gives what is free for a folder, or for what will hold it.
func freeAt(folder string) (place, error) {
	for {
		stat, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
			folder = filepath.Dir(folder)
			continue
		}
		var disk syscall.Statfs_t
		if err == nil {
			err = syscall.Statfs(folder, &disk)
		}
		if err != nil {
			return place{}, fmt.Errorf("look at the disk of %s: %w", folder, err)
		}
		found := place{free: disk.Bavail * uint64(disk.Bsize)}
		if of, ok := stat.Sys().(*syscall.Stat_t); ok {
			found.disk = uint64(of.Dev)
		}
		return found, nil
	}
}
