package proxy

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestThePageIsEscapedAndOneLine(t *testing.T) {
	got := page("<script>alert(\"1 & 2\")</script>\nback at 10 %")
	if !strings.Contains(got, "<p>&lt;script&gt;alert(&#34;1 &amp; 2&#34;)&lt;/script&gt;<br>back at 10 %</p>") || strings.Contains(got, "\n") {
		t.Error(got)
	}
}

// speaker answers the runtime API's commands about tables, and keeps them.
type speaker struct {
	mu       sync.Mutex
	commands []string
	longest  int
}

func (s *speaker) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		buffer := make([]byte, 1<<20)
		read := 0
		for {
			n, err := conn.Read(buffer[read:])
			read += n
			if err != nil {
				break
			}
		}
		s.mu.Lock()
		s.longest = max(s.longest, read)
		for command := range strings.SplitSeq(strings.TrimSpace(string(buffer[:read])), ";") {
			s.commands = append(s.commands, command)
			reply := "\n"
			if strings.HasPrefix(command, "prepare") {
				reply = "New version created: 7\n\n"
			}
			_, _ = conn.Write([]byte(reply))
		}
		s.mu.Unlock()
		_ = conn.Close()
	}
}

func TestTheLongestMaintenanceFitsIntoOneLine(t *testing.T) {
	p := New(Options{Dir: filepath.Join(t.TempDir(), "proxy")})
	if err := p.EnsureDir(); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(p.dir, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	heard := &speaker{}
	go heard.serve(listener)
	m := &deploy.Maintenance{Message: strings.Repeat(`"`, 1000), RetryAfter: 168 * time.Hour, Pass: "secret-pass", Forwarded: true}
	for number := range 100 {
		address := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte(number)})
		m.Admins = append(m.Admins, netip.PrefixFrom(address, 128))
	}
	if err := p.Maintain(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if heard.longest > maxBatch || len(heard.commands) < 106 {
		t.Errorf("%d commands, the longest line of %d bytes", len(heard.commands), heard.longest)
	}
	if first := heard.commands[0]; first != "prepare acl "+adminsList {
		t.Errorf("%q came before the admins", first)
	}
	for _, name := range []string{maintenanceFile, adminsFile} {
		content, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil || len(content) == 0 || strings.Contains(string(content), "secret-pass") {
			t.Errorf("%s: %v\n%s", name, err, content)
		}
	}
	heard.commands = nil
	if err := p.Maintain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"prepare map " + maintenanceMap, "commit map @7 " + maintenanceMap, "prepare acl " + adminsList, "commit acl @7 " + adminsList}
	if strings.Join(heard.commands, ";") != strings.Join(want, ";") {
		t.Errorf("off: %q", heard.commands)
	}
}
