package remote

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// visitor is a user whose key a server knows.
type visitor struct {
	home
	key keyPair
}

func newVisitor(t testing.TB) visitor { return visitor{newHome(t), newKey(t)} }

// options reach a server with the visitor's key.
func (v visitor) options(addr string) Options {
	return Options{Host: "deploy@" + addr, Home: v.path, Key: v.key.pem(v.t, ""), Env: noEnv}
}

func (v visitor) allowed() []ssh.PublicKey { return []ssh.PublicKey{v.key.PublicKey()} }

func TestUnknownHost(t *testing.T) {
	v, rsa, ed := newVisitor(t), newRSAKey(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{rsa, ed}, allowed: v.allowed()})
	_, err := Dial(t.Context(), v.options(s.addr))
	wantText(t, err, "connect to "+s.addr+" as deploy", "the host key is not known", ed.fingerprint(), "ssh-ed25519",
		fmt.Sprintf("ssh-keyscan -p %d -t ed25519 127.0.0.1 >> ~/.ssh/known_hosts", s.port()), "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
	if len(s.tried()) != 0 {
		t.Error("a key was shown to a host that is not known")
	}
}

func TestChangedHostKey(t *testing.T) {
	v, old, key := newVisitor(t), newKey(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	v.write("known_hosts", "# mine\n"+s.known(old))
	_, err := Dial(t.Context(), v.options(s.addr))
	file := filepath.Join(v.path, ".ssh", "known_hosts")
	wantText(t, err, "THE HOST KEY HAS CHANGED", key.fingerprint(), old.fingerprint(), file+":2",
		fmt.Sprintf("ssh-keygen -R '[127.0.0.1]:%d' -f %s", s.port(), Quote(file)))
	if strings.Contains(err.Error(), "not known") || len(s.tried()) != 0 {
		t.Error(err)
	}
}

// TestLostKindOfHostKey is a host set up anew, with a key of another kind.
func TestLostKindOfHostKey(t *testing.T) {
	v, old, key := newVisitor(t), newRSAKey(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	v.write("known_hosts", s.known(old))
	_, err := Dial(t.Context(), v.options(s.addr))
	wantText(t, err, "THE HOST KEY HAS CHANGED", "ssh-ed25519 "+key.fingerprint(), "ssh-rsa "+old.fingerprint())
}

// TestHostWithSeveralKeys lists one of them only, whichever.
func TestHostWithSeveralKeys(t *testing.T) {
	v := newVisitor(t)
	keys := []ssh.Signer{newRSAKey(t), newECDSAKey(t), newKey(t)}
	s := newServer(t, serverOptions{hostKeys: keys, allowed: v.allowed()})
	for _, key := range keys {
		v.write("known_hosts", s.known(key))
		client, err := Dial(t.Context(), v.options(s.addr))
		if err != nil {
			t.Errorf("only %s is known: %v", key.PublicKey().Type(), err)
			continue
		}
		client.Close()
	}
}

func TestFormsOfKnownHosts(t *testing.T) {
	v, key, other := newVisitor(t), newKey(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	line := func(hosts string, key ssh.PublicKey) string {
		return hosts + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + "\n"
	}
	name := knownhosts.Normalize(s.addr)
	good := line(name, key.PublicKey())
	for what, test := range map[string]struct {
		file, config, refused string
		given                 string
	}{
		"plain":             {file: good},
		"hashed":            {file: line(knownhosts.HashHostname(name), key.PublicKey())},
		"pattern":           {file: line(fmt.Sprintf("[127.0.0.*]:%d", s.port()), key.PublicKey())},
		"second file":       {file: "", config: "UserKnownHostsFile none ~/.ssh/more"},
		"given":             {given: good},
		"alias":             {file: line("shop", key.PublicKey()), config: "HostKeyAlias shop"},
		"several entries":   {file: line(name, other.PublicKey()) + good},
		"broken lines":      {file: "nonsense\n" + name + " ssh-future AAAA\n@future x ssh-ed25519 AAAA\n" + good},
		"Windows' line end": {file: strings.ReplaceAll(good, "\n", "\r\n")},
		"negated":           {file: line("!"+name+","+name, key.PublicKey()), refused: "not known"},
		"other port":        {file: line("127.0.0.1", key.PublicKey()), refused: "not known"},
		"other hash":        {file: line(knownhosts.HashHostname("x"), key.PublicKey()), refused: "not known"},
		"revoked":           {file: good + "@revoked * " + string(ssh.MarshalAuthorizedKey(key.PublicKey())), refused: "a revoked key"},
		"changed in given":  {given: line(name, other.PublicKey()), refused: givenName + ":1"},
	} {
		t.Run(what, func(t *testing.T) {
			v := visitor{newHome(t), v.key}
			v.write("known_hosts", test.file)
			v.write("more", good)
			v.write("config", test.config)
			options := v.options(s.addr)
			options.KnownHosts = []byte(test.given)
			client, err := Dial(t.Context(), options)
			if test.refused != "" {
				wantText(t, err, test.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
		})
	}
}

// TestHostCertificate is a host that shows a certificate of an authority.
func TestHostCertificate(t *testing.T) {
	v, authority, key := newVisitor(t), newKey(t), newECDSAKey(t)
	certify := func(until time.Time) ssh.Signer {
		certificate := &ssh.Certificate{
			Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: uint64(until.Unix()),
		}
		if err := certificate.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewCertSigner(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		return signer
	}
	marked := func(s *server) string {
		return fmt.Sprintf("@cert-authority [127.0.0.1]:%d %s", s.port(), ssh.MarshalAuthorizedKey(authority.PublicKey()))
	}
	good := newServer(t, serverOptions{hostKeys: []ssh.Signer{certify(time.Now().Add(time.Hour)), key}, allowed: v.allowed()})
	v.write("known_hosts", marked(good))
	connect(t, v.options(good.addr))
	v.write("known_hosts", good.known(key)) // without the authority its plain key counts
	connect(t, v.options(good.addr))

	old := newServer(t, serverOptions{hostKeys: []ssh.Signer{certify(time.Now().Add(-time.Hour))}, allowed: v.allowed()})
	v.write("known_hosts", marked(old))
	_, err := Dial(t.Context(), v.options(old.addr))
	wantText(t, err, "the host's certificate", "not valid", "expired")

	none := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	v.write("known_hosts", marked(none))
	_, err = Dial(t.Context(), v.options(none.addr))
	wantText(t, err, "the host key is not known")
}

func TestScanCommands(t *testing.T) {
	key := newKey(t).PublicKey()
	for what, test := range map[string]struct {
		target target
		want   string
	}{
		"alias": {target{host: "h", port: 22, knownAs: "shop", knownPort: 22, home: "/home/me", knownFiles: []string{"/x y/known"}},
			`ssh-keyscan -p 22 -t ed25519 h | sed 's/^[^ ]* /shop /' >> '/x y/known'`},
		"jump": {target{host: "h", port: 23, knownAs: "h", knownPort: 23, jumps: []string{"a", "b:24"}, home: "/home/me", knownFiles: []string{"/home/me/.ssh/known_hosts"}},
			`ssh ssh://b:24 'ssh-keyscan -p 23 -t ed25519 h' >> ~/.ssh/known_hosts`},
	} {
		k := &hostKeys{target: &test.target}
		if err := k.unknown(key); !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNoCopiesOfKnownHostsAreLeft(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	v := newVisitor(t)
	v.write("known_hosts", "shop "+string(ssh.MarshalAuthorizedKey(v.key.PublicKey())))
	found, err := resolve(v.options("shop"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readHostKeys(found, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestHashedHostOfTheBrokenKind is a line that even the library's other
// reader takes, and then not.
func TestHashedHostOfTheBrokenKind(t *testing.T) {
	v := newVisitor(t)
	v.write("known_hosts", "|2|"+base64.StdEncoding.EncodeToString([]byte("x"))+"|eA== "+string(ssh.MarshalAuthorizedKey(v.key.PublicKey())))
	found, err := resolve(v.options("shop"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	_, err = readHostKeys(found, nil)
	wantText(t, err, filepath.Join(v.path, ".ssh", "known_hosts")+":1", "mend or remove")
}
