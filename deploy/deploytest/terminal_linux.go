package deploytest

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// StartInTerminal starts a mage command as a person does: from a shell, which
// leads the session of a terminal. The command that is given is the shell.
func (p *Project) StartInTerminal(args ...string) *Command {
	p.T.Helper()
	screen, terminal := pseudoTerminal(p.T)
	defer terminal.Close()
	c := p.command("sh", "-c", `"$@"; exit $?`, "sh", Binary(p.T))
	c.cmd.Args = append(c.cmd.Args, args...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = terminal, terminal, terminal
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	go func() { _, _ = io.Copy(io.Discard, screen) }() // until nobody has the terminal any more
	p.T.Cleanup(func() { _ = screen.Close() })
	return c.start()
}

// pseudoTerminal opens a terminal and its other side (pts(4)).
func pseudoTerminal(t testing.TB) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}
