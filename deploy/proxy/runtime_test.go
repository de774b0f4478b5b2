package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRepliesAreSetApart(t *testing.T) {
	commands := []string{"set server web/s1 state ready", "set server web/s2 fqdn web-2", "show info"}
	got, err := splitReplies("\nweb/s2 changed its FQDN from a to web-2 by 'stats socket command'\n\nName: HAProxy\nPid: 8\n\n", commands)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0] != "" || !accepted(commands[1], got[1]) || got[2] != "Name: HAProxy\nPid: 8" {
		t.Errorf("replies: %q", got)
	}
	for _, raw := range []string{"", "\n", "\n\n", "\n\n\n\n", "\n\nName: HAProxy\n", "\n\ncut"} {
		if got, err := splitReplies(raw, commands); err == nil {
			t.Errorf("splitReplies(%q) = %q", raw, got)
		}
	}
}

func TestOnlyKnownRepliesAreSuccess(t *testing.T) {
	for _, c := range []struct {
		command, reply string
		want           bool
	}{
		{"set server web/s1 state ready", "", true},
		{"set server web/s1 state ready", "No such server.", false},
		{"set server web/s1 state ready", "Proxy is disabled.", false},
		{"set server web/s1 state ready", "web/s1 changed its FQDN from a to b by 'x'", false},
		{"set server web/s1 fqdn b", "web/s1 changed its FQDN from a to b by 'x'", true},
		{"set server web/s1 fqdn b", "no need to change the FDQN by 'stats socket command'", true},
		{"set server web/s1 fqdn b", "could not update web/s1 FQDN by 'stats socket command'", false},
		{"set server web/s1 fqdn b", "invalid fqdn 'b' by 'stats socket command'", false},
		{"clear counters all", "Permission denied", false},
	} {
		if got := accepted(c.command, c.reply); got != c.want {
			t.Errorf("accepted(%q, %q) = %v", c.command, c.reply, got)
		}
	}
}

func FuzzReplies(f *testing.F) {
	f.Add("", "web/s2 changed its FQDN from a to b")
	f.Add("Name: HAProxy\nPid: 8", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		if strings.Contains(one+"\n"+two, "\n\n") || strings.HasPrefix(one, "\n") || strings.HasSuffix(two, "\n") {
			return // an answer has no empty line in it
		}
		raw := ""
		for _, reply := range []string{one, two} {
			if reply != "" {
				raw += reply + "\n"
			}
			raw += "\n"
		}
		got, err := splitReplies(raw, []string{"one", "two"})
		if err != nil || got[0] != one || got[1] != two {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
		if len(raw) > 2 {
			if got, err := splitReplies(raw[:len(raw)-1], []string{"one", "two"}); err == nil {
				t.Errorf("cut: %q", got)
			}
		}
	})
}

func TestReloadSaysWhatWasRefused(t *testing.T) {
	if err := readReload("Success=1\n--\n[NOTICE]   (1) : New worker (25) forked\n"); err != nil {
		t.Error(err)
	}
	err := readReload("Success=0\n--\n[NOTICE]   (1) : haproxy version is 3.0.11\n[ALERT]    (1) : config : [/x:3] : unknown keyword 'oops'\n")
	if err == nil || !strings.Contains(err.Error(), "unknown keyword 'oops'") || strings.Contains(err.Error(), "NOTICE") {
		t.Error(err)
	}
	for _, reply := range []string{"", "Success", "Permission denied\n", "Success=0"} {
		if readReload(reply) == nil {
			t.Errorf("%q was taken as a success", reply)
		}
	}
}

func TestOldWorkersAreFound(t *testing.T) {
	got := parseOldPIDs(`#<PID>          <type>          <reloads>       <uptime>        <version>
1               master          2 [failed: 0]   0d00h15m27s     3.0.11
# workers
25              worker          0               0d00h00m00s     3.0.11
# old workers
8               worker          1               0d00h15m27s     3.0.11
17              worker          2               0d00h10m27s     3.0.11
# programs
99              program         0               0d00h00m00s     -

`)
	if strings.Join(got, " ") != "8 17" {
		t.Errorf("old workers: %v", got)
	}
}

// serve answers each connection to a socket with what it is asked for.
func serve(t *testing.T, path string, answer func(line string) string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := io.ReadAll(conn)
			_, _ = io.WriteString(conn, answer(strings.TrimSpace(string(line))))
			_ = conn.Close()
		}
	}()
}

func TestChangeNamesEveryRefusal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	serve(t, path, func(string) string { return "No such server.\n\n\nProxy is disabled.\n\n" })
	err := (&client{path: path}).change(t.Context(), "one", "two", "three")
	if err == nil || err.Error() != "proxy command \"one\": No such server.\nproxy command \"three\": Proxy is disabled." {
		t.Errorf("change: %v", err)
	}
	if reply, ok := errors.AsType[*ReplyError](err); !ok || reply.Command != "one" {
		t.Errorf("no typed error: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	dir := t.TempDir()
	missing := &client{path: filepath.Join(dir, "missing")}
	if _, err := missing.run(t.Context(), "show info"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	// A proxy that was killed leaves its socket behind.
	path := filepath.Join(dir, "dead")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	if _, err := (&client{path: path}).run(t.Context(), "show info"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("socket of a dead proxy: %v", err)
	}
}

func TestASocketInADeepFolderIsReached(t *testing.T) {
	short := t.TempDir()
	deep := filepath.Join(short, strings.Repeat("d/", 100))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	serve(t, filepath.Join(short, "s"), func(line string) string { return line + "\n\n" })
	if err := os.Rename(filepath.Join(short, "s"), filepath.Join(deep, "s")); err != nil {
		t.Fatal(err)
	}
	got, err := (&client{path: filepath.Join(deep, "s")}).run(t.Context(), "show info")
	if err != nil || got[0] != "show info" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAProxyThatHangsIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	serve(t, path, func(string) string { <-t.Context().Done(); return "" })
	if _, err := (&client{path: path}).run(ctx, "show info"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("run: %v", err)
	}
}

func TestABatchThatIsTooLongIsRefused(t *testing.T) {
	if _, err := (&client{path: "unused"}).run(t.Context(), strings.Repeat("x", maxBatch+1)); err == nil || errors.Is(err, ErrNotRunning) {
		t.Errorf("run: %v", err)
	}
}
