package deploytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/client"
)

// Project is a folder with a Compose file of environment "test", a deploy
// directory, and a name and ports that no other test has.
type Project struct {
	T    testing.TB
	Name string
	// Root is where mage is run; Directory is the deploy directory in it.
	Root, Directory string
	Docker          *client.Client
}

// NewProject makes an empty project and sees it removed from the engine.
func NewProject(t testing.TB) *Project {
	t.Helper()
	docker := Engine(t)
	p := &Project{
		T: t, Docker: docker, Root: t.TempDir(),
		Name: fmt.Sprintf("wdt%d%s", os.Getpid(), strings.ToLower(fmt.Sprintf("%x", time.Now().UnixNano()%0xffffff))),
	}
	p.Directory = filepath.Join(p.Root, "deployed")
	for _, folder := range []string{filepath.Join(p.Root, "compose"), p.Directory} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.dump()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Sweep(ctx, docker, p.Name); err != nil {
			t.Error(err)
		}
	})
	return p
}

// WriteCompose writes the environment's Compose file. PROJECT and LABELS in it
// stand for the project's name and for the labels of every service, network
// and volume.
func (p *Project) WriteCompose(content string) {
	p.T.Helper()
	content = strings.NewReplacer("PROJECT", p.Name, "LABELS", fmt.Sprintf("{%s: %s}", Label, p.Name)).Replace(content)
	p.WriteFile("compose/docker-compose.test.yml", content)
}

// WriteEnv writes the deploy directory's .env.
func (p *Project) WriteEnv(variables ...string) {
	p.T.Helper()
	p.WriteFile("deployed/.env", strings.Join(variables, "\n")+"\n")
}

// WriteFile writes a file of the project.
func (p *Project) WriteFile(name, content string) {
	p.T.Helper()
	path := filepath.Join(p.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.T.Fatal(err)
	}
}

// ReadFile reads a file of the project.
func (p *Project) ReadFile(name string) string {
	p.T.Helper()
	content, err := os.ReadFile(filepath.Join(p.Root, name))
	if err != nil {
		p.T.Fatal(err)
	}
	return string(content)
}

// awaitLimit is how long a condition may take to come about. It is far more
// than any takes, and no figure of a test.
const awaitLimit = 90 * time.Second

// Await waits until a condition holds; one that never does fails the test.
func (p *Project) Await(what string, holds func() bool) {
	p.T.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	limit := time.After(awaitLimit)
	for !holds() {
		select {
		case <-look.C:
		case <-limit:
			p.T.Fatalf("in vain awaited: %s", what)
		}
	}
}

// Ports that tests may take: below those that the kernel gives to connections.
const firstPort, lastPort = 20000, 32000

var ports struct {
	sync.Mutex
	given map[int]bool
}

// FreePorts gives ports of the loopback interface that nothing listens on. No
// two tests of a process get the same one, and those of two processes hardly
// ever.
func FreePorts(t testing.TB, count int) []int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	var found []int
	for range lastPort - firstPort {
		if len(found) == count {
			return found
		}
		port := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // no secret
		if ports.given[port] {
			continue
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue // taken
		}
		_ = listener.Close()
		ports.given[port] = true
		found = append(found, port)
	}
	t.Fatalf("no %d free ports between %d and %d", count, firstPort, lastPort)
	return nil
}
