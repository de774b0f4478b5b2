package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// filesOf connects to a server with files, and gives its folder.
func filesOf(t *testing.T) (string, *Client) {
	t.Helper()
	v, key := newVisitor(t), newKey(t)
	s := newServer(t, serverOptions{hostKeys: []ssh.Signer{key}, allowed: v.allowed()})
	v.write("known_hosts", s.known(key))
	return s.root, connect(t, v.options(s.addr))
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// listed gives all names in a folder.
func listed(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestUpload(t *testing.T) {
	root, client := filesOf(t)
	big := make([]byte, 5<<20+17)
	_, _ = rand.Read(big)
	absolute := filepath.ToSlash(filepath.Join(root, "deep", "down", "mage"))
	files := func(held map[string]string) []File {
		return []File{
			{Path: absolute, Mode: 0o755, Content: bytes.NewReader(big), Held: held[absolute]},
			{Path: "it's.env", Content: strings.NewReader("A=1\n"), Held: held["it's.env"]},
			{Path: "empty", Mode: 0o644, Content: strings.NewReader(""), Held: held["empty"]},
		}
	}
	look := func() map[string]string {
		host, err := client.Look(t.Context(), absolute, "it's.env", "empty")
		if err != nil {
			t.Fatal(err)
		}
		return host.Digests
	}
	var last, total int64
	progress := func(bytes, all int64) {
		if bytes < last || all != int64(len(big))+4 {
			t.Errorf("told of %d of %d after %d", bytes, all, last)
		}
		last, total = bytes, all
	}
	first, err := client.Upload(t.Context(), progress, files(look())...)
	if err != nil || len(first.Sent) != 3 || first.Bytes != int64(len(big))+4 || last != total {
		t.Errorf("%+v, %v, told of %d of %d", first, err, last, total)
	}
	if read(t, absolute) != string(big) || read(t, root, "it's.env") != "A=1\n" || read(t, root, "empty") != "" {
		t.Error("the content differs")
	}
	for name, mode := range map[string]os.FileMode{absolute: 0o755, filepath.Join(root, "it's.env"): 0o600, filepath.Join(root, "empty"): 0o644} {
		if at, err := os.Stat(name); err != nil || at.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, at.Mode(), err)
		}
	}
	channels := client.Channels()
	second, err := client.Upload(t.Context(), nil, files(look())...)
	if err != nil || len(second.Sent) != 0 || second.Bytes != 0 {
		t.Errorf("again: %+v, %v", second, err)
	}
	big[len(big)-1]++
	third, err := client.Upload(t.Context(), nil, files(look())...)
	if err != nil || !slices.Equal(third.Sent, []string{absolute}) || read(t, absolute) != string(big) {
		t.Errorf("one changed: %+v, %v", third, err)
	}
	if opened := client.Channels() - channels; opened != 2 {
		t.Errorf("%d channels for two looks and an upload", opened)
	}
	if names := listed(t, filepath.Dir(absolute)); !slices.Equal(names, []string{"mage"}) {
		t.Errorf("left: %q", names)
	}
}

// TestUploadReplacesBesideWhoReads keeps the old file to those that have it
// open, as a running program has.
func TestUploadReplacesBesideWhoReads(t *testing.T) {
	root, client := filesOf(t)
	name := filepath.Join(root, "mage")
	if err := os.WriteFile(name, []byte("old"), 0o755); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, err := client.Upload(t.Context(), nil, File{Path: "mage", Content: strings.NewReader("new")}); err != nil {
		t.Fatal(err)
	}
	if old, err := io.ReadAll(open); string(old) != "old" || err != nil || read(t, name) != "new" {
		t.Errorf("%q, %v, then %q", old, err, read(t, name))
	}
}

func TestContentThatIsNotReadWhenItIsThere(t *testing.T) {
	_, client := filesOf(t)
	uploaded, err := client.Upload(t.Context(), nil, File{Path: "x", SHA256: "same", Held: "same"})
	if err != nil || len(uploaded.Sent) != 0 || client.Channels() != 0 {
		t.Errorf("%+v, %v, %d channels", uploaded, err, client.Channels())
	}
}

// failing is content that breaks in its middle.
type failing struct {
	*bytes.Reader
	after int
	do    func() error
}

func (f *failing) Read(into []byte) (int, error) {
	if f.after--; f.after < 0 {
		if err := f.do(); err != nil {
			return 0, err
		}
	}
	return f.Reader.Read(into)
}

func TestUploadsThatFail(t *testing.T) {
	root, client := filesOf(t)
	name := filepath.Join(root, "mage")
	if err := os.WriteFile(name, []byte("old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 1<<20)
	sum := sha256.Sum256(big)
	digest := hex.EncodeToString(sum[:])
	stopped, broken := errors.New("Ctrl-C"), errors.New("broken disk")
	ctx, cancel := context.WithCancelCause(t.Context())
	for what, test := range map[string]struct {
		ctx  context.Context
		file File
		want string
	}{
		"the end of ctx": {ctx, File{Path: "mage", SHA256: digest, Content: &failing{bytes.NewReader(big), 10, func() error { cancel(stopped); return nil }}}, "upload mage: Ctrl-C"},
		"unreadable":     {t.Context(), File{Path: "mage", SHA256: digest, Content: &failing{bytes.NewReader(big), 10, func() error { return broken }}}, "read what is to be mage: broken disk"},
		"changed":        {t.Context(), File{Path: "mage", SHA256: strings.Repeat("0", 64), Content: bytes.NewReader(big)}, "changed while it was sent"},
		"a folder":       {t.Context(), File{Path: "folder", Content: bytes.NewReader(big)}, "there is a folder of that name"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := client.Upload(test.ctx, nil, test.file)
			wantText(t, err, test.want)
		})
	}
	if names := listed(t, root); !slices.Equal(names, []string{"folder", "mage"}) || read(t, name) != "old" {
		t.Errorf("left: %q, %q", names, read(t, name))
	}
	if _, err := client.Upload(t.Context(), nil, File{Path: "mage", Content: strings.NewReader("new")}); err != nil || read(t, name) != "new" {
		t.Errorf("afterwards: %v", err)
	}
}

func TestHostWithoutSFTP(t *testing.T) {
	_, client := over(t, serverOptions{noFiles: true}, 0)
	_, err := client.Upload(t.Context(), nil, File{Path: "x", Content: strings.NewReader("x")})
	wantText(t, err, "takes no files over sftp", "Subsystem sftp")
}

func TestLineThatFallsDeadDuringAnUpload(t *testing.T) {
	r, client := over(t, serverOptions{}, 100*time.Millisecond)
	content := &failing{bytes.NewReader(make([]byte, 8<<20)), 20, func() error { r.freeze(); return nil }}
	_, err := client.Upload(t.Context(), nil, File{Path: "x", SHA256: "y", Content: content})
	if !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}
