//go:build integration

package system_test

import (
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/system"
)

// states are the states of all items that depend on the server; state is the one
// of those that Setup changes.
func states(state system.State) map[string]system.State {
	return map[string]system.State{
		"distribution": system.Already, "Docker engine": system.Already, "ports": system.Already,
		"engine's group": state, "log rotation": state, "live-restore": state,
		"deploy directory": state, "deploy binary": state, "mage on the PATH": state,
		"recovery at boot": system.Warning, // systemd does not run in the test's server
	}
}

// TestAHostIsPreparedOnce prepares a server on which a container runs: the
// container notices nothing, and a second time nothing is written.
func TestAHostIsPreparedOnce(t *testing.T) {
	s := newServer(t)
	before := s.container("neighbour")
	untouched := s.files()

	s.options.Received = time.Now()
	s.options.Now = s.options.Received.Add(-time.Second)
	check := s.probe("check")
	want := states(system.Missing)
	want["recovery at boot"] = system.Missing
	check.want(want)
	check.says("Docker engine", "26.1.5", ", API 1.45")
	check.says("clock", "1s ahead")
	if !check.failed || !strings.Contains(check.said, "the host is not ready: engine's group, log rotation") {
		t.Errorf("the check says %s", check.said)
	}
	if now := s.files(); now != untouched {
		t.Errorf("the check changed\n%s\nto\n%s", untouched, now)
	}

	setup := s.probe("setup")
	setup.want(states(system.Done))
	setup.says("log rotation", "json-file, 10m × 3", "next restart of the engine")
	setup.says("recovery at boot", "systemd does not run here")
	if setup.failed {
		t.Errorf("the setup says %s", setup.said)
	}
	if on := s.must("docker", "info", "--format", "{{.LiveRestoreEnabled}}"); on != "true" {
		t.Errorf("live-restore is %s", on)
	}
	if now := s.process("neighbour"); now != before {
		t.Errorf("the container that ran before is %s, was %s", now, before)
	}

	if said := s.shell("systemd-analyze verify /etc/systemd/system/shop-test-recover.service 2>&1"); said != "" {
		t.Errorf("systemd says of the unit:\n%s", said)
	}

	prepared := s.files()
	again := s.probe("setup")
	again.want(states(system.Already))
	if now := s.files(); again.failed || now != prepared {
		t.Errorf("a second time it says %s, and changed\n%s\nto\n%s", again.said, prepared, now)
	}
	if check := s.probe("check"); check.failed {
		t.Errorf("the check says %s", check.said)
	}
	s.theOwnerCanWork(t)
}

// theOwnerCanWork uses what was prepared as the user that deploys.
func (s *server) theOwnerCanWork(t *testing.T) {
	t.Helper()
	as := func(folder, script string) string {
		t.Helper()
		return strings.TrimSpace(s.MustRunIn(folder, "su", "deployer", "--command", script).Output)
	}
	as("/", "docker ps && mkdir -m 2770 /opt/shop/.deploy/proxy && touch /opt/shop/.deploy/journal.jsonl /opt/shop/docker-compose.test.yml")
	const called = `["history" "-show=a b" "$HOME"]`
	for _, from := range []string{"/", "/opt/shop", "/home/deployer"} {
		if got := as(from, `mage history "-show=a b" '$HOME'`); got != "/opt/shop "+called {
			t.Errorf("mage in %s runs %s", from, got)
		}
	}
	s.must("cp", "--recursive", "--preserve", "/opt/shop", "/opt/other")
	if got := as("/opt/other", `mage history "-show=a b" '$HOME'`); got != "/opt/other "+called {
		t.Errorf("mage in another deploy directory runs %s", got)
	}
	stranger := s.Run("su", "nobody", "--shell", "/bin/sh", "--command", "mage status")
	if stranger.Status == 0 || !strings.Contains(stranger.Output, "mage: /opt/shop cannot be used by nobody") {
		t.Errorf("a stranger gets %s", stranger.Output)
	}

	// What root has left in the owner's way is put right.
	s.shell("mkdir /opt/shop/.deploy/releases; echo x > /opt/shop/.deploy/lock; echo A=1 > /opt/shop/.env")
	check := s.probe("check")
	check.want(map[string]system.State{"deploy directory": system.Missing})
	check.says("deploy directory", ".env belongs to 0:0 and has mode 0644, and 2 more")
	s.probe("setup").want(map[string]system.State{"deploy directory": system.Done})
	as("/", "cat /opt/shop/.env; touch /opt/shop/.deploy/lock /opt/shop/.deploy/releases/1")
	if mode := s.must("stat", "--format", "%a %U:%G", "/opt/shop", "/opt/shop/.deploy", "/opt/shop/.deploy/proxy", "/opt/shop/.env"); mode != "750 deployer:docker\n750 deployer:deployer\n2770 deployer:deployer\n600 deployer:root" {
		t.Errorf("modes:\n%s", mode)
	}
}

// TestWhatSomebodyElseHasMadeStays prepares a server that is not empty.
func TestWhatSomebodyElseHasMadeStays(t *testing.T) {
	s := newServer(t)
	const foreign = "#!/bin/sh\necho a mage of my own\n"
	const broken = "{\n  \"debug\": true,\n}\n"
	const refused = "{\n  \"debug\": true,\n  \"no-such-key\": 1\n}\n"
	s.WriteFile("/usr/local/bin/mage", foreign, 0o755)
	s.WriteFile("/etc/docker/daemon.json", broken, 0o644)
	s.Background(probePath, "listen", "127.0.0.1:443")
	s.container("shop-proxy-1", "--label", "com.docker.compose.project=shop", "--publish", "80:8080")
	neighbour := s.container("blog", "--publish", "8081:8080")
	s.options.Ports = []int{80, 443, 8080, 8081}
	s.shell("until grep --quiet ':01BB .* 0A ' /proc/net/tcp; do :; done")

	setup := s.probe("setup")
	setup.want(map[string]system.State{
		"mage on the PATH": system.Warning, "log rotation": system.Failed, "live-restore": system.Failed, "ports": system.Failed,
		"deploy directory": system.Done, "deploy binary": system.Done,
	})
	setup.says("mage on the PATH", "another program", "Type /opt/shop/mage")
	setup.says("log rotation", "/etc/docker/daemon.json: line 3, column 1: ", "nothing was changed")
	setup.says("ports", "443 is held by probe (process ", "8081 is held by container blog", "80 is held by container shop-proxy-1", "8080 free", "docker stop blog", "sudo kill ")
	if !setup.failed || !strings.Contains(setup.said, "the host is not ready: log rotation, live-restore, ports") {
		t.Errorf("the setup says %s", setup.said)
	}
	if text := s.shell("cat /usr/local/bin/mage"); text != strings.TrimSpace(foreign) {
		t.Errorf("the foreign mage is now\n%s", text)
	}
	if text := s.shell("ls -A /etc/docker; cat /etc/docker/daemon.json"); text != "daemon.json\n"+strings.TrimSpace(broken) {
		t.Errorf("the broken configuration is now\n%s", text)
	}

	s.WriteFile("/etc/docker/daemon.json", refused, 0o644)
	setup = s.probe("setup")
	setup.says("log rotation", "the engine refuses it", "no-such-key", "nothing was changed")
	if text := s.shell("ls -A /etc/docker; cat /etc/docker/daemon.json"); text != "daemon.json\n"+strings.TrimSpace(refused) {
		t.Errorf("the refused configuration is now\n%s", text)
	}

	s.must("rm", "/etc/docker/daemon.json")
	s.must("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
	setup = s.probe("setup")
	setup.want(map[string]system.State{"log rotation": system.Done, "live-restore": system.Warning})
	setup.says("live-restore", "swarm")
	if text := s.must("cat", "/etc/docker/daemon.json"); strings.Contains(text, "live-restore") || !strings.Contains(text, "max-size") {
		t.Errorf("in a swarm the configuration is\n%s", text)
	}

	s.must("docker", "swarm", "leave", "--force")
	s.options.Ports = []int{80}
	s.probe("setup").want(map[string]system.State{"log rotation": system.Already, "live-restore": system.Done, "ports": system.Already})
	if now := s.process("blog"); now != neighbour {
		t.Errorf("the container that ran before is %s, was %s", now, neighbour)
	}
	s.onlyRootPrepares(t)
}

func (s *server) onlyRootPrepares(t *testing.T) {
	t.Helper()
	s.must("install", "--mode", "0755", probePath, "/usr/local/bin/probe")
	refused := s.Run("su", "deployer", "--command", `probe setup '{"Directory":"/opt/shop","Environment":"test","Owner":"deployer","Project":"shop"}'`)
	if refused.Status == 0 || !strings.Contains(refused.Output, "only root may") || !strings.Contains(refused.Output, "Run: sudo probe setup") {
		t.Errorf("without root: %s", refused.Output)
	}
	check := s.Run("su", "deployer", "--command", `probe check '{"Directory":"/opt/shop","Environment":"test","Owner":"deployer","Project":"shop","Binary":"/usr/local/bin/probe","Ports":[443]}'`)
	readOutcome(t, check.Output, check.Status).want(map[string]system.State{
		"Docker engine": system.Already, "engine's group": system.Already, "live-restore": system.Already, "ports": system.Failed,
	})
}

// fakeSystemctl does what systemd would, and notes what it was told.
const fakeSystemctl = `#!/bin/sh
echo "$*" >> /root/told
case "$1" in
  is-enabled) cat "/root/enabled-$2" 2>/dev/null || { echo disabled; exit 1; } ;;
  enable) echo enabled > "/root/enabled-$2" ;;
  reload) kill -HUP $(pidof dockerd) ;;
  restart) touch /var/run/docker.pid ;;
esac
`

// TestSystemdIsToldWhatItHasToKnow prepares a server whose first process calls
// itself systemd.
func TestSystemdIsToldWhatItHasToKnow(t *testing.T) {
	s := newServer(t)
	s.options.Root = "/host"
	s.WriteFile("/usr/local/sbin/systemctl", fakeSystemctl, 0o755)
	s.shell(`mkdir -p /etc/docker /host/proc/1 /host/run/systemd/system /host/etc /host/var
		echo systemd > /host/proc/1/comm
		ln -s /etc/os-release /etc/docker /host/etc/
		ln -s /proc/net /host/proc/net
		ln -s /var/run /host/var/run`)

	s.container("neighbour")
	s.probe("setup").want(map[string]system.State{"log rotation": system.Done, "live-restore": system.Done, "recovery at boot": system.Done})
	told := s.must("cat", "/root/told")
	for _, line := range []string{"reload docker.service", "daemon-reload", "enable shop-test-recover.service"} {
		if !strings.Contains(told, line) {
			t.Errorf("systemd was not told %q:\n%s", line, told)
		}
	}
	if strings.Contains(told, "restart") {
		t.Errorf("the engine was restarted under a running container:\n%s", told)
	}
	again := s.probe("setup")
	again.want(map[string]system.State{"recovery at boot": system.Already})
	s.must("rm", "/root/enabled-shop-test-recover.service")
	s.probe("check").want(map[string]system.State{"recovery at boot": system.Missing})

	s.must("docker", "rm", "--force", "neighbour")
	s.shell("rm /etc/docker/daemon.json /root/told")
	s.probe("setup").says("log rotation", "json-file, 10m × 3; the engine was restarted, as no container runs")
	if told := s.must("cat", "/root/told"); !strings.Contains(told, "restart docker.service") {
		t.Errorf("systemd was told:\n%s", told)
	}
}
