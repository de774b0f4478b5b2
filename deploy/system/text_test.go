package system

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestWrapperIsCleanShell(t *testing.T) {
	text := wrapper("/opt/webshop")
	if got := wrapperDirectory(text); got != "/opt/webshop" {
		t.Errorf("the wrapper says it is for %q", got)
	}
	if got := wrapperDirectory("#!/bin/sh\nexec /opt/webshop/mage \"$@\"\n"); got != "" {
		t.Errorf("a foreign script is taken for a wrapper of %q", got)
	}
	checker, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Log("no shellcheck here: the text alone was looked at")
		return
	}
	command := exec.CommandContext(t.Context(), checker, "--shell=sh", "-")
	command.Stdin = strings.NewReader(text)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestUnit(t *testing.T) {
	options := Options{Directory: "/opt/webshop", Environment: "production", Owner: "deploy", Project: "webshop"}
	want := `# webshop-deploy: recovery at boot
# Written by host:setup, which replaces it when it was changed.
# Own settings go into a drop-in: systemctl edit webshop-production-recover.service
[Unit]
Description=Recover an interrupted deploy of webshop (production)
Wants=docker.service network-online.target
After=docker.service network-online.target
ConditionPathExists=/opt/webshop/.deploy/current

[Service]
Type=oneshot
User=deploy
SupplementaryGroups=docker
WorkingDirectory=/opt/webshop
ExecStart=/opt/webshop/mage recover -env=production
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
`
	if got := unit(options, "docker"); got != want {
		t.Errorf("got\n%s", got)
	}
	if !ours(want) || ours("[Unit]\nDescription=mine\n") {
		t.Error("own files are not told from foreign ones")
	}
}

func TestDistribution(t *testing.T) {
	for _, test := range []struct {
		text, name string
		known      bool
	}{
		{"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\n", "Debian GNU/Linux 13 (trixie)", true},
		{"NAME='Ubuntu'\nID=ubuntu\nID_LIKE=debian\n", "ubuntu", true},
		{"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "linuxmint", true},
		{"PRETTY_NAME=\"Fedora Linux 43\"\nID=fedora\n", "Fedora Linux 43", false},
		{"", "an unknown system", false},
	} {
		found := readDistribution(strings.NewReader(test.text))
		if found.String() != test.name || found.known() != test.known {
			t.Errorf("%q gives %s, known %t", test.text, found, found.known())
		}
	}
}

func TestClock(t *testing.T) {
	received := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name         string
		now          time.Time
		synchronized string
		state        State
		text         string
	}{
		{"together", received.Add(-300 * time.Millisecond), "yes", Already, "300ms ahead of the asking machine's, synchronized"},
		{"a little", received.Add(5 * time.Second), "yes", Warning, "5s behind the asking machine's, synchronized"},
		{"far", received.Add(-5 * time.Minute), "", Failed, "5m0s ahead of the asking machine's"},
		{"no server", received, "no", Warning, "0s ahead of the asking machine's, not synchronized with a time server"},
		{"far, no server", received.Add(time.Hour), "no", Failed, "1h0m0s behind the asking machine's, not synchronized with a time server"},
		{"nothing known", time.Time{}, "", Already, "not compared"},
	} {
		item := judgeClock(test.now, received, test.synchronized)
		if item.State != test.state || item.Text != test.text || (item.Hint == "") != (test.state == Already) {
			t.Errorf("%s: %+v", test.name, item)
		}
	}
}

func TestDiskAndMemory(t *testing.T) {
	for _, test := range []struct {
		places []place
		state  State
		text   string
	}{
		{[]place{{"/var/lib/docker", 34e9, 1}, {"/opt/shop", 34e9, 1}}, Already, "34.0 GB free for /var/lib/docker and /opt/shop"},
		{[]place{{"/var/lib/docker", 34e9, 1}, {"/opt/shop", 1e9, 2}}, Warning, "34.0 GB free for /var/lib/docker, 1.0 GB free for /opt/shop"},
		{[]place{{"/var/lib/docker", 400e6, 1}, {"/opt/shop", 1e9, 2}}, Failed, "400 MB free for /var/lib/docker, 1.0 GB free for /opt/shop"},
	} {
		if item := judgeDisk(test.places); item.State != test.state || item.Text != test.text {
			t.Errorf("%+v", item)
		}
	}
	if item := judgeMemory("MemTotal:        2000000 kB\nSwapTotal:       1000000 kB\n"); item.Text != "2.0 GB, swap 1.0 GB" {
		t.Errorf("%+v", item)
	}
	if item := judgeMemory("MemTotal: 900000 kB\nSwapTotal: 0 kB\n"); item.Text != "921 MB, no swap" {
		t.Errorf("%+v", item)
	}
	if item := judgeMemory(""); item.State != Warning {
		t.Errorf("%+v", item)
	}
}

func TestOptionsNameEveryMistake(t *testing.T) {
	good := Options{Directory: "/opt/webshop", Environment: "production", Owner: "deploy", Project: "webshop", Ports: []int{80, 443}}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	bad := Options{Directory: "/opt/web shop", Environment: "a b", Owner: "", Project: "-x", Ports: []int{0}}
	err := bad.validate()
	for _, want := range []string{`deploy directory "/opt/web shop"`, `environment "a b"`, `owner ""`, `project "-x"`, "port 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not say %s", err, want)
		}
	}
	for _, directory := range []string{"/", "/opt", "relative", "/opt/", "/opt/../etc", "/opt/a%b", "/usr/local/bin"} {
		wrong := good
		wrong.Directory = directory
		if wrong.validate() == nil {
			t.Errorf("directory %s is taken", directory)
		}
	}
}

func TestListeners(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
   2: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
`
	if got := listeners(strings.NewReader(table), 80); len(got) != 1 || got[0] != "4711" {
		t.Errorf("80: %v", got)
	}
	if got := listeners(strings.NewReader(table), 8080); len(got) != 0 {
		t.Errorf("8080: %v", got)
	}
}

func TestProcessThatHoldsAPort(t *testing.T) {
	for _, test := range []struct {
		process            int
		name, groups       string
		wantName, wantHint string
	}{
		{812, "nginx", "0::/system.slice/nginx.service\n", "nginx (process 812, nginx.service)", "sudo systemctl disable --now nginx.service"},
		{812, "nginx", "12:memory:/\n0::/\n", "nginx (process 812)", "sudo kill 812"},
		{90, "node", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n", "node (process 90)", "sudo kill 90"},
		{1, "systemd", "0::/init.scope\n", "systemd (process 1)", "systemctl list-sockets"},
		{70, "dockerd", "0::/system.slice/docker.service\n", "dockerd (process 70, docker.service)", "docker service ls"},
	} {
		found := processHolder(test.process, test.name, test.groups)
		if found.name != test.wantName || !strings.Contains(found.hint, test.wantHint) {
			t.Errorf("%+v", found)
		}
	}
}
