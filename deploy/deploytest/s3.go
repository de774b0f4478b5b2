package deploytest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// S3Version is the release of versitygw that stands for all S3 servers.
const S3Version = "v1.8.0"

// S3 is a real S3 server of one test, on loopback, over a folder. What is in a
// bucket are files, which a test may damage.
type S3 struct {
	// Endpoint is the server's address; the keys are the login.
	Endpoint, AccessKey, SecretKey string
	// Folder has a folder for each bucket.
	Folder string

	t                 testing.TB
	port              int
	records, accounts string
	command           *exec.Cmd
	output            bytes.Buffer
}

// NewS3 starts a server with these buckets.
func NewS3(t testing.TB, buckets ...string) *S3 {
	t.Helper()
	s := &S3{t: t, AccessKey: "test-key", SecretKey: "test-secret-7d1f0c", port: FreePorts(t, 1)[0]}
	s.Folder, s.records, s.accounts = t.TempDir(), t.TempDir(), t.TempDir()
	s.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	for _, bucket := range buckets {
		if err := os.Mkdir(filepath.Join(s.Folder, bucket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts it, again over what it had.
func (s *S3) Start() {
	s.t.Helper()
	// The sidecar keeps what the protocol knows of an object on file systems
	// without extended attributes too.
	s.command = exec.CommandContext(context.WithoutCancel(s.t.Context()), s3Binary(s.t),
		"--port", fmt.Sprintf("127.0.0.1:%d", s.port), "--keep-alive", "--quiet", "--iam-dir", s.accounts,
		"posix", "--sidecar", s.records, s.Folder)
	s.command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	s.command.Stdout, s.command.Stderr = &s.output, &s.output
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	(&Project{T: s.t}).Await("an S3 server that listens", func() bool {
		var dialer net.Dialer
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Second)
		defer cancel()
		conn, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// Stop stops it: whoever asks it is refused.
func (s *S3) Stop() {
	s.t.Helper()
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait() // it was killed
	s.command = nil
	if s.t.Failed() {
		s.t.Logf("S3 server: %s", s.output.String())
	}
}

// Process is the server's.
func (s *S3) Process() *os.Process { return s.command.Process }

// Path is the file of an object.
func (s *S3) Path(bucket, key string) string {
	return filepath.Join(s.Folder, bucket, filepath.FromSlash(key))
}

// s3Binary builds the server once on a machine, outside this module, and gives
// its path.
func s3Binary(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "webshop-deploy-test")
	path := filepath.Join(folder, "versitygw-"+S3Version)
	once(t, "S3 server", func() error {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		building := fmt.Sprintf("%s.%d", path, os.Getpid())
		defer os.RemoveAll(building)
		build := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "install", "-ldflags=-s -w", "github.com/versity/versitygw/cmd/versitygw@"+S3Version)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOBIN="+building)
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return os.Rename(filepath.Join(building, "versitygw"), path)
	})
	return path
}
