//go:build unix

package github

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// TestSupervise runs this test once more as the command of a job.
func TestSupervise(t *testing.T) {
	if os.Getenv("ROLE") != "" {
		actAs(os.Getenv("ROLE"))
	}
	for _, one := range []struct {
		role, wantOut, wantErr, wantSummary string
		status                              int
	}{
		{
			role: "signalled", status: deploy.ExitInterrupted,
			wantOut:     "ready\n::error title=mage%3A interrupted::exit status 6\n",
			wantSummary: "### mage: interrupted\n\nExit status 6.\n\n```\nno message\n```\n\n",
		},
		{
			role:    "well",
			wantOut: "::group::a%0Ab\nin it\n::endgroup::\n::warning title=mage::look\n| ::error::a commit\n",
		},
		{
			role: "badly", status: deploy.ExitRolledBack,
			wantOut: "::group::roll out\n::error title=mage%3A rolled back::start web: exited%0A  | `::error::no`%0ALook at it.\n",
			wantErr: "::endgroup::\nError: start web: exited\n  | `::error::no`\nLook at it.\n",
			wantSummary: "### mage: rolled back\n\nExit status 3.\n\n```\n" +
				"start web: exited\n  | `::error::no`\nLook at it.\n```\n\n",
		},
	} {
		t.Run(one.role, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "summary.md")
			for name, value := range map[string]string{"ROLE": one.role, "GITHUB_ACTIONS": "true", tokenVariable: "", "GITHUB_STEP_SUMMARY": file} {
				t.Setenv(name, value)
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSupervise$")
			status, out, errOut := inPipes(t, child)
			if status != one.status || out != one.wantOut || errOut != one.wantErr {
				t.Errorf("status %d\n%s\n%s", status, out, errOut)
			}
			summary, _ := os.ReadFile(file) // there is none where all went well
			if string(summary) != one.wantSummary {
				t.Errorf("the summary is\n%s", summary)
			}
		})
	}
}

// What goes into a file is the command's own output, to the byte.
func TestSuperviseIntoAFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, value := range map[string]string{"ROLE": "well", "GITHUB_ACTIONS": "true", tokenVariable: ""} {
		t.Setenv(name, value)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSupervise$")
	status := supervise(child, file, file)
	content, err := os.ReadFile(file.Name())
	if want := "in it\n::error::a commit\n"; status != 0 || err != nil || string(content) != want {
		t.Errorf("status %d, %v: the file has %q, not %q", status, err, content, want)
	}
}

// actAs is the command: what a target prints, and mage behind it.
func actAs(role string) {
	switch role {
	case "well":
		Group(os.Stdout, "a\nb")
		os.Stdout.WriteString("in it\n")
		EndGroup(os.Stdout)
		Warn(os.Stdout, "mage", "look")
		os.Stdout.WriteString("::error::a commit\n")
		os.Exit(0)
	case "badly":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		Group(os.Stdout, "roll out")
		<-signals // the two streams are read apart
		os.Stderr.WriteString("Error: start web: exited\n  | `::error::no`\nLook at it.\n")
		os.Exit(deploy.ExitRolledBack)
	case "signalled":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		os.Stdout.WriteString("ready\n")
		<-signals
		os.Exit(deploy.ExitInterrupted)
	}
}

// inPipes supervises a command whose streams a runner reads. This process is
// told to end when the command has said what it waits behind.
func inPipes(t *testing.T, child *exec.Cmd) (status int, out, errOut string) {
	t.Helper()
	var ends [2]*os.File
	var read [2]chan string
	for at := range ends {
		from, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		ends[at], read[at] = to, make(chan string, 1)
		go func() {
			var all strings.Builder
			for piece := make([]byte, 1<<10); ; {
				n, err := from.Read(piece)
				all.Write(piece[:n])
				if said := all.String(); n > 0 && (said == "ready\n" || said == "::group::roll out\n") {
					_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
				}
				if err != nil {
					break
				}
			}
			read[at] <- all.String()
		}()
	}
	status = supervise(child, ends[0], ends[1])
	for _, end := range ends {
		_ = end.Close()
	}
	return status, <-read[0], <-read[1]
}
