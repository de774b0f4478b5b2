package remote

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentOf starts an agent with keys and gives its socket.
func agentOf(t *testing.T, keyring agent.Agent) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "agent") //nolint:usetesting // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(folder, "s"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				_ = agent.ServeAgent(keyring, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait() // an agent's connection that was not closed holds the test up
		_ = os.RemoveAll(folder)
	})
	return listener.Addr().String()
}

func keyringOf(t *testing.T, keys ...keyPair) agent.Agent {
	t.Helper()
	keyring := agent.NewKeyring()
	for _, key := range keys {
		if err := keyring.Add(agent.AddedKey{PrivateKey: key.private, Comment: "laptop"}); err != nil {
			t.Fatal(err)
		}
	}
	return keyring
}

// stubborn is an agent that lists keys and does not sign.
type stubborn struct{ agent.Agent }

func (stubborn) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return nil, errors.New("not confirmed")
}

// site is a server with a known key, and a user's home.
type site struct {
	home
	*server
}

func newSite(t *testing.T, options serverOptions) site {
	t.Helper()
	key := newKey(t)
	options.hostKeys = []ssh.Signer{key}
	s := site{newHome(t), newServer(t, options)}
	s.write("known_hosts", s.known(key))
	return s
}

// options reach the site with what its home and an agent have.
func (s site) options(socket string) Options {
	return Options{Host: "deploy@" + s.addr, Home: s.path, Env: func(name string) string {
		if name == "SSH_AUTH_SOCK" {
			return socket
		}
		return ""
	}}
}

func TestOrderOfKeys(t *testing.T) {
	inAgent, chosenInAgent, chosen, ofDefault, right := newKey(t), newKey(t), newKey(t), newECDSAKey(t), newRSAKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{right.PublicKey()}, tries: 10})
	socket := agentOf(t, keyringOf(t, inAgent, chosenInAgent))
	s.write("id_ecdsa", string(ofDefault.pem(t, "")))
	s.write("id_rsa", string(right.pem(t, "")))
	connect(t, s.options(socket))
	if want := []string{inAgent.fingerprint(), chosenInAgent.fingerprint(), ofDefault.fingerprint()}; !slices.Equal(s.tried()[:3], want) {
		t.Errorf("offered %q, want first %q", s.tried(), want)
	}

	s = newSite(t, serverOptions{allowed: []ssh.PublicKey{right.PublicKey()}, tries: 10})
	s.write("chosen", string(chosen.pem(t, "")))
	s.write("agent.pub", string(ssh.MarshalAuthorizedKey(chosenInAgent.PublicKey())))
	s.write("right", string(right.pem(t, "")))
	config := "IdentityFile ~/.ssh/chosen\nIdentityFile ~/.ssh/agent.pub\nIdentityFile ~/.ssh/right\n"
	s.write("config", config)
	connect(t, s.options(socket))
	if want := []string{chosenInAgent.fingerprint(), inAgent.fingerprint(), chosen.fingerprint()}; !slices.Equal(s.tried()[:3], want) {
		t.Errorf("offered %q, want first %q", s.tried(), want)
	}

	before := len(s.tried())
	s.write("config", config+"IdentitiesOnly yes\n")
	connect(t, s.options(socket))
	if offered := s.tried()[before:]; slices.Contains(offered, inAgent.fingerprint()) || offered[0] != chosenInAgent.fingerprint() {
		t.Errorf("offered %q with IdentitiesOnly", offered)
	}

	before = len(s.tried())
	options := s.options(socket)
	options.Key = right.pem(t, "")
	connect(t, options)
	if offered := s.tried()[before:]; slices.Contains(offered, inAgent.fingerprint()) || offered[0] != right.fingerprint() {
		t.Errorf("offered %q with a given key", offered)
	}
}

func TestAgentSignsWithEachKindOfKey(t *testing.T) {
	for _, key := range []keyPair{newKey(t), newECDSAKey(t), newRSAKey(t)} {
		s := newSite(t, serverOptions{allowed: []ssh.PublicKey{key.PublicKey()}})
		connect(t, s.options(agentOf(t, keyringOf(t, key))))
	}
}

func TestEncryptedKeyFileIsOpenedOnlyWhenItsKeyIsTaken(t *testing.T) {
	t.Parallel()
	taken, other := newKey(t), newECDSAKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{taken.PublicKey()}})
	s.write("id_ecdsa", string(other.pem(t, "secret of the other")))
	s.write("id_ed25519", string(taken.pem(t, "hunter2")))
	s.write("config", "IdentityFile ~/.ssh/id_ecdsa\nIdentityFile ~/.ssh/id_ed25519\n")
	var asked []string
	answers := []string{"wrong", "hunter2"}
	options := s.options("")
	options.Passphrase = func(file string) ([]byte, error) {
		answer := answers[len(asked)]
		asked = append(asked, filepath.Base(file))
		return []byte(answer), nil
	}
	connect(t, options)
	if !slices.Equal(asked, []string{"id_ed25519", "id_ed25519"}) {
		t.Errorf("asked for %q", asked)
	}
	options.Env = s.options(agentOf(t, keyringOf(t, taken))).Env
	connect(t, options)
	if len(asked) != 2 {
		t.Errorf("asked although the agent has the key: %q", asked)
	}
}

func TestPassphrasesThatDoNotCome(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{key.PublicKey()}})
	file := filepath.Join(s.path, ".ssh", "id_ed25519")
	s.write("id_ed25519", string(key.pem(t, "hunter2")))
	for want, ask := range map[string]func(string) ([]byte, error){
		"ssh-add " + Quote(file):            nil,
		"the passphrase of " + file:         func(string) ([]byte, error) { return []byte("hunter3"), nil },
		"ask for the passphrase of " + file: func(string) ([]byte, error) { return nil, errors.New("no terminal") },
	} {
		options := s.options("")
		options.Passphrase = ask
		_, err := Dial(t.Context(), options)
		wantText(t, err, want, key.fingerprint())
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("the passphrase is printed: %v", err)
		}
	}
	options := s.options("")
	options.Key = key.pem(t, "hunter2")
	_, err := Dial(t.Context(), options)
	wantText(t, err, "the given key is encrypted")
	options.Passphrase = func(file string) ([]byte, error) { return []byte("hunter2" + file), nil }
	connect(t, options)
}

func TestPassphraseIsNotWaitedForAfterTheEnd(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{key.PublicKey()}})
	s.write("id_ed25519", string(key.pem(t, "x")))
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("Ctrl-C")
	never := make(chan struct{})
	defer close(never)
	options := s.options("")
	options.Timeout = 600 * time.Millisecond
	options.Passphrase = func(string) ([]byte, error) {
		// Longer than the time limit, which is not for people.
		time.AfterFunc(800*time.Millisecond, func() { cancel(stopped) })
		<-never
		return nil, nil
	}
	if _, err := Dial(ctx, options); !errors.Is(err, stopped) {
		t.Error(err)
	}
}

// TestOldKeyFormat is an encrypted file that does not say which key it holds.
func TestOldKeyFormat(t *testing.T) {
	key := newECDSAKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{key.PublicKey()}})
	der, err := x509.MarshalPKCS8PrivateKey(key.private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseKey("", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		t.Errorf("PKCS 8: %v", err)
	}
	ec, err := x509.MarshalECPrivateKey(privateECDSA(key))
	if err != nil {
		t.Fatal(err)
	}
	block, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", ec, []byte("hunter2"), x509.PEMCipherAES256) //nolint:staticcheck // the old format is what is tested
	if err != nil {
		t.Fatal(err)
	}
	s.write("id_ecdsa", string(pem.EncodeToMemory(block)))
	options := s.options("")
	_, err = Dial(t.Context(), options)
	wantText(t, err, "there is no key to offer", "id_ecdsa is encrypted")
	options.Passphrase = func(string) ([]byte, error) { return []byte("hunter2"), nil }
	connect(t, options)
}

func TestUserCertificate(t *testing.T) {
	authority, key := newKey(t), newECDSAKey(t)
	certificate := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"deploy"}, ValidBefore: ssh.CertTimeInfinity}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	checker := ssh.CertChecker{IsUserAuthority: func(one ssh.PublicKey) bool { return bytes.Equal(one.Marshal(), authority.PublicKey().Marshal()) }}
	s := newSite(t, serverOptions{authenticate: checker.Authenticate})
	s.write("id_ecdsa", string(key.pem(t, "")))
	s.write("id_ecdsa-cert.pub", string(ssh.MarshalAuthorizedKey(certificate)))
	connect(t, s.options(""))
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	inAgent, inFile, right := newKey(t), newECDSAKey(t), newRSAKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{right.PublicKey()}})
	s.write("id_ecdsa", string(inFile.pem(t, "")))
	s.write("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n")
	_, err := Dial(t.Context(), s.options(agentOf(t, keyringOf(t, inAgent))))
	wantText(t, err, "as deploy: the host refused every key", inAgent.fingerprint()+" (agent, laptop)",
		inFile.fingerprint()+" ("+filepath.Join(s.path, ".ssh", "id_ecdsa")+")", "id_rsa is not a private key",
		"ssh-copy-id -i "+Quote(filepath.Join(s.path, ".ssh", "id_ecdsa.pub"))+" -p ", "deploy@127.0.0.1")
	if strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("the key is printed: %v", err)
	}

	_, err = Dial(t.Context(), newSiteOf(t, s).options(filepath.Join(s.path, "absent")))
	wantText(t, err, "there is no key to offer", "absent does not answer", "ssh-keygen -t ed25519")

	options := s.options("")
	options.Key = []byte("-----BEGIN x-----\nc2VjcmV0\n")
	_, err = Dial(t.Context(), options)
	wantText(t, err, "read the given key", "is not a private key")
	if strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("the key is printed: %v", err)
	}
}

// newSiteOf is a site with an empty home that knows its host.
func newSiteOf(t *testing.T, s site) site {
	t.Helper()
	empty := site{newHome(t), s.server}
	known, err := os.ReadFile(filepath.Join(s.path, ".ssh", "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	empty.write("known_hosts", string(known))
	return empty
}

func TestTooManyKeys(t *testing.T) {
	var keys []keyPair
	for range 6 {
		keys = append(keys, newKey(t))
	}
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{keys[5].PublicKey()}, tries: 3})
	socket := agentOf(t, keyringOf(t, keys...))
	_, err := Dial(t.Context(), s.options(socket))
	wantText(t, err, "stopped after too many keys", "IdentitiesOnly yes")
	s.write("last.pub", string(ssh.MarshalAuthorizedKey(keys[5].PublicKey())))
	s.write("config", "IdentityFile ~/.ssh/last.pub\n")
	connect(t, s.options(socket))
}

// TestAgentThatDoesNotSign goes on with the next key, where the library
// alone gives up.
func TestAgentThatDoesNotSign(t *testing.T) {
	refused, inFile := newKey(t), newECDSAKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{refused.PublicKey(), inFile.PublicKey()}})
	socket := agentOf(t, stubborn{keyringOf(t, refused)})
	_, err := Dial(t.Context(), s.options(socket))
	wantText(t, err, "the host accepts", "the agent does not sign", refused.fingerprint())
	s.write("id_ecdsa", string(inFile.pem(t, "")))
	connect(t, s.options(socket))
}

func TestHostThatWantsAPassword(t *testing.T) {
	s := newSite(t, serverOptions{password: true})
	s.write("id_ed25519", string(newKey(t).pem(t, "")))
	_, err := Dial(t.Context(), s.options(""))
	wantText(t, err, "wants more than keys: password")
}

func TestUserOfTheConfig(t *testing.T) {
	key := newKey(t)
	s := newSite(t, serverOptions{allowed: []ssh.PublicKey{key.PublicKey()}})
	s.write("id_ed25519", string(key.pem(t, "")))
	s.write("config", "Host shop\n  HostName 127.0.0.1\n  Port "+strings.TrimPrefix(s.addr, "127.0.0.1:")+"\n  User ship\n")
	options := s.options("")
	options.Host = "shop"
	client := connect(t, options)
	if s.users[0] != "ship" || client.User() != "ship" || client.Address() != s.addr {
		t.Errorf("logged in as %q at %s", s.users, client.Address())
	}
}

func privateECDSA(key keyPair) *ecdsa.PrivateKey { return key.private.(*ecdsa.PrivateKey) }
