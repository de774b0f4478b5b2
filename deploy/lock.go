package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Holder is who has the deploy lock.
type Holder struct {
	Who   string    `json:"who"`
	What  string    `json:"what"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// Lock is held by one command at a time. It is a flock: the kernel frees it
// when its holder dies, so that a dead deployer never leaves it behind.
type Lock struct{ file *os.File }

// Locked says that another command has the lock.
type Locked struct{ Holder Holder }

// Error says who, what and since when.
func (l *Locked) Error() string {
	return fmt.Sprintf("%s is running since %s, started by %s (process %d)\nWait for it with -wait=5m, or follow it with `mage deploy:follow`.",
		l.Holder.What, l.Holder.Since.Local().Format("15:04:05"), l.Holder.Who, l.Holder.PID)
}

// ExitStatus is what mage exits with.
func (l *Locked) ExitStatus() int { return ExitLocked }

// Lock takes the deploy lock or says who has it.
func (s *Store) Lock(who, what string) (*Lock, error) {
	path := s.path("lock")
	if err := os.MkdirAll(filepath.Dir(path), privateDir); err != nil {
		return nil, fmt.Errorf("take the deploy lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, privateFile)
	if err != nil {
		return nil, fmt.Errorf("take the deploy lock: %w", err)
	}
	if err := tryLock(file); err != nil {
		defer file.Close()
		if errors.Is(err, errHeld) {
			return nil, &Locked{Holder: readHolder(file)}
		}
		return nil, fmt.Errorf("take the deploy lock: %w", err)
	}
	holder, err := json.Marshal(Holder{Who: who, What: what, PID: os.Getpid(), Since: time.Now()})
	if err == nil {
		// The lock is the flock; what stands in the file only explains it, and
		// it must stay this very file for the flock to hold.
		err = errors.Join(file.Truncate(0), writeAt(file, append(holder, '\n')))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("take the deploy lock: %w", err)
	}
	return &Lock{file: file}, nil
}

// File is for a process that is to have the lock too: it is free when all that
// have it are gone.
func (l *Lock) File() *os.File { return l.file }

// InheritLock is a lock that another process took and handed to this one. No
// process that this one starts gets it.
func InheritLock(file *os.File) (*Lock, error) {
	if err := flockExclusive(file); err != nil { // it has it already, or it is not that file
		return nil, fmt.Errorf("take over the deploy lock: %w", err)
	}
	closeOnExec(file)
	return &Lock{file: file}, nil
}

// errHeld says that somebody else holds a file.
var errHeld = errors.New("held by another process")

// tryLock tries a few times: somebody may be looking who has it, for which a
// moment's shared lock is needed.
func tryLock(file *os.File) error {
	var err error
	for range lockTries {
		if err = flockExclusive(file); !errors.Is(err, errHeld) {
			return err
		}
		<-time.After(lockTryPause)
	}
	return err
}

// unlocked says whether nobody holds a lock on a file.
func unlocked(file *os.File) bool {
	if flockShared(file) != nil {
		return false
	}
	_ = flockFree(file) // whoever closes the file frees it as well
	return true
}

const (
	lockTries    = 5
	lockTryPause = 5 * time.Millisecond
)

func writeAt(file *os.File, content []byte) error {
	_, err := file.WriteAt(content, 0)
	return err
}

func readHolder(file *os.File) Holder {
	holder := Holder{Who: "somebody", What: "another command"}
	if content, err := io.ReadAll(io.LimitReader(file, 4096)); err == nil {
		_ = json.Unmarshal(content, &holder) // what is not there stays unknown
	}
	return holder
}

// Unlock frees the lock.
func (l *Lock) Unlock() error { return l.file.Close() }

// Holder says who has the lock; nil when it is free. It does so by asking for
// a shared lock, which it gives back at once.
func (s *Store) Holder() (*Holder, error) {
	file, err := os.Open(s.path("lock"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the deploy lock: %w", err)
	}
	defer file.Close()
	err = flockShared(file)
	if errors.Is(err, errHeld) {
		holder := readHolder(file)
		return &holder, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the deploy lock: %w", err)
	}
	return nil, nil
}
