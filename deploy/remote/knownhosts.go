package remote

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys are the keys that a host may show.
type hostKeys struct {
	target *target
	check  ssh.HostKeyCallback
	// names are the files as people know them, by the ones that were read.
	names map[string]string
	// authorities are the lines marked @cert-authority, as file:line.
	authorities map[string]bool
}

// givenName stands for Options.KnownHosts where a file would be named.
const givenName = "the given known hosts"

// readHostKeys reads the known_hosts files of a target. The library takes
// only files and refuses a file for one line that it does not understand,
// where ssh passes the line over; so it reads copies without such lines.
func readHostKeys(t *target, given []byte) (*hostKeys, error) {
	folder, err := os.MkdirTemp("", "webshop-deploy-known-")
	if err != nil {
		return nil, t.failure(err, "", "read the known hosts")
	}
	defer os.RemoveAll(folder)
	k := &hostKeys{target: t, names: map[string]string{}, authorities: map[string]bool{}}
	var copies []string
	add := func(name string, content []byte) error {
		copied := filepath.Join(folder, strconv.Itoa(len(copies)))
		k.names[copied] = name
		copies = append(copies, copied)
		return os.WriteFile(copied, k.understood(copied, content), 0o600)
	}
	if len(given) > 0 {
		if err := add(givenName, given); err != nil {
			return nil, t.failure(err, "", "read the known hosts")
		}
	}
	for _, file := range t.knownFiles {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = add(file, content)
		}
		if err != nil {
			return nil, t.failure(err, "", "read the known hosts")
		}
	}
	k.check, err = knownhosts.New(copies...)
	if err != nil {
		text := err.Error()
		for copied, name := range k.names {
			text = strings.ReplaceAll(text, copied, name)
		}
		return nil, t.failure(errors.New(text), "mend or remove that line", "read the known hosts")
	}
	return k, nil
}

// understood empties the lines whose keys are of kinds that this side cannot
// check, and notes those of authorities.
func (k *hostKeys) understood(copied string, content []byte) []byte {
	lines := bytes.Split(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("\n"))
	for i, line := range lines {
		marker, _, _, _, _, err := ssh.ParseKnownHosts(line)
		if err != nil {
			lines[i] = nil
			continue
		}
		if marker == "cert-authority" {
			k.authorities[copied+":"+strconv.Itoa(i+1)] = true
		}
	}
	return bytes.Join(lines, []byte("\n"))
}

// name is what the host is looked up by.
func (k *hostKeys) name() string {
	return net.JoinHostPort(k.target.knownAs, strconv.Itoa(k.target.knownPort))
}

// known gives the entries for the host, and those of authorities apart.
func (k *hostKeys) known() (keys, authorities []knownhosts.KnownKey) {
	nobody, err := ssh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if err != nil {
		return nil, nil
	}
	mismatch, is := errors.AsType[*knownhosts.KeyError](k.check(k.name(), &net.TCPAddr{}, nobody))
	if !is {
		return nil, nil
	}
	return k.apart(mismatch.Want)
}

func (k *hostKeys) apart(entries []knownhosts.KnownKey) (keys, authorities []knownhosts.KnownKey) {
	for _, entry := range entries {
		if k.authorities[entry.Filename+":"+strconv.Itoa(entry.Line)] {
			authorities = append(authorities, entry)
		} else {
			keys = append(keys, entry)
		}
	}
	return keys, authorities
}

// algorithms are the ways in which the host may prove itself, the preferred
// first. The protocol agrees on one before a key is shown, so those that are
// known have to come first: a host with several keys would else show one that
// no file lists. The others follow so that a host which has lost its listed
// key is told from one with which nothing can be agreed; they are never
// trusted. Certificates are asked for only where an authority is known.
func (k *hostKeys) algorithms() []string {
	keys, authorities := k.known()
	var wanted []string
	if len(authorities) > 0 {
		wanted = append(wanted, ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01,
			ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
	}
	for _, entry := range keys {
		wanted = append(wanted, signatures(entry.Key.Type())...)
	}
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA} {
		wanted = append(wanted, signatures(kind)...)
	}
	var unique []string
	for _, algorithm := range wanted {
		if !slices.Contains(unique, algorithm) {
			unique = append(unique, algorithm)
		}
	}
	return unique
}

// signatures are the algorithms of a kind of key; RSA's with SHA-1 is none.
func signatures(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

// verify checks the key that the host shows. What it refuses with says what
// to do.
func (k *hostKeys) verify(_ string, remote net.Addr, key ssh.PublicKey) error {
	err := k.check(k.name(), remote, key)
	if err == nil {
		return nil
	}
	if revoked, is := errors.AsType[*knownhosts.RevokedError](err); is {
		return k.target.failure(nil, "do not connect; ask whoever keeps the host why its key was revoked",
			fmt.Sprintf("the host shows a revoked key: %s (%s)", shown(key), k.place(revoked.Revoked)))
	}
	if certificate, is := key.(*ssh.Certificate); is {
		return k.target.failure(err, "ask whoever signs the host's certificates for a new one",
			"the host's certificate "+shown(certificate.Key)+" is not valid")
	}
	mismatch, is := errors.AsType[*knownhosts.KeyError](err)
	if !is {
		return k.target.failure(err, "", "check the host key "+shown(key))
	}
	if keys, _ := k.apart(mismatch.Want); len(keys) > 0 {
		return k.changed(keys, key)
	}
	return k.unknown(key)
}

func (k *hostKeys) unknown(key ssh.PublicKey) error {
	t := k.target
	kind := shortKind(key)
	hint := fmt.Sprintf("compare the fingerprint with what the host itself prints (on its console: ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub); only if they are the same, add it:\n  %s", kind, k.scan(kind))
	return t.failure(nil, hint, "the host key is not known: "+shown(key))
}

// scan is the command that adds the host's key.
func (k *hostKeys) scan(kind string) string {
	t := k.target
	command := fmt.Sprintf("ssh-keyscan -p %d -t %s %s", t.port, kind, Quote(t.host))
	if len(t.jumps) > 0 {
		last := t.jumps[len(t.jumps)-1]
		if !strings.Contains(last, "://") && strings.Contains(last, ":") {
			last = "ssh://" + last
		}
		command = "ssh " + Quote(last) + " " + Quote(command)
	}
	if t.knownPort != t.port || t.knownAs != strings.ToLower(t.host) {
		command += " | sed " + Quote("s/^[^ ]* /"+t.knownAs+" /")
	}
	file := "~/.ssh/known_hosts"
	if len(t.knownFiles) > 0 {
		file = t.knownFiles[0]
		if rest, found := strings.CutPrefix(filepath.ToSlash(file), filepath.ToSlash(t.home)+"/"); found {
			file = "~/" + rest
		}
	}
	if rest, found := strings.CutPrefix(file, "~/"); found {
		return command + " >> ~/" + Quote(rest)
	}
	return command + " >> " + Quote(file)
}

func (k *hostKeys) changed(known []knownhosts.KnownKey, key ssh.PublicKey) error {
	entry := known[0]
	for _, one := range known {
		if one.Key.Type() == key.Type() {
			entry = one
			break
		}
	}
	remove := "take that line out of where the known hosts are set"
	if file := k.names[entry.Filename]; file != givenName {
		remove = "ssh-keygen -R " + Quote(knownhosts.Normalize(k.name())) + " -f " + Quote(file)
	}
	hint := fmt.Sprintf("do not connect unless you know why it changed. Compare the fingerprint with what the host itself prints (on its console: ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub); only if they are the same:\n  %s\n  %s",
		shortKind(key), remove, k.scan(shortKind(key)))
	return k.target.failure(nil, hint, fmt.Sprintf(
		"THE HOST KEY HAS CHANGED: either the host was set up anew, or somebody stands between and listens. It shows %s, but %s says %s",
		shown(key), k.place(entry), shown(entry.Key)))
}

// place is an entry's file and line.
func (k *hostKeys) place(entry knownhosts.KnownKey) string {
	return fmt.Sprintf("%s:%d", k.names[entry.Filename], entry.Line)
}

// shown is how a public key is named in messages.
func shown(key ssh.PublicKey) string { return key.Type() + " " + ssh.FingerprintSHA256(key) }

// shortKind is a key's kind as the ssh commands call it.
func shortKind(key ssh.PublicKey) string {
	switch key.Type() {
	case ssh.KeyAlgoRSA:
		return "rsa"
	case ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return "ecdsa"
	}
	return "ed25519"
}
