//go:build integration

package mage_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// newKey makes a key that no server knows, or one with a passphrase.
func newKey(t *testing.T, passphrase string) (private, public []byte) {
	t.Helper()
	key, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(secret, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(secret, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	authorized, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(authorized)
}

// trouble is what can be wrong between a laptop and its server, and what is to
// be said of it.
type trouble struct {
	name string
	// make brings it about and gives what takes it away again.
	make func(t *testing.T, s *shop) func()
	// args are the command; a staging deploy where empty.
	args   []string
	status int
	says   []string
}

var troubles = []trouble{
	{
		name: "unknown host", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() { return s.exchange(".ssh/known_hosts", "") },
		says: []string{"SHA256:", "ssh-keyscan", "known_hosts"},
	},
	{
		name: "another host key", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			_, public := newKey(t, "")
			return s.exchange(".ssh/known_hosts", s.vps.Address+" "+string(public))
		},
		says: []string{"CHANGED", "ssh-keygen -R"},
	},
	{
		name: "refused key", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			private, _ := newKey(t, "")
			return s.exchange(".ssh/id_ed25519", string(private))
		},
		says: []string{"id_ed25519", "ssh-copy-id"},
	},
	{
		name: "no sshd", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			s.Env = append(s.Env, "VPS=deploy@"+s.vps.Address+":2222")
			return func() { s.Env = s.Env[:len(s.Env)-1] }
		},
		says: []string{"nothing listens on port 2222"},
	},
	{
		name: "wrong registry password", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			s.LogIn(s.registry.Address, deploytest.RegistryUser, "wrong")
			return func() { s.LogIn(s.registry.Address, deploytest.RegistryUser, canaryPassword) }
		},
		says: []string{"registry", "docker login", "nothing was touched"},
	},
	{
		name: "missing image", status: deploy.ExitUsage,
		make: func(*testing.T, *shop) func() { return func() {} },
		args: []string{"deploy:plan", "staging", "sha-000000000000"},
		says: []string{"sha-000000000000"},
	},
	{
		name: "stopped engine", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			s.vps.MustRunIn("/", "mv", "/var/run/docker.sock", "/var/run/docker.sock.away")
			return func() { s.vps.MustRunIn("/", "mv", "/var/run/docker.sock.away", "/var/run/docker.sock") }
		},
		says: []string{"nothing answers on its socket", "systemctl start docker", "nothing was touched"},
	},
	{
		name: "full disk", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			s.vps.MustRunIn("/", "mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", "/opt/shop-staging")
			return func() { s.vps.MustRunIn("/", "umount", "/opt/shop-staging") }
		},
		says: []string{"space", "Nothing was touched"},
	},
	{
		name: "too little memory", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			hog(s.vps, "1300m")
			return func() { s.vps.MustRunIn("/", "docker", "rm", "-f", "hog") }
		},
		says: []string{"not enough memory", "Nothing was touched"},
	},
	{
		name: "variable missing on the server", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			content := s.vps.MustRunIn("/", "cat", "/opt/shop-staging/.env").Output
			s.vps.MustRunIn("/", "sh", "-c", ": > /opt/shop-staging/.env")
			return func() { s.vps.MustRunIn("/", "sh", "-c", "printf %s '"+content+"' > /opt/shop-staging/.env") }
		},
		says: []string{"SECRET is not set", "env:push staging", "nothing was touched"},
	},
	{
		name: "a lost way back", status: deploy.ExitFailed,
		make: func(t *testing.T, s *shop) func() {
			reference := s.vps.MustRunIn("/", "docker", "inspect", "shop-staging-web-1", "--format", "{{.Config.Image}}").Output
			s.vps.MustRunIn("/", "docker", "tag", strings.TrimSpace(reference), "kept:1")
			s.vps.MustRunIn("/", "sh", "-c", "docker images --format '{{.Repository}}:{{.Tag}}' | grep /web: | xargs docker rmi -f; docker rmi -f "+strings.TrimSpace(reference)+" || true")
			return func() {}
		},
		says: []string{"could not be returned to", "docker pull", "-accept-downtime"},
	},
}

// exchange writes another content into a file of the home, and gives what
// brings the old one back.
func (s *shop) exchange(name, content string) func() {
	s.T.Helper()
	old, err := os.ReadFile(filepath.Join(s.Home, name))
	if err != nil {
		s.T.Fatal(err)
	}
	s.WriteHome(name, content)
	return func() { s.WriteHome(name, string(old)) }
}

// TestTroublesTouchNothing brings each trouble about before a deploy: it is
// said what failed, what was left as it was, and what to do.
func TestTroublesTouchNothing(t *testing.T) {
	alongside(t, apps)
	s := newShop(t)
	s.Env = append(s.Env, "HOG=400m")
	first := s.page("one")
	s.prepare("staging")
	s.MustMage("deploy:staging")
	s.page("two")
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			before := s.vps.MustRunIn("/", "docker", "ps", "--no-trunc", "--quiet", "--filter", "label=com.docker.compose.project=shop-staging").Output
			undo := trouble.make(t, s)
			args := trouble.args
			if len(args) == 0 {
				args = []string{"deploy:staging"}
			}
			result := s.Start(args...).Wait()
			undo()
			t.Logf("status %d\n%s", result.Status, result.Output)
			if result.Status != trouble.status {
				t.Errorf("exit status %d, not %d", result.Status, trouble.status)
			}
			for _, text := range trouble.says {
				if !strings.Contains(result.Output, text) {
					t.Errorf("it does not say %q", text)
				}
			}
			after := s.vps.MustRunIn("/", "docker", "ps", "--no-trunc", "--quiet", "--filter", "label=com.docker.compose.project=shop-staging").Output
			if before != after {
				t.Errorf("containers were touched:\n%s%s", before, after)
			}
			s.serves("8081", first)
		})
	}
}

// TestAKeyFromTheEnvironment deploys as a CI job does, which has neither files
// nor an agent: the key has a passphrase, and nothing of either is shown.
func TestAKeyFromTheEnvironment(t *testing.T) {
	alongside(t, apps)
	const passphrase = "canary-passphrase-51d0"
	s := newShop(t)
	private, public := newKey(t, passphrase)
	s.vps.WriteFile("/tmp/key.pub", string(public), 0o644)
	s.vps.MustRunIn("/", "sh", "-c", "cat /tmp/key.pub >> /home/deploy/.ssh/authorized_keys")
	for _, name := range []string{".ssh/id_ed25519", ".ssh/known_hosts"} {
		if err := os.Remove(filepath.Join(s.Home, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.Env = append(s.Env, "DEPLOY_SSH_KEY="+string(private), "DEPLOY_SSH_PASSPHRASE="+passphrase, "DEPLOY_SSH_KNOWN_HOSTS="+string(s.ssh.KnownHosts))
	s.page("one")
	s.prepare("staging")
	s.MustMage("env:diff", "staging")
	s.Env[len(s.Env)-2] = "DEPLOY_SSH_PASSPHRASE=wrong"
	if wrong := s.Mage("env:diff", "staging"); wrong.Status == 0 {
		t.Error("a wrong passphrase opened the key")
	}
	for _, secret := range []string{passphrase, string(bytes.TrimSpace(private))} {
		if strings.Contains(s.Said(), secret) {
			t.Error("the key or its passphrase was shown")
		}
	}
}
