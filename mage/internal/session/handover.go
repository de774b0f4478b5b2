package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// handoverWait is how long a deploy that was asked to go back may take. What
// serves has its requests back after milliseconds; the rest is clearing up.
const handoverWait = 10 * time.Minute

// asked is who asked a running deploy to go back.
type asked struct {
	Who  string `json:"who"`
	What string `json:"what"`
	// PID is the process that was asked, so that no other takes it for itself.
	PID int `json:"pid"`
}

// LockBack takes the deploy lock for the way back to a version; empty for any
// other command. A deploy that is on its way from that very version is asked
// to go back by itself: the old containers still run and it knows them, so
// nothing is faster.
func (s *Session) LockBack(ctx context.Context, what, version string, wait time.Duration) error {
	err := s.Lock(ctx, what, 0)
	locked, ok := errors.AsType[*deploy.Locked](err)
	if !ok {
		return err
	}
	if !s.leaves(locked.Holder, version) {
		return s.Lock(ctx, what, wait)
	}
	if err := s.ask(locked.Holder, what); err != nil {
		return errors.Join(locked, err)
	}
	s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Release: version, Text: fmt.Sprintf(
		"%s, started by %s, is on its way from %s: asked it to go back, and waiting for it", locked.Holder.What, locked.Holder.Who, version)})
	return s.Lock(ctx, what, max(wait, handoverWait))
}

// leaves says whether the holder of the lock is a deploy that has not
// committed yet and leaves that version.
func (s *Session) leaves(holder deploy.Holder, version string) bool {
	if !strings.HasPrefix(holder.What, "deploy:") || holder.PID == 0 {
		return false
	}
	id, err := s.Host.Store.Serving()
	if err != nil || id == "" {
		return false
	}
	release, err := s.Host.Store.Load(id)
	return err == nil && version != "" && release.Version == version
}

// ask says who asks, for the deploy's own output, and then does.
func (s *Session) ask(holder deploy.Holder, what string) error {
	content, err := json.Marshal(asked{Who: Who(), What: what, PID: holder.PID})
	if err == nil {
		err = os.WriteFile(s.askedPath(), content, 0o600)
	}
	if err == nil {
		err = syscall.Kill(holder.PID, syscall.SIGTERM)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) { // it has ended by itself
		return fmt.Errorf("ask %s (process %d) to go back: %w", holder.What, holder.PID, err)
	}
	return nil
}

// SayWhoAsked notes who asked this command to go back, where somebody did.
func (s *Session) SayWhoAsked() {
	content, err := os.ReadFile(s.askedPath())
	var by asked
	if err != nil || json.Unmarshal(content, &by) != nil || by.PID != os.Getpid() {
		return
	}
	_ = os.Remove(s.askedPath()) // one that stays names a process that is gone
	s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf("%s asks to go back: %s", by.Who, by.What)})
}

func (s *Session) askedPath() string {
	return filepath.Join(s.Host.Store.Directory, ".deploy", "asked")
}
