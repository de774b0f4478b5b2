package deploytest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Laptop is a developer's machine: a project in git with its origin, and a
// home with what SSH and Docker need.
type Laptop struct {
	T testing.TB
	// Root is the project, Home the developer's home.
	Root, Home string
	// Env are further variables of every command.
	Env []string

	mu   sync.Mutex
	said strings.Builder
}

// Said is all that commands have printed so far.
func (l *Laptop) Said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said.String()
}

// NewLaptop makes a project with an empty git history, and an origin that
// stands for the code's host. home is that of an SSHD.
func NewLaptop(t testing.TB, home string) *Laptop {
	t.Helper()
	l := &Laptop{T: t, Root: t.TempDir(), Home: home}
	origin := t.TempDir()
	l.run(origin, "git", "init", "--quiet", "--bare", "--initial-branch=main")
	l.Git("init", "--quiet", "--initial-branch=main")
	l.Git("remote", "add", "origin", origin)
	return l
}

// LogIn stores a registry's login where `docker login` does.
func (l *Laptop) LogIn(registry, user, password string) {
	l.T.Helper()
	entry := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
	content, err := json.Marshal(map[string]any{"auths": map[string]any{registry: entry}})
	if err != nil {
		l.T.Fatal(err)
	}
	l.WriteHome(".docker/config.json", string(content))
}

// WriteFile writes a file of the project.
func (l *Laptop) WriteFile(name, content string) {
	l.T.Helper()
	path := filepath.Join(l.Root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		l.T.Fatal(err)
	}
}

// WriteHome writes a file of the developer's home.
func (l *Laptop) WriteHome(name, content string) {
	l.T.Helper()
	path := filepath.Join(l.Home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		l.T.Fatal(err)
	}
}

// Commit commits all files, pushes them, and gives the version that staging
// calls it.
func (l *Laptop) Commit(message string) string {
	l.T.Helper()
	l.Git("add", "--all")
	l.Git("commit", "--quiet", "--message", message)
	l.Git("push", "--quiet", "origin", "main")
	return "sha-" + strings.TrimSpace(l.Git("rev-parse", "HEAD"))[:12]
}

// Git runs git in the project.
func (l *Laptop) Git(args ...string) string {
	l.T.Helper()
	return l.run(l.Root, "git", args...)
}

func (l *Laptop) run(folder, name string, args ...string) string {
	l.T.Helper()
	command := exec.CommandContext(l.T.Context(), name, args...)
	command.Dir, command.Env = folder, l.environment()
	output, err := command.CombinedOutput()
	if err != nil {
		l.T.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return string(output)
}

// environment is that of a person at work: no CI, no agent, its own home.
func (l *Laptop) environment() []string {
	kept := []string{
		"HOME=" + l.Home, "NO_COLOR=1",
		"GIT_AUTHOR_NAME=Anna", "GIT_AUTHOR_EMAIL=anna@shop.example", "GIT_COMMITTER_NAME=Anna", "GIT_COMMITTER_EMAIL=anna@shop.example",
	}
	for _, name := range []string{"PATH", "DOCKER_HOST", "TMPDIR", "GOMODCACHE", "GOPROXY"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return append(kept, l.Env...)
}

// LaptopCommand is a mage command on its way.
type LaptopCommand struct {
	laptop *Laptop
	cmd    *exec.Cmd
	began  time.Time
	took   time.Duration
	failed error
	done   chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	more   chan struct{}
}

// Write keeps what the command prints.
func (c *LaptopCommand) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	return c.output.Write(p)
}

// Output is what the command has printed so far.
func (c *LaptopCommand) Output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

// Start starts a mage command in the project.
func (l *Laptop) Start(args ...string) *LaptopCommand {
	l.T.Helper()
	c := &LaptopCommand{laptop: l, done: make(chan struct{}), more: make(chan struct{}, 1)}
	c.cmd = exec.CommandContext(context.WithoutCancel(l.T.Context()), Binary(l.T), args...)
	c.cmd.Dir, c.cmd.Env = l.Root, l.environment()
	c.cmd.Stdout, c.cmd.Stderr = c, c
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		l.T.Fatal(err)
	}
	go func() {
		defer close(c.done)
		c.failed = c.cmd.Wait()
		c.took = time.Since(c.began)
	}()
	l.T.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it has ended where all went well
		<-c.done
	})
	return c
}

// AwaitOutput waits until the command has printed a text. One that ends
// without it fails the test.
func (c *LaptopCommand) AwaitOutput(text string) {
	c.laptop.T.Helper()
	limit := time.After(awaitLimit)
	for !strings.Contains(c.Output(), text) {
		select {
		case <-c.more:
		case <-c.done:
			if !strings.Contains(c.Output(), text) {
				c.laptop.T.Fatalf("the command ended without %q:\n%s", text, c.Output())
			}
		case <-limit:
			c.laptop.T.Fatalf("in vain awaited %q:\n%s", text, c.Output())
		}
	}
}

// Signal sends the command a signal.
func (c *LaptopCommand) Signal(signal os.Signal) {
	c.laptop.T.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		c.laptop.T.Fatal(err)
	}
}

// Wait waits for the command's end.
func (c *LaptopCommand) Wait() Result {
	c.laptop.T.Helper()
	<-c.done
	if _, ok := errors.AsType[*exec.ExitError](c.failed); c.failed != nil && !ok {
		c.laptop.T.Fatal(c.failed)
	}
	c.laptop.mu.Lock()
	defer c.laptop.mu.Unlock()
	c.laptop.said.WriteString(c.Output())
	return Result{Args: c.cmd.Args[1:], Output: c.Output(), Took: c.took, Began: c.began, Status: c.cmd.ProcessState.ExitCode()}
}

// Mage runs a command to its end, and logs what it printed.
func (l *Laptop) Mage(args ...string) Result {
	l.T.Helper()
	result := l.Start(args...).Wait()
	l.T.Logf("mage %s: status %d after %s\n%s", strings.Join(args, " "), result.Status, result.Took.Round(time.Millisecond), result.Output)
	return result
}

// MustMage runs a command that has to succeed.
func (l *Laptop) MustMage(args ...string) Result {
	l.T.Helper()
	result := l.Mage(args...)
	if result.Status != 0 {
		l.T.FailNow()
	}
	return result
}

// Reach makes an address of this machine's loopback interface reachable in the
// server, under the same name.
func (v *VPS) Reach(address string) {
	v.T.Helper()
	gateway, _, _ := net.SplitHostPort(v.gateway)
	listener, err := net.Listen("tcp", net.JoinHostPort(gateway, "0"))
	if err != nil {
		v.T.Fatalf("relay %s to the server: %v", address, err)
	}
	v.T.Cleanup(func() { _ = listener.Close() })
	go relay(listener, address)
	_, port, _ := net.SplitHostPort(address)
	v.Background("socat", "TCP-LISTEN:"+port+",bind=127.0.0.1,fork,reuseaddr", "TCP:"+listener.Addr().String())
	v.await(address, "socat", "-u", "/dev/null", "TCP:"+address)
}
