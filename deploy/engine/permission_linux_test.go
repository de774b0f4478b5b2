package engine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestOpenWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		// Root may open every socket: for this test, this thread asks for
		// files as nobody (setfsuid(2)).
		const nobody = 65534
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0) // it never fails
		defer syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)          //nolint:errcheck // as above
	}
	path := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Host: "unix://" + path})
	if failure, ok := errors.AsType[*deploy.Failure](err); !ok || !strings.Contains(failure.Hint, "usermod") {
		t.Errorf("error %v", err)
	}
}
