package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const (
	// handoverWait is how long a deploy that was asked to go back may take. What
	// serves has its requests back after milliseconds; the rest is clearing up.
	handoverWait = 10 * time.Minute
	// lockPause is between two attempts at the lock.
	lockPause = 100 * time.Millisecond
)

// asked is who asked a running deploy to go back.
type asked struct {
	Who  string `json:"who"`
	What string `json:"what"`
	// PID is the process that was asked, so that no other takes it for itself.
	PID int `json:"pid"`
}

// lock takes the deploy lock. For the way back to a version, a deploy that is
// on its way from that very version is asked to go back by itself: the old
// containers still run and it knows them, so nothing is faster. One that has
// committed is waited for: it only clears up.
func (s *Supervisor) lock(ctx context.Context) (*deploy.Lock, error) {
	r := s.Request.Rollout
	version := ""
	if r.Rollback {
		version = r.Version
	}
	lock, err := s.Store.Lock(s.Request.Who, r.What)
	locked, ok := errors.AsType[*deploy.Locked](err)
	if !ok {
		return lock, err
	}
	wait := r.Wait
	switch {
	case version != "" && s.committed(locked.Holder):
		s.note("%s, started by %s, serves already and retires what is old: waiting for it", locked.Holder.What, locked.Holder.Who)
		wait = max(wait, handoverWait)
	case s.leaves(locked.Holder, version):
		if err := s.ask(locked.Holder); err != nil {
			return nil, errors.Join(locked, err)
		}
		s.note("%s, started by %s, is on its way from %s: asked it to go back, and waiting for it", locked.Holder.What, locked.Holder.Who, version)
		wait = max(wait, handoverWait)
	}
	return waitForLock(ctx, s.Store, s.Request.Who, r.What, wait)
}

// waitForLock waits for a running command at most that long.
func waitForLock(ctx context.Context, store *deploy.Store, who, what string, wait time.Duration) (*deploy.Lock, error) {
	deadline := time.Now().Add(wait)
	for {
		lock, err := store.Lock(who, what)
		if held, ok := errors.AsType[*deploy.Locked](err); !ok || held == nil || !time.Now().Before(deadline) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPause):
		}
	}
}

// committed says whether the holder of the lock has put a release in place.
func (s *Supervisor) committed(holder deploy.Holder) bool {
	since, err := s.Store.ServingSince()
	return err == nil && !holder.Since.IsZero() && since.After(holder.Since)
}

// leaves says whether the holder of the lock is a deploy that has not
// committed yet and leaves that version.
func (s *Supervisor) leaves(holder deploy.Holder, version string) bool {
	if !strings.HasPrefix(holder.What, "deploy:") || holder.PID == 0 {
		return false
	}
	id, err := s.Store.Serving()
	if err != nil || id == "" {
		return false
	}
	release, err := s.Store.Load(id)
	return err == nil && version != "" && release.Version == version
}

// ask says who asks, for the deploy's own output, and then does.
func (s *Supervisor) ask(holder deploy.Holder) error {
	content, err := json.Marshal(asked{Who: s.Request.Who, What: s.Request.Rollout.What, PID: holder.PID})
	if err == nil {
		err = os.WriteFile(s.askedPath(), content, 0o600)
	}
	if err != nil {
		return fmt.Errorf("ask %s (process %d) to go back: %w", holder.What, holder.PID, err)
	}
	return terminate(holder)
}

// sayWhoAsked notes who asked this command to go back, where somebody did.
func (s *Supervisor) sayWhoAsked() {
	content, err := os.ReadFile(s.askedPath())
	var by asked
	if err != nil || json.Unmarshal(content, &by) != nil || by.PID != os.Getpid() {
		return
	}
	_ = os.Remove(s.askedPath()) // one that stays names a process that is gone
	s.note("%s asks to go back: %s", by.Who, by.What)
}

func (s *Supervisor) askedPath() string {
	return filepath.Join(s.Store.Directory, ".deploy", "asked")
}
