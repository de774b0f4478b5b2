package system

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
)

func TestCommandsConform(t *testing.T) {
	conformance.Commands(t, conformance.Plainly, func(t *testing.T) deploy.HostCommands {
		return Commands{Directory: t.TempDir()}
	})
}

// family starts a child, a grandchild that ignores every request to end, and
// says their numbers.
const family = `trap "" TERM HUP; sleep 600 & echo $!; (trap "" TERM HUP; echo $$; sleep 600 & echo $!; wait) & wait`

func TestCommandEndsWithAllThatItStarted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("its time is up")
	var pids []string
	out := lines(func(line string) {
		if pids = append(pids, line); len(pids) == 3 {
			cancel(why)
		}
	})
	if err := (Commands{Directory: t.TempDir()}).Run(ctx, []string{"sh", "-c", family}, nil, out); !errors.Is(err, why) {
		t.Errorf("it ended with %v", err)
	}
	buried(t, pids)
}

func TestCommandTakesItsChildrenAlong(t *testing.T) {
	var out bytes.Buffer
	folder := t.TempDir()
	if err := (Commands{Directory: folder}).Run(t.Context(), []string{"sh", "-c", `pwd; sleep 600 & echo $!; exit 0`}, nil, &out); err != nil {
		t.Fatal(err)
	}
	said := strings.Fields(out.String())
	if said[0] != folder {
		t.Errorf("it ran in %s, not in %s", said[0], folder)
	}
	buried(t, said[1:])
}

// deployerFolder has this test binary be the deployer that is killed.
const deployerFolder = "TEST_DEPLOYER_FOLDER"

func TestKilledDeployersCommandIsEnded(t *testing.T) {
	if folder := os.Getenv(deployerFolder); folder != "" {
		_ = Commands{Directory: folder}.Run(context.Background(), []string{"sh", "-c", "setsid sleep 600 & echo $!; " + family}, nil, os.Stdout)
		return
	}
	folder := t.TempDir()
	deployer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledDeployersCommandIsEnded$")
	deployer.Env = append(os.Environ(), deployerFolder+"="+folder)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	deployer.Stdout = write
	if err := errors.Join(deployer.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	var pids []string
	for scanner := bufio.NewScanner(read); len(pids) < 4 && scanner.Scan(); {
		pids = append(pids, scanner.Text())
	}
	_ = deployer.Process.Kill()
	_ = deployer.Wait()
	if err := (Commands{Directory: folder}).EndLeft(t.Context()); err != nil {
		t.Error(err)
	}
	buried(t, pids)
	if left, _ := filepath.Glob(filepath.Join(folder, ".deploy", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// buried asserts that processes are gone, or will be as soon as somebody asks
// after them.
func buried(t *testing.T, pids []string) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("no process was said")
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for _, pid := range pids {
		for began := time.Now(); ; <-look.C {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			if _, state, _ := strings.Cut(string(stat), ") "); err != nil || strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X") {
				break
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("process %s runs on: %s", pid, stat)
			}
		}
	}
}

// lines passes on whole lines.
type lines func(line string)

func (l lines) Write(content []byte) (int, error) {
	for line := range strings.Lines(string(content)) {
		l(strings.TrimSpace(line))
	}
	return len(content), nil
}
