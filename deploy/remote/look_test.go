package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestLook(t *testing.T) {
	root, client := filesOf(t)
	sum := sha256.Sum256([]byte("x"))
	digest := hex.EncodeToString(sum[:])
	names := []string{"plain", "it's", "two\nlines", "-n", "$HOME", `back\slash`, filepath.Join(root, "absolute")}
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join(root, name)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, err := client.Look(t.Context(), append(names, "absent", root)...)
	if err != nil {
		t.Fatal(err)
	}
	if found := slices.Sorted(maps.Keys(host.Digests)); !slices.Equal(found, slices.Sorted(slices.Values(names))) {
		t.Errorf("digests of %q", found)
	}
	for name, found := range host.Digests {
		if found != digest {
			t.Errorf("%q: %q", name, found)
		}
	}
	if host.Platform != runtime.GOOS+"/"+runtime.GOARCH || host.Home != root || host.User == "" || host.Root != (os.Getuid() == 0) {
		t.Errorf("%+v", host)
	}
	if client.Channels() != 1 {
		t.Errorf("%d channels", client.Channels())
	}
	if _, err := client.Look(t.Context(), "a\x00b"); err == nil {
		t.Error("a NUL passes")
	}
}

func TestLookPastWhatTheShellPrints(t *testing.T) {
	v, key := newVisitor(t), newKey(t)
	options := serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()}
	s := newServer(t, options)
	s.onExec = func(channel ssh.Channel, command string) { s.shell(t.Context(), channel, "echo Welcome; "+command) }
	v.write("known_hosts", s.known(key))
	host, err := connect(t, v.options(s.addr)).Look(t.Context())
	if err != nil || host.Home != s.root {
		t.Errorf("%+v, %v", host, err)
	}
}

func TestLookAtAHostWithoutAShell(t *testing.T) {
	_, client := over(t, serverOptions{onExec: func(channel ssh.Channel, _ string) {
		_, _ = channel.Write([]byte("This account is not available.\n"))
		sendStatus(channel, 0)
	}}, 0)
	_, err := client.Look(t.Context())
	wantText(t, err, "look at the host: its shell does not answer", "uname")
}

func TestPlatform(t *testing.T) {
	for machine, want := range map[string]string{
		"x86_64": "linux/amd64", "aarch64": "linux/arm64", "armv7l": "linux/arm/v7", "armv6l": "linux/arm/v6", "i686": "linux/386", "riscv64": "linux/riscv64",
	} {
		if got := platform("Linux", machine); got != want {
			t.Errorf("%s: %s, want %s", machine, got, want)
		}
	}
}
