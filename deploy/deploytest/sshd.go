package deploytest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSHDOptions say how a virtual server is reached over SSH.
type SSHDOptions struct {
	// Config are ssh's own lines for the client, put into .ssh/config.
	Config string
	// Server are further lines for sshd, such as "MaxSessions 1".
	Server []string
}

// SSHD is the real OpenSSH server of a virtual server, with a user that may
// use Docker.
type SSHD struct {
	// Host is what the user types: deploy@172.18.0.2.
	Host string
	// Home has a .ssh with the key, the known hosts and the configuration.
	Home string
	// Key is the private key in PEM, and KnownHosts the server's keys as lines
	// of a known_hosts file.
	Key, KnownHosts []byte

	vps *VPS
}

const sshUser = "deploy"

// StartSSHD starts OpenSSH in a virtual server. It ends with the server.
func StartSSHD(v *VPS, options SSHDOptions) *SSHD {
	v.T.Helper()
	s := &SSHD{Host: sshUser + "@" + v.Address, Home: v.T.TempDir(), vps: v}
	public := s.makeKey()
	v.MustRunIn("/", "ssh-keygen", "-A")
	// A user whose password is locked is let in with no key either.
	v.MustRunIn("/", "useradd", "--create-home", "--shell", "/bin/bash", "--groups", "docker", "--password", "*", sshUser)
	home := "/home/" + sshUser
	v.WriteFile(home+"/.ssh/authorized_keys", public, 0o600)
	v.MustRunIn("/", "chown", "-R", sshUser+":"+sshUser, home)
	v.MustRunIn("/", "install", "-d", "-m", "0755", "/run/sshd")
	command := []string{"/usr/sbin/sshd", "-D", "-e", "-o", "UsePAM=no", "-o", "PidFile=/run/sshd.pid"}
	for _, line := range options.Server {
		command = append(command, "-o", line)
	}
	v.Background(command...)
	v.await("sshd", "socat", "-u", "/dev/null", "TCP:127.0.0.1:22")
	var known strings.Builder
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		known.WriteString(v.Address + " " + v.MustRunIn("/", "cat", "/etc/ssh/ssh_host_"+kind+"_key.pub").Output)
	}
	s.KnownHosts = []byte(known.String())
	s.write("known_hosts", s.KnownHosts)
	s.write("config", []byte(options.Config))
	return s
}

// makeKey makes the user's key and gives its public half.
func (s *SSHD) makeKey() string {
	t := s.vps.T
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		t.Fatal(err)
	}
	authorized, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	s.Key = pem.EncodeToMemory(block)
	s.write("id_ed25519", s.Key)
	return string(ssh.MarshalAuthorizedKey(authorized))
}

// Public is the user's public key, as authorized_keys has it.
func (s *SSHD) Public(t testing.TB) []byte {
	t.Helper()
	signer, err := ssh.ParsePrivateKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	return ssh.MarshalAuthorizedKey(signer.PublicKey())
}

// write writes a file of the client's .ssh.
func (s *SSHD) write(name string, content []byte) {
	s.vps.T.Helper()
	folder := filepath.Join(s.Home, ".ssh")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.vps.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
		s.vps.T.Fatal(err)
	}
}

// Silence has the server drop all packets for its sshd, as a host does that
// lost its power or its route: nobody is told.
func (s *SSHD) Silence() {
	s.vps.T.Helper()
	s.vps.MustRunIn("/", "iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP")
}

// Heal ends Silence.
func (s *SSHD) Heal() {
	s.vps.T.Helper()
	s.vps.MustRunIn("/", "iptables", "-D", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP")
}

// Stop ends the listening sshd; open connections stay.
func (s *SSHD) Stop() {
	s.vps.T.Helper()
	s.vps.MustRunIn("/", "sh", "-c", "kill $(cat /run/sshd.pid)")
}
