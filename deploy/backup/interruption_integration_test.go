//go:build integration

package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// child is what a process that is to be killed does.
type child struct {
	Endpoint, AccessKey, SecretKey, Database, Container string
	// Do is "take" or "restore"; At the step at which it kills itself, and
	// "streaming" means as soon as something has gone over the line. Without a
	// step it goes on to its end and says how much memory it took.
	Do, At string
	Now    time.Time
}

// childVariable tells a process that it is a child.
const childVariable = "BACKUP_TEST_CHILD"

// kill runs a command in a process that is killed at a step.
func (s *shop) kill(do, at string) {
	s.t.Helper()
	output, err := s.apart(do, at)
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		s.t.Fatalf("%s was not killed at %q: %v\n%s", do, at, err, output)
	}
}

// apart runs a command in a process of its own.
func (s *shop) apart(do, at string) ([]byte, error) {
	s.t.Helper()
	said, err := json.Marshal(child{
		Endpoint: s.s3.Endpoint, AccessKey: s.s3.AccessKey, SecretKey: s.s3.SecretKey,
		Database: s.db.database, Container: shared.container, Do: do, At: at, Now: s.now,
	})
	must(s.t, err)
	inner := exec.CommandContext(s.t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
	inner.Env = append(os.Environ(), childVariable+"="+string(said))
	return inner.CombinedOutput()
}

// TestChild is such a process.
func TestChild(t *testing.T) {
	said := os.Getenv(childVariable)
	if said == "" {
		return // it is for the other tests
	}
	var c child
	must(t, json.Unmarshal([]byte(said), &c))
	opened, err := engine.Open(t.Context(), engine.Options{})
	must(t, err)
	s := &shop{t: t, now: c.Now}
	die := func(step string) {
		if step == c.At {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	vault := s.open(Options{
		Settings: deploy.Backups{
			Service: "db", Database: c.Database, Endpoint: c.Endpoint, Bucket: "backups", Prefix: "shop/test",
			AccessKey: "KEY", SecretKey: "SECRET", Interval: 24 * time.Hour,
		},
		Variables: map[string]string{"KEY": c.AccessKey, "SECRET": c.SecretKey}, Engine: opened, Container: c.Container,
		Progress: func(int64, int64) { die("streaming") },
	})
	vault.reached = die
	if c.Do == "take" {
		_, err = vault.Take(t.Context())
	} else {
		_, err = vault.Restore(t.Context(), "")
	}
	if c.At != "" || err != nil {
		t.Fatalf("it went on to its end: %v", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println("peak", strings.Fields(peak)[0]) // in KiB, for the benchmark
}

// TestARestoreKilledAtEachStep leaves the old database serving, or the new one.
func TestARestoreKilledAtEachStep(t *testing.T) {
	s := newShop(t)
	s.take()
	s.sql(s.db.database, "DELETE FROM products WHERE id > 10;")
	for _, step := range []struct{ at, serves string }{
		{"before", "10"}, {"created", "10"}, {"streaming", "10"}, {"filled", "10"}, {"checked", "10"}, {"renamed", "10"}, {"swapped", "1000"},
	} {
		s.now = s.now.Add(time.Minute)
		s.kill("restore", step.at)
		if serves := s.rows(); serves != step.serves {
			t.Errorf("killed at %s: %s rows serve", step.at, serves)
		}
		t.Logf("killed at %s: left %q", step.at, s.beside())
	}
	must(t, s.vault.Forget(t.Context(), s.db.database+s.beside()[0]))

	s.kill("restore", "created") // the next one finds what it left
	s.sql(s.db.database, "DELETE FROM products;")
	s.now = s.now.Add(time.Minute)
	restored, err := s.vault.Restore(t.Context(), "")
	must(t, err)
	if left := s.beside(); len(left) != 1 || s.db.database+left[0] != restored.Kept || s.rows() != "1000" {
		t.Errorf("left %q, %s rows", left, s.rows())
	}

	s.sql("main", "ALTER DATABASE "+identifier(s.db.database)+" RENAME TO "+identifier(s.db.database+"_aside")+";")
	_, err = s.vault.Restore(t.Context(), "")
	contains(t, fmt.Sprint(err), "is not there, and "+restored.Kept+" is, which served before", "mage backup:swapBack")
	_, err = s.vault.SwapBack(t.Context(), restored.Kept)
	must(t, err)
	if s.rows() != "0" {
		t.Errorf("%s rows", s.rows())
	}
}

// fatten makes a database whose dump is more than one part.
func (s *shop) fatten() {
	s.t.Helper()
	s.sql(s.db.database, "CREATE TABLE fat AS SELECT n, md5(n::text) || md5((n*7)::text) || md5((n*11)::text) || md5((n*13)::text) AS text FROM generate_series(1, 400000) n;")
}

// left are the files of the bucket, those of uploads that were not completed
// included.
func (s *shop) left() []string {
	s.t.Helper()
	var files []string
	must(s.t, filepath.WalkDir(filepath.Join(s.s3.Folder, "backups"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, s.s3.Folder))
		}
		return err
	}))
	return files
}

// dumping are the programs that dump or restore in the container, and the
// sessions of Postgres that they have.
func (s *shop) dumping() string {
	s.t.Helper()
	var out bytes.Buffer
	must(s.t, shared.engine.Pipe(s.t.Context(), shared.container, []string{"sh", "-c", `
for p in /proc/[0-9]*; do
  case "$(cat $p/comm 2>/dev/null)" in pg_dump|pg_restore) grep -qF "$1" $p/environ && echo $p || : ;; esac
done`, "sh", s.db.database}, nil, &out))
	return out.String() + strings.Join(s.sql("main", "SELECT application_name FROM pg_stat_activity WHERE datname = "+literal(s.db.database)+
		" AND (application_name LIKE 'backup %' OR application_name LIKE 'restore %');"), " ")
}

func TestAnInterruptedTakeLeavesNothing(t *testing.T) {
	s := newShop(t)
	s.fatten()
	t.Run("by hand", func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		options := s.options()
		options.Progress = func(int64, int64) { interrupt() }
		_, err := s.open(options).Take(ctx)
		contains(t, fmt.Sprint(err), "take a backup", "canceled", "Nothing was left in bucket backups")
		if failure, ok := errors.AsType[*deploy.Failure](err); !ok || failure.ExitStatus() != deploy.ExitInterrupted || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if left := s.left(); len(left) != 0 {
			t.Errorf("left %q", left)
		}
		if still := s.dumping(); still != "" {
			t.Errorf("goes on: %s", still)
		}
	})
	t.Run("by a server that goes away", func(t *testing.T) {
		options := s.options()
		stop := sync.OnceFunc(s.s3.Stop)
		options.Progress = func(int64, int64) { stop() }
		_, err := s.open(options).Take(t.Context())
		contains(t, fmt.Sprint(err), "take a backup: upload part 2", "no S3 server listens", "could not be removed")
		s.s3.Start()
		listed, err := s.vault.List(t.Context())
		must(t, err)
		if len(listed) != 0 || s.dumping() != "" {
			t.Errorf("listed %+v, goes on: %s", listed, s.dumping())
		}
	})
	t.Run("by kill", func(t *testing.T) {
		s.kill("take", "streaming")
		s.await("the end of the dump", func() bool { return s.dumping() == "" })
		if listed, err := s.vault.List(t.Context()); err != nil || len(listed) != 0 {
			t.Errorf("listed %+v, %v", listed, err)
		}
		if len(s.left()) == 0 {
			t.Fatal("nothing was left that could be cleared up")
		}
		s.now = time.Now().Add(abandoned + time.Hour) // both uploads are older than that now
		taken := s.take()
		if left := s.left(); len(left) != 2 {
			t.Errorf("left %q", left)
		}
		s.kill("take", "uploaded")
		listed, err := s.vault.List(t.Context())
		must(t, err)
		if newest, _ := deploy.NewestBackup(listed); len(listed) != 2 || newest.Name != taken.Name {
			t.Errorf("listed %+v", listed)
		}
		contains(t, s.findings(), "it has no record, so that its taker was interrupted")
	})
}

// await waits for a condition.
func (s *shop) await(what string, holds func() bool) {
	s.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	limit := time.After(time.Minute)
	for !holds() {
		select {
		case <-look.C:
		case <-limit:
			s.t.Fatalf("in vain awaited: %s", what)
		}
	}
}

// TestALineThatBreaks is cut in the middle of an upload and of a download.
func TestALineThatBreaks(t *testing.T) {
	s := newShop(t)
	s.fatten()
	line := newLine(t, strings.TrimPrefix(s.s3.Endpoint, "http://"))
	options := s.options()
	options.Settings.Endpoint = "http://" + line.address
	s.vault = s.open(options)
	line.breakAfter(20 << 20)
	s.take()
	line.breakAfter(10 << 20)
	drilled, err := s.drill("")
	must(t, err)
	if drilled.Drill.Rows < 400_000 || line.broken.Load() != 2 {
		t.Errorf("the line broke %d times, drilled %+v", line.broken.Load(), drilled.Drill)
	}
}
