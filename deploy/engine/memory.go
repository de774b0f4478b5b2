package engine

import (
	"bufio"
	"bytes"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// controlGroup says where one version of the kernel's control groups keeps the
// memory of a group (Documentation/admin-guide/cgroup-v1/memory.rst and
// cgroup-v2.rst).
type controlGroup struct {
	root               string
	limit, usage, stat string
	cache              string
}

var (
	controlGroupV1 = controlGroup{
		root: "sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
		stat: "memory.stat", cache: "total_inactive_file",
	}
	controlGroupV2 = controlGroup{
		root: "sys/fs/cgroup", limit: "memory.max", usage: "memory.current",
		stat: "memory.stat", cache: "inactive_file",
	}
)

// hostMemory reads what the host has and can still give. A virtual server that
// is a container shows its machine's numbers in /proc/meminfo, so that each
// control group above this process can only lower them. Zero where /proc is
// missing.
func hostMemory(root fs.FS) deploy.Memory {
	meminfo := readTable(root, "proc/meminfo")
	memory := deploy.Memory{Total: meminfo["MemTotal:"] << 10, Available: meminfo["MemAvailable:"] << 10}
	for version, group := range memoryGroups(root, "self") {
		version.bound(root, group, &memory)
	}
	return memory
}

// processMemory is what the control group of a container uses, found by its
// first process; false where the files of another machine or of another
// process namespace would be read: the group's path must name the container.
func processMemory(root fs.FS, pid int, id string) (uint64, bool) {
	for version, group := range memoryGroups(root, strconv.Itoa(pid)) {
		if strings.Contains(group, id) {
			if used, ok := version.used(root, path.Join(version.root, group)); ok {
				return used, true
			}
		}
	}
	return 0, false
}

// memoryGroups gives the groups that account for a process's memory.
func memoryGroups(root fs.FS, process string) iter.Seq2[controlGroup, string] {
	content, _ := fs.ReadFile(root, path.Join("proc", process, "cgroup"))
	return func(yield func(controlGroup, string) bool) {
		for line := range strings.Lines(string(content)) {
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
			var version controlGroup
			switch {
			case len(fields) != 3:
				continue
			case fields[0] == "0" && fields[1] == "":
				version = controlGroupV2
			case strings.Contains(","+fields[1]+",", ",memory,"):
				version = controlGroupV1
			default:
				continue
			}
			if !yield(version, path.Clean("/"+fields[2])) {
				return
			}
		}
	}
}

// bound lowers the memory to what the group and every group above it leave.
// The path may be the host's while only the container's own part is mounted:
// what does not exist is passed over on the way up to the mount's root.
func (g controlGroup) bound(root fs.FS, group string, memory *deploy.Memory) {
	for ; ; group = path.Dir(group) {
		g.boundOne(root, path.Join(g.root, group), memory)
		if group == "/" {
			return
		}
	}
}

func (g controlGroup) boundOne(root fs.FS, folder string, memory *deploy.Memory) {
	limit, ok := readNumber(root, path.Join(folder, g.limit))
	if !ok || limit >= memory.Total {
		return // none, or "max", or v1's number for none
	}
	memory.Total = limit
	used, _ := g.used(root, folder)
	memory.Available = min(memory.Available, limit-min(used, limit))
}

// used is a group's memory without the page cache that the kernel can take
// back.
func (g controlGroup) used(root fs.FS, folder string) (uint64, bool) {
	usage, ok := readNumber(root, path.Join(folder, g.usage))
	if cache := readTable(root, path.Join(folder, g.stat))[g.cache]; cache < usage {
		usage -= cache
	}
	return usage, ok
}

func readNumber(root fs.FS, name string) (uint64, bool) {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	number, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	return number, err == nil
}

// readTable reads lines of a name and a number.
func readTable(root fs.FS, name string) map[string]uint64 {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return nil
	}
	table := map[string]uint64{}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for scanner.Scan() {
		if fields := strings.Fields(scanner.Text()); len(fields) >= 2 {
			if number, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				table[fields[0]] = number
			}
		}
	}
	return table
}
