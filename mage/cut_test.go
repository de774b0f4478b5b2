//go:build integration

package mage_test

import (
	"flag"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// moments are lines of a deploy's output, behind each of which a connection is
// cut: from before the server is asked until only the old containers are left.
var moments = []string{
	" is ready: ", "there already", "watch     for", "✓ start", "✓ await",
	"✓ switch", "✓ verify", "✓ watch", "✓ commit", "✓ retire",
}

// impatient notices within seconds that nobody answers.
const impatient = "Host *\n  ServerAliveInterval 1\n  ServerAliveCountMax 2\n"

// everything sweeps all disturbances over all moments. Without it each moment
// gets one of them.
var everything = flag.Bool("faults", false, "disturb at every moment in every way")

// TestCutConnections loses the connection at ten moments of a deploy under
// load: the deploy ends on the server all the same.
func TestCutConnections(t *testing.T) {
	alongside(t, apps)
	s := newShop(t)
	s.WriteHome(".ssh/config", impatient)
	versions := []string{s.page("one"), s.page("two")}
	commits := strings.Fields(s.Git("rev-list", "--reverse", "HEAD"))
	s.prepare("staging")
	for _, commit := range commits {
		s.Git("checkout", "--quiet", commit)
		s.MustMage("deploy:staging")
	}
	run := s.traffic("8081")
	serving := 1
	for at, moment := range moments {
		for kind, cut := range []func(t *testing.T, moment, from, to string){s.killed, s.silent} {
			if !*everything && kind != at%2 {
				continue
			}
			from, to := versions[serving], versions[1-serving]
			serving = 1 - serving
			s.Git("checkout", "--quiet", commits[serving])
			t.Run([]string{"killed", "silent"}[kind]+" behind "+moment, func(t *testing.T) { cut(t, moment, from, to) })
		}
	}
	s.settle(run)
}

// killed kills the laptop's process. The server knows of the deploy or it does
// not, and what serves is what its record says.
func (s *shop) killed(t *testing.T, moment, from, to string) {
	command := s.Start("deploy:staging")
	command.AwaitOutput(moment)
	command.Signal(syscall.SIGKILL)
	command.Wait()
	followed := s.Mage("deploy:follow", "-env=staging")
	if followed.Status != 0 {
		t.Errorf("following ended with status %d", followed.Status)
	}
	answers := s.answers("8081")
	if !strings.Contains(followed.Output, answers+" serves") {
		t.Errorf("%s answers, and deploy:follow says\n%s", answers, followed.Output)
	}
	if asked := strings.Contains(moment, "✓"); asked && answers != to {
		t.Errorf("%s answers after a deploy of %s that was under way", answers, to)
	}
	if answers != to && answers != from {
		t.Errorf("%s answers, which is neither", answers)
	}
	// For the next one to have a way to go.
	if answers != to {
		s.MustMage("deploy:staging")
	}
}

// silent drops all packets of the connection until the laptop has noticed.
func (s *shop) silent(t *testing.T, moment, _, to string) {
	command := s.Start("deploy:staging")
	command.AwaitOutput(moment)
	s.ssh.Silence()
	heal := time.AfterFunc(5*time.Second, s.ssh.Heal)
	result := command.Wait()
	if heal.Stop() {
		s.ssh.Heal() // it was over before anything was to be sent
	}
	t.Logf("status %d after %s\n%s", result.Status, result.Took, result.Output)
	if result.Status != 0 && strings.Contains(moment, "✓") {
		t.Errorf("the deploy was under way, and the laptop ended with status %d", result.Status)
	}
	if result.Status != 0 {
		// The server was not asked yet. Nothing is half done.
		if status := s.Mage("deploy:staging"); status.Status != 0 {
			t.Errorf("the next deploy ended with status %d", status.Status)
		}
	}
	s.serves("8081", to)
}

// TestCtrlCGoesBackOnTheServer interrupts the laptop's command: the server is
// asked to go back, and what comes of that is still shown.
func TestCtrlCGoesBackOnTheServer(t *testing.T) {
	alongside(t, apps)
	s := newShop(t)
	first := s.page("one")
	// The server must be asked before it has committed, however slow it is.
	s.WriteFile(".env.staging", "SECRET="+canarySecret+"\nMONITOR=5m\n")
	s.prepare("staging")
	s.MustMage("deploy:staging")
	run := s.traffic("8081")
	s.page("two")
	command := s.Start("deploy:staging")
	command.AwaitOutput("✓ switch")
	command.Signal(syscall.SIGINT)
	result := command.Wait()
	t.Logf("status %d\n%s", result.Status, result.Output)
	if result.Status != deploy.ExitInterrupted {
		t.Errorf("ended with status %d, not %d", result.Status, deploy.ExitInterrupted)
	}
	s.serves("8081", first)
	s.settle(run)
}
