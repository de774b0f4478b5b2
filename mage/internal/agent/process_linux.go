package agent

import "syscall"

// self is this very program, also where another build has taken its place on
// the disk since it was started (proc(5)).
func self() (string, error) { return "/proc/self/exe", nil }

// ownSession starts a process that no terminal and no connection can hang up.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// withParent is ownSession for a process that the kernel kills when the thread
// that started it ends, however that ends (prctl(2), PR_SET_PDEATHSIG).
func withParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}
