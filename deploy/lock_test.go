//go:build unix

package deploy_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// holderVariable makes the test's binary hold the lock of a store until it is
// killed.
const holderVariable = "DEPLOY_TEST_HOLD"

func TestMain(m *testing.M) {
	if directory := os.Getenv(holderVariable); directory != "" {
		hold(directory)
	}
	os.Exit(m.Run())
}

func hold(directory string) {
	store := &deploy.Store{Directory: directory, Environment: "production"}
	if _, err := store.Lock("anna@laptop", "deploy of v1.16.0"); err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
	select {}
}

func TestLockIsFreeWhenItsHolderIsKilled(t *testing.T) {
	store := newStore(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(t.Context(), binary)
	holder.Env = append(os.Environ(), holderVariable+"="+store.Directory)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the holder says %q (%v)", line, err)
	}

	_, err = store.Lock("ben@laptop", "rollback to v1.15.0")
	locked, ok := errors.AsType[*deploy.Locked](err)
	if !ok || exitStatus(err) != deploy.ExitLocked {
		t.Fatalf("a lock that is held: %v", err)
	}
	if got := locked.Holder; got.Who != "anna@laptop" || got.What != "deploy of v1.16.0" || got.PID != holder.Process.Pid || got.Since.IsZero() {
		t.Errorf("the holder is %+v", got)
	}
	if text := err.Error(); !strings.Contains(text, "deploy of v1.16.0 is running since ") || !strings.Contains(text, "started by anna@laptop") {
		t.Errorf("it says %q", text)
	}
	if seen, err := store.Holder(); err != nil || seen == nil || seen.Who != "anna@laptop" {
		t.Errorf("the holder is seen as %+v (%v)", seen, err)
	}

	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	if seen, err := store.Holder(); err != nil || seen != nil {
		t.Errorf("a dead holder is seen as %+v (%v)", seen, err)
	}
	lock, err := store.Lock("ben@laptop", "rollback to v1.15.0")
	if err != nil {
		t.Fatalf("the dead holder's lock: %v", err)
	}
	if seen, err := store.Holder(); err != nil || seen == nil || seen.PID != os.Getpid() {
		t.Errorf("the holder is seen as %+v (%v)", seen, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if lock, err = store.Lock("anna@laptop", "deploy of v1.16.0"); err != nil {
		t.Fatalf("an unlocked lock: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
}
