package deploy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Journal is the record of everything that commands did on a host, one event
// a line, only ever appended to.
type Journal struct {
	mu   sync.Mutex
	file *os.File
}

// OpenJournal opens the store's journal for writing.
func (s *Store) OpenJournal() (*Journal, error) {
	path := s.path("journal.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), privateDir); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	s.rotateJournal(path)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, privateFile)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if err := endTornLine(file); err != nil {
		return nil, errors.Join(fmt.Errorf("open the journal: %w", err), file.Close())
	}
	return &Journal{file: file}, nil
}

const (
	// journalSize is from where on a journal is put aside, some hundred deploys.
	journalSize = 1 << 20
	// keepJournals is how many that were put aside are kept.
	keepJournals = 5
)

// rotateJournal puts a long journal aside, unless its last command was
// interrupted: what recovers from that reads it. That it cannot is no reason
// not to deploy.
func (s *Store) rotateJournal(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Size() < journalSize {
		return
	}
	if events, err := s.Events(); err != nil || Interrupted(events) {
		return
	}
	folder := filepath.Dir(path)
	_ = os.Rename(path, filepath.Join(folder, "journal-"+info.ModTime().UTC().Format("20060102T150405.000Z")+".jsonl"))
	old, _ := filepath.Glob(filepath.Join(folder, "journal-*.jsonl")) // the pattern is good
	slices.Sort(old)
	for _, one := range old[:max(0, len(old)-keepJournals)] {
		_ = os.Remove(one) // one that stays is tried again
	}
}

// Interrupted says whether the last command in a journal began a step and did
// not come to its outcome: it was killed.
func Interrupted(events []Event) bool {
	begun := false
	for _, event := range events {
		switch event.Kind {
		case EventStart:
			begun = true
		case EventOutcome:
			begun = false
		}
	}
	return begun
}

// endTornLine ends a last line that a crash has cut off, so that the next event
// is not appended to it and lost with it.
func endTornLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = file.Write([]byte("\n"))
	return err
}

// Write appends an event and, at the boundary of a step, sees it on the disk.
func (j *Journal) Write(event Event) error {
	if event.Kind == EventProgress {
		return nil
	}
	line, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	if event.Durable() {
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("write to the journal: %w", err)
		}
	}
	return nil
}

// Close closes the journal.
func (j *Journal) Close() error { return j.file.Close() }

// Events reads the journal. A torn last line, as a crash leaves it, is left
// out, and so is every line that is not an event.
func (s *Store) Events() ([]Event, error) {
	file, err := os.Open(s.path("journal.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer file.Close()
	var events []Event
	reader := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := readLine(reader)
		var event Event
		if json.Unmarshal(line, &event) == nil && event.Kind != "" {
			events = append(events, event)
		}
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, fmt.Errorf("read the journal: %w", err)
		}
	}
}

// longestLine is more than any event takes. What is longer was not written by a
// Journal, and is passed over.
const longestLine = 4 << 20

func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		if len(line) <= longestLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
