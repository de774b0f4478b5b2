package remote

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// noEnv is an environment without an agent.
func noEnv(string) string { return "" }

// connect dials and closes at the test's end.
func connect(t *testing.T, options Options) *Client {
	t.Helper()
	client, err := Dial(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// wantText checks that an error says all parts.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error without %q:\n%v", part, err)
		}
	}
}

// writer calls a function for what is written.
type writer func([]byte)

func (w writer) Write(text []byte) (int, error) {
	w(text)
	return len(text), nil
}

// keyPair is a key of a test.
type keyPair struct {
	private crypto.Signer
	ssh.MultiAlgorithmSigner
}

func newKey(t testing.TB) keyPair {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return pair(t, private, err)
}

func newECDSAKey(t testing.TB) keyPair {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return pair(t, private, err)
}

func newRSAKey(t testing.TB) keyPair {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	return pair(t, private, err)
}

func pair(t testing.TB, private crypto.Signer, err error) keyPair {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{private, signer.(ssh.MultiAlgorithmSigner)}
}

// pem writes the key, encrypted where there is a passphrase.
func (k keyPair) pem(t testing.TB, passphrase string) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(k.private, "comment")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(k.private, "comment", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func (k keyPair) fingerprint() string { return ssh.FingerprintSHA256(k.PublicKey()) }

// home is a user's folder with .ssh.
type home struct {
	t    testing.TB
	path string
}

func newHome(t testing.TB) home {
	t.Helper()
	h := home{t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(h.path, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// write writes a file of .ssh.
func (h home) write(name, content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.path, ".ssh", name), []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// relay passes connections on to an address until it is frozen: from then on
// it takes bytes and loses them, as a line does that fell dead.
type relay struct {
	addr   string
	mutex  sync.Mutex
	frozen bool
}

func newRelay(t testing.TB, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: listener.Addr().String()}
	var conns []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			into, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			r.mutex.Lock()
			conns = append(conns, from, into)
			r.mutex.Unlock()
			running.Go(func() { r.pass(from, into) })
			running.Go(func() { r.pass(into, from) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mutex.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		r.mutex.Unlock()
		running.Wait()
	})
	return r
}

func (r *relay) pass(from, into net.Conn) {
	defer into.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		r.mutex.Lock()
		frozen := r.frozen
		r.mutex.Unlock()
		switch {
		case err != nil && frozen:
			return
		case err != nil:
			return
		case frozen:
			continue
		}
		if _, err := into.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (r *relay) freeze() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.frozen = true
}

// soon bounds what has to happen at once.
const soon = 5 * time.Second
