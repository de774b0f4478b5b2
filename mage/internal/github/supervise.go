package github

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Supervise runs a command that a job started once more, as its child, and ends
// with its exit status. It returns at once everywhere else: also in the child,
// and in what that starts.
//
// A process of its own has all of it: what mage says before and behind a target,
// what other programs print into the same streams, and a panic's last words.
func Supervise() {
	if !inJob() || os.Getenv(tokenVariable) != "" || !isMagefile() {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return // its output is as it is elsewhere
	}
	// It is told of signals, and ends by itself.
	child := exec.CommandContext(context.Background(), program, os.Args[1:]...)
	os.Exit(supervise(child, os.Stdout, os.Stderr))
}

// isMagefile says whether this program is what mage compiles, which has no
// package of its own, and not a test.
func isMagefile() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && info.Path == "command-line-arguments"
}

// straggling bounds how long output is awaited from what a command left running.
const straggling = 5 * time.Second

func supervise(child *exec.Cmd, out, errOut *os.File) int {
	token := "job-" + rand.Text()
	shown := &log{token: token}
	words := &lastWords{}
	said := &stream{log: shown, out: out}
	complained := &stream{log: shown, out: errOut, each: func(line string) {
		if words.keep(line); strings.HasPrefix(line, failed) {
			_ = shown.endGroup(errOut) // what went wrong is not folded
		}
	}}
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, said, complained
	// No runner reads a file, and what goes there may be no text.
	if isFile(out) {
		child.Stdout, token = out, noToken
	}
	if isFile(errOut) {
		child.Stderr = errOut
	}
	child.Env = append(os.Environ(), tokenVariable+"="+token)
	child.WaitDelay = straggling
	// One that came to the whole group is told to the child twice, which is once
	// enough.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := child.Start(); err != nil {
		fmt.Fprintln(errOut, "Error:", err)
		return deploy.ExitFailed
	}
	go func() {
		for one := range signals {
			_ = child.Process.Signal(one) // it has ended by itself, or it gets it
		}
	}()
	err := child.Wait()
	_ = errors.Join(said.Close(), complained.Close(), shown.endGroup(out)) // nobody reads the log
	status := child.ProcessState.ExitCode()
	if status == 0 {
		return 0
	}
	if status < 0 {
		status = killed
		words.keep(failed + err.Error())
	}
	if isFile(out) {
		out = errOut
	}
	tell(out, target(child.Args[1:]), status, strings.Join(words.lines, "\n"))
	return status
}

// killed is the status of what a signal ended, as a shell has it for SIGKILL.
const killed = 137

func isFile(stream *os.File) bool {
	info, err := stream.Stat()
	return err == nil && info.Mode().IsRegular()
}

// failed is how mage's own last message begins.
const failed = "Error: "

// mostKept is how many lines of an error are shown beside the log.
const mostKept = 60

// lastWords are the lines of a command's error, or, of one that ended without,
// the last of what it complained of.
type lastWords struct {
	lines []string
	found bool
}

func (w *lastWords) keep(line string) {
	if text, ok := strings.CutPrefix(line, failed); ok {
		w.lines, w.found = []string{text}, true
		return
	}
	w.lines = append(w.lines, line)
	if over := len(w.lines) - mostKept; over > 0 && w.found {
		w.lines = w.lines[:mostKept]
	} else if over > 0 {
		w.lines = w.lines[over:]
	}
}

// target is the first word that was typed. Those behind it may be anything, and
// of a command in a container they are nobody's business.
func target(args []string) string {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			return "mage " + arg
		}
	}
	return "mage"
}

// meanings are what exit statuses say.
var meanings = map[int]string{
	deploy.ExitUsage: "refused", deploy.ExitRolledBack: "rolled back", deploy.ExitNeedsPerson: "needs a person",
	deploy.ExitConsent: "needs -accept-downtime", deploy.ExitInterrupted: "interrupted",
	deploy.ExitUnknown: "goes on where it cannot be seen", deploy.ExitLocked: "another command is running", killed: "killed",
}

// tell shows a failure as an annotation and in the job's summary.
func tell(out io.Writer, target string, status int, text string) {
	title := target + ": " + cmp.Or(meanings[status], "failed")
	text = strings.TrimSpace(text)
	fmt.Fprintln(out, command("error", title, cmp.Or(text, fmt.Sprintf("exit status %d", status))))
	summarize(failure(title, status, text))
}
