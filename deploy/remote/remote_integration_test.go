//go:build integration

package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		log.Print(err)
		status = 1
	}
	os.Exit(status)
}

// TestOpenSSH goes through what a deploy asks of a host, with the server that
// hosts have. One virtual server serves all parts.
func TestOpenSSH(t *testing.T) {
	vps := deploytest.NewVPS(t, deploytest.VPSOptions{})
	server := deploytest.StartSSHD(vps, deploytest.SSHDOptions{Config: "Host shop\n  HostName " + vps.Address + "\n  User deploy\n"})
	options := Options{Host: server.Host, Home: server.Home, Env: noEnv, KeepAlive: 500 * time.Millisecond}
	client := connect(t, options)

	t.Run("look", func(t *testing.T) {
		vps.WriteFile("/srv/it's here", "x\n", 0o644)
		vps.WriteFile("/srv/secret", "x\n", 0o600)
		before := client.Channels()
		host, err := client.Look(t.Context(), "/srv/it's here", "/srv/secret", "/srv/absent", "/srv", ".ssh/authorized_keys")
		if err != nil {
			t.Fatal(err)
		}
		machine := strings.TrimSpace(vps.Run("dpkg", "--print-architecture").Output)
		if host.Platform != "linux/"+machine || host.User != "deploy" || host.Root || host.Home != "/home/deploy" {
			t.Errorf("%+v on %s", host, machine)
		}
		sum := sha256.Sum256([]byte("x\n"))
		if len(host.Digests) != 2 || host.Digests["/srv/it's here"] != hex.EncodeToString(sum[:]) || host.Digests[".ssh/authorized_keys"] == "" {
			t.Errorf("digests: %v", host.Digests)
		}
		if opened := client.Channels() - before; opened != 1 {
			t.Errorf("%d channels for one look", opened)
		}
	})

	t.Run("run", func(t *testing.T) {
		var out, errs bytes.Buffer
		err := client.Run(t.Context(), "docker version --format '{{.Server.Os}}'; cat; echo no >&2; exit 7", strings.NewReader("in"), &out, &errs)
		exit, is := errors.AsType[*ExitError](err)
		if !is || exit.Status != 7 || exit.Stderr != "no\n" || out.String() != "linux\nin" || errs.String() != "no\n" {
			t.Errorf("%v: %q and %q", err, out.String(), errs.String())
		}
		err = client.Run(t.Context(), "kill -KILL $$", nil, nil, nil)
		if exit, is := errors.AsType[*ExitError](err); !is || exit.Signal != "KILL" || exit.Status != 137 {
			t.Errorf("a killed command: %v", err)
		}
	})

	t.Run("terminal", func(t *testing.T) {
		in, typing := io.Pipe()
		resized, said := make(chan Size), make(chan string, 64)
		ended := make(chan error, 1)
		go func() {
			ended <- client.RunOnTerminal(t.Context(), `trap 'stty size' WINCH; test -t 0 && test -t 1 && echo "$TERM"; stty size; until read -r line; do :; done; exit 5`,
				Terminal{Kind: "xterm-mono", Size: Size{Width: 91, Height: 31}, Resized: resized}, in, writer(func(text []byte) { said <- string(text) }))
		}()
		heard := ""
		await := func(text string) {
			t.Helper()
			for !strings.Contains(heard, text) {
				select {
				case more := <-said:
					heard += more
				case err := <-ended:
					t.Fatalf("it ended with %v before it said %q: %q", err, text, heard)
				}
			}
		}
		await("xterm-mono\r\n31 91\r\n")
		resized <- Size{Width: 101, Height: 41}
		await("41 101\r\n")
		if _, err := io.WriteString(typing, "enough\r"); err != nil {
			t.Fatal(err)
		}
		if exit, is := errors.AsType[*ExitError](<-ended); !is || exit.Status != 5 {
			t.Errorf("it ended with %v", exit)
		}
	})

	t.Run("hang up", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		err := client.Run(ctx, "echo $$ > /tmp/pid; echo here; exec sleep 1000", nil, writer(func([]byte) { cancel(why) }), nil)
		if !errors.Is(err, why) {
			t.Fatal(err)
		}
		if err := client.Run(t.Context(), "while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.02; done", nil, nil, nil); err != nil {
			t.Error(err)
		}
	})

	t.Run("upload", func(t *testing.T) { uploadToOpenSSH(t, vps, client) })
	t.Run("a full disk", func(t *testing.T) { fillDisk(t, vps, client) })

	t.Run("a folder of root", func(t *testing.T) {
		_, err := client.Upload(t.Context(), nil, File{Path: "/opt/webshop/mage", Content: strings.NewReader("x")})
		wantText(t, err, "permission denied to deploy", "/opt/webshop", "install -d -o deploy /opt/webshop")
	})

	t.Run("an alias, the given key and the given hosts", func(t *testing.T) {
		connect(t, Options{Host: server.Host, Home: t.TempDir(), Key: server.Key, KnownHosts: server.KnownHosts, Env: noEnv})
		options := options
		options.Host = "shop"
		connect(t, options)
	})

	t.Run("an unknown host", func(t *testing.T) {
		_, err := Dial(t.Context(), Options{Host: server.Host, Home: t.TempDir(), Key: server.Key, Env: noEnv})
		fingerprint := strings.Fields(vps.Run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").Output)[1]
		wantText(t, err, "host key is not known", fingerprint, "ssh-keyscan -p 22 -t ed25519 "+vps.Address)
	})

	t.Run("a key of another", func(t *testing.T) {
		_, err := Dial(t.Context(), Options{Host: server.Host, Home: t.TempDir(), Key: newKey(t).pem(t, ""), KnownHosts: server.KnownHosts, Env: noEnv})
		wantText(t, err, "refused every key", "SHA256:", "ssh-copy-id", "deploy@"+vps.Address)
	})

	t.Run("an agent of many keys", func(t *testing.T) {
		var keys []keyPair
		for range 7 {
			keys = append(keys, newKey(t))
		}
		options := options
		socket := agentOf(t, keyringOf(t, keys...))
		options.Env = func(string) string { return socket }
		_, err := Dial(t.Context(), options)
		wantText(t, err, "stopped after too many keys", keys[0].fingerprint(), "IdentitiesOnly yes")
	})

	t.Run("silence", func(t *testing.T) {
		client := connect(t, options)
		err := client.Run(t.Context(), "echo here; exec sleep 1000", nil, writer(func([]byte) { server.Silence() }), nil)
		server.Heal()
		if !errors.Is(err, ErrLost) {
			t.Errorf("after the packets vanished: %v", err)
		}
	})

	t.Run("nothing listens", func(t *testing.T) {
		client := connect(t, options)
		server.Stop()
		vps.MustRunIn("/", "sh", "-c", "while socat -u /dev/null TCP:127.0.0.1:22 2>/dev/null; do sleep 0.02; done")
		_, err := Dial(t.Context(), options)
		wantText(t, err, "the host is up, but nothing listens on port 22")
		if err := client.Run(t.Context(), "true", nil, nil, nil); err != nil {
			t.Errorf("on the open connection: %v", err)
		}
	})
}

// uploadToOpenSSH replaces a program of 30 MB while it runs.
func uploadToOpenSSH(t *testing.T, vps *deploytest.VPS, client *Client) {
	vps.MustRunIn("/", "install", "-d", "-o", "deploy", "/opt/shop")
	program := make([]byte, 30<<20)
	_, _ = rand.Read(program)
	vps.MustRunIn("/", "install", "-o", "deploy", "/bin/sleep", "/opt/shop/mage")
	vps.Background("/opt/shop/mage", "1000")
	look := func() Host {
		host, err := client.Look(t.Context(), "/opt/shop/mage", "/opt/shop/a/b/.env")
		if err != nil {
			t.Fatal(err)
		}
		return host
	}
	upload := func() Uploaded {
		held := look().Digests
		var last, total int64
		uploaded, err := client.Upload(t.Context(), func(bytes, all int64) { last, total = bytes, all },
			File{Path: "/opt/shop/mage", Mode: 0o755, Content: bytes.NewReader(program), Held: held["/opt/shop/mage"]},
			File{Path: "/opt/shop/a/b/.env", Content: strings.NewReader("A=1\n"), Held: held["/opt/shop/a/b/.env"]})
		if err != nil {
			t.Fatal(err)
		}
		if last != total || last != uploaded.Bytes {
			t.Errorf("told of %d bytes of %d, sent %d", last, total, uploaded.Bytes)
		}
		return uploaded
	}
	before, began := client.Channels(), time.Now()
	first := upload()
	t.Logf("30 MB in %s", time.Since(began).Round(time.Millisecond))
	if len(first.Sent) != 2 || first.Bytes != 30<<20+4 {
		t.Errorf("first: %v, %d bytes", first.Sent, first.Bytes)
	}
	if second := upload(); len(second.Sent) != 0 || second.Bytes != 0 {
		t.Errorf("second: %v, %d bytes", second.Sent, second.Bytes)
	}
	program[0]++
	if third := upload(); !slices.Equal(third.Sent, []string{"/opt/shop/mage"}) {
		t.Errorf("third: %v", third.Sent)
	}
	sum := sha256.Sum256(program)
	if held := look().Digests["/opt/shop/mage"]; held != hex.EncodeToString(sum[:]) {
		t.Errorf("the host has %s", held)
	}
	if opened := client.Channels() - before; opened != 5 { // four looks and one for all files
		t.Errorf("%d channels", opened)
	}
	modes := vps.Run("stat", "-c", "%a %U", "/opt/shop/mage", "/opt/shop/a/b/.env").Output
	if modes != "755 deploy\n600 deploy\n" {
		t.Errorf("modes: %q", modes)
	}
	if left := vps.Run("find", "/opt/shop", "-name", "*.upload").Output; left != "" {
		t.Errorf("left behind: %s", left)
	}
}

// fillDisk uploads more than a disk holds.
func fillDisk(t *testing.T, vps *deploytest.VPS, client *Client) {
	vps.MustRunIn("/", "install", "-d", "/mnt/small")
	vps.MustRunIn("/", "mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", "/mnt/small")
	vps.MustRunIn("/", "sh", "-c", "echo old > /mnt/small/mage")
	_, err := client.Upload(t.Context(), nil, File{Path: "/mnt/small/mage", Content: bytes.NewReader(make([]byte, 4<<20))})
	wantText(t, err, "no space left on the disk", "/mnt/small")
	if listed := vps.Run("sh", "-c", "ls -A /mnt/small; cat /mnt/small/mage").Output; listed != "mage\nold\n" {
		t.Errorf("after it: %q", listed)
	}
	if _, err := client.Upload(t.Context(), nil, File{Path: "/mnt/small/mage", Content: strings.NewReader("new")}); err != nil {
		t.Errorf("what fits: %v", err)
	}
}
