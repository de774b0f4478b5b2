package system

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Commands runs commands on this host, as whoever deploys.
type Commands struct {
	// Directory is the deploy directory, in which they run.
	Directory string
}

var _ deploy.HostCommands = Commands{}

const (
	// markVariable names a run in the environment of all that belongs to it, by
	// which it is found when its deployer is dead.
	markVariable = "DEPLOY_RUN"
	// outputGrace is how long what escaped from a command that has ended may
	// hold its output open.
	outputGrace = 2 * time.Second
	// endLooks is how often what starts further processes is looked for.
	endLooks = 100
)

// Run runs a command to its end. It has a process group of its own, which ends
// with it: at its own end, when ctx ends, and the command itself also when this
// process is killed. What leaves the group on purpose, as a daemon does, stays.
func (c Commands) Run(ctx context.Context, command []string, environment map[string]string, out io.Writer) error {
	path := command[0]
	if !strings.Contains(path, "/") {
		if path = program(path); path == "" {
			return fmt.Errorf("%s: no such program in %s", command[0], systemPath)
		}
	}
	mark := rand.Text()
	if err := os.MkdirAll(filepath.Dir(c.markPath()), 0o750); err != nil {
		return fmt.Errorf("note that a command runs: %w", err)
	}
	if err := os.WriteFile(c.markPath(), []byte(mark), 0o600); err != nil {
		return fmt.Errorf("note that a command runs: %w", err)
	}
	started := &exec.Cmd{
		Path: path, Args: command, Dir: c.Directory, Env: cleanEnvironment(environment, mark),
		Stdout: out, Stderr: out, WaitDelay: outputGrace,
		SysProcAttr: &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL},
	}
	runtime.LockOSThread() // the signal comes when the thread ends that started it
	defer runtime.UnlockOSThread()
	if err := started.Start(); err != nil {
		return errors.Join(err, os.Remove(c.markPath()))
	}
	group := started.Process.Pid
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for { // it is not reaped yet, so that nobody else can have its number
			if err := unix.Waitid(unix.P_PID, group, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	_ = unix.Kill(-group, unix.SIGKILL) // nobody is left, or nobody will be
	<-ended
	err := started.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, gone(os.Remove(c.markPath())))
}

// EndLeft ends every process of the run whose deployer did not come to its end.
func (c Commands) EndLeft(ctx context.Context) error {
	mark, err := os.ReadFile(c.markPath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(mark) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find what a killed deployer left running: %w", err)
	}
	for range endLooks {
		if !endMarked(string(mark)) {
			return gone(os.Remove(c.markPath()))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond): // until the kernel has buried them
		}
	}
	return errors.New("what a killed deployer's hook left running cannot be ended: see `ps -e`")
}

func (c Commands) markPath() string { return filepath.Join(c.Directory, ".deploy", "command") }

// cleanEnvironment is what a command has: nothing of the deployer's, who may
// have secrets.
func cleanEnvironment(environment map[string]string, mark string) []string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	language := os.Getenv("LANG")
	if language == "" {
		language = "C.UTF-8"
	}
	clean := []string{"PATH=" + systemPath, "HOME=" + home, "LANG=" + language, markVariable + "=" + mark}
	for name, value := range environment {
		clean = append(clean, name+"="+value)
	}
	return clean
}

// endMarked kills the processes with that mark, and says whether there were any.
func endMarked(mark string) bool {
	entry, found := []byte(markVariable+"="+mark), false
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // gone, or somebody else's
		}
		for one := range bytes.SplitSeq(environ, []byte{0}) {
			if bytes.Equal(one, entry) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				_ = unix.Kill(pid, unix.SIGKILL)
				found = true
			}
		}
	}
	return found
}

// gone takes a file that is not there for one that was removed.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
