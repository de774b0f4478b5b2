package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// shownLines is how many lines of a failed command are shown.
const shownLines = 12

// systemPath is where the system's programs are. Who logs in over SSH without
// being root often has no folder of them in the PATH.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// program finds one of the system's programs; empty where it is not installed.
func program(name string) string {
	for folder := range strings.SplitSeq(systemPath, ":") {
		path := filepath.Join(folder, name)
		if found, err := os.Stat(path); err == nil && found.Mode().IsRegular() && found.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// run runs one of the system's programs to its end, without a terminal, in the
// language of its source, and gives what it printed. An error carries its last
// lines.
func run(ctx context.Context, name string, args ...string) (string, error) {
	path := program(name)
	if path == "" {
		return "", fmt.Errorf("run %s: %w", name, exec.ErrNotFound)
	}
	command := exec.CommandContext(ctx, path, args...)
	command.Env = append(os.Environ(), "LC_ALL=C", "PATH="+systemPath)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return output.String(), &deploy.Failure{Err: fmt.Errorf("run %s: %w", name, err), Logs: lastLines(output.String())}
	}
	return output.String(), nil
}

// lastLines gives the end of what a command printed.
func lastLines(output string) []string {
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-shownLines):]
}
