//go:build unix

package proxy

import (
	"io/fs"
	"syscall"
)

// groupOf gives the group that owns a file.
func groupOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Gid)
	}
	return -1
}
