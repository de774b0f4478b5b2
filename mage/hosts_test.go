//go:build integration

package mage_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// TestSeveralHosts deploys to two servers in order. When the second refuses a
// release, the first goes back to what it served.
func TestSeveralHosts(t *testing.T) {
	alongside(t, apps)
	s := newShop(t)
	second := deploytest.NewVPS(t, deploytest.VPSOptions{})
	second.Reach(s.registry.Address)
	ssh := deploytest.StartSSHD(second, deploytest.SSHDOptions{})
	second.WriteFile("/etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD:ALL\n", 0o440)
	second.WriteFile("/home/deploy/.ssh/authorized_keys", string(s.ssh.Public(t)), 0o600)
	second.MustRunIn("/", "chown", "deploy:", "/home/deploy/.ssh/authorized_keys")
	s.WriteHome(".ssh/known_hosts", string(s.ssh.KnownHosts)+string(ssh.KnownHosts))
	s.Env = append(s.Env, "SECOND_VPS="+ssh.Host)
	first := s.page("one")
	s.prepare("staging")
	s.MustMage("deploy:staging")
	s.serves("8081", first)
	run := s.traffic("8081")

	next := s.page("two")
	second.MustRunIn("/", "sh", "-c", "echo EXIT_AFTER=500ms >> /opt/shop-staging/.env")
	refused := s.Mage("deploy:staging")
	if refused.Status != deploy.ExitRolledBack {
		t.Errorf("exit status %d, not %d", refused.Status, deploy.ExitRolledBack)
	}
	for _, text := range []string{ssh.Host + " failed", s.ssh.Host + " serves " + first + " again"} {
		if !strings.Contains(refused.Output, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	s.serves("8081", first)

	second.MustRunIn("/", "sed", "-i", "/EXIT_AFTER/d", "/opt/shop-staging/.env")
	s.MustMage("deploy:staging")
	s.serves("8081", next)
	s.settle(run)
	s.historyOfBoth()
}
