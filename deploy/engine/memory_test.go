package engine

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func files(content map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range content {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	mebi    = 1 << 20
	meminfo = "MemTotal:        4096000 kB\nMemFree:          100000 kB\nMemAvailable:    3072000 kB\n"
)

func TestHostMemory(t *testing.T) {
	machine := deploy.Memory{Total: 4096000 << 10, Available: 3072000 << 10}
	for name, test := range map[string]struct {
		files map[string]string
		want  deploy.Memory
	}{
		"a machine": {map[string]string{"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n"}, machine},
		"version 2, limit above": {map[string]string{
			"proc/self/cgroup":                            "0::/docker/vps/ssh/session\n",
			"sys/fs/cgroup/docker/vps/memory.max":         "2147483648\n",
			"sys/fs/cgroup/docker/vps/memory.current":     "1073741824\n",
			"sys/fs/cgroup/docker/vps/memory.stat":        "anon 1\ninactive_file 536870912\n",
			"sys/fs/cgroup/docker/vps/ssh/memory.max":     "max\n",
			"sys/fs/cgroup/docker/vps/ssh/memory.current": "5\n",
		}, deploy.Memory{Total: 2048 * mebi, Available: 1536 * mebi}},
		"version 2, own namespace": {map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/memory.max":     "2147483648\n",
			"sys/fs/cgroup/memory.current": "1073741824\n",
		}, deploy.Memory{Total: 2048 * mebi, Available: 1024 * mebi}},
		"version 1, only the own part mounted": {map[string]string{
			"proc/self/cgroup":                           "5:cpu,cpuacct:/docker/vps\n4:memory:/docker/vps\n0::/docker/vps\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "3000000000\n",
		}, deploy.Memory{Total: 2048 * mebi}},
		"version 1, no limit": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, machine},
		"nested limits": {map[string]string{
			"proc/self/cgroup":                  "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max":        "1073741824\n",
			"sys/fs/cgroup/a/memory.current":    "1048576000\n",
			"sys/fs/cgroup/a/b/memory.max":      "2147483648\n",
			"sys/fs/cgroup/a/b/memory.current":  "0\n",
			"sys/fs/cgroup/a/b/c/memory.max":    "1\n",
			"sys/fs/cgroup/other/memory.max":    "1\n",
			"sys/fs/cgroup/a/b/memory.swap.max": "1\n",
		}, deploy.Memory{Total: 1024 * mebi, Available: 24 * mebi}},
	} {
		t.Run(name, func(t *testing.T) {
			test.files["proc/meminfo"] = meminfo
			if got := hostMemory(files(test.files)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := hostMemory(files(nil)); got != (deploy.Memory{}) {
		t.Errorf("without /proc: %+v", got)
	}
}

func TestProcessMemory(t *testing.T) {
	root := files(map[string]string{
		"proc/7/cgroup": "4:memory:/docker/abc\n0::/docker/abc\n",
		"sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": "1000\n",
		"sys/fs/cgroup/memory/docker/abc/memory.stat":           "total_inactive_file 400\n",
		"proc/8/cgroup": "0::/system.slice/docker-def.scope\n",
		"sys/fs/cgroup/system.slice/docker-def.scope/memory.current": "50\n",
		"proc/9/cgroup": "0::/somebody/else\n",
		"sys/fs/cgroup/somebody/else/memory.current": "50\n",
	})
	for _, test := range []struct {
		pid  int
		id   string
		want uint64
		ok   bool
	}{{7, "abc", 600, true}, {8, "def", 50, true}, {9, "abc", 0, false}, {10, "abc", 0, false}} {
		if got, ok := processMemory(root, test.pid, test.id); got != test.want || ok != test.ok {
			t.Errorf("%d: %d, %v", test.pid, got, ok)
		}
	}
	if strings.Contains(controlGroupV1.root, "//") {
		t.Error("roots are relative to /")
	}
}
