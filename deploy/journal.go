package deploy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, privateFile)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if err := endTornLine(file); err != nil {
		return nil, errors.Join(fmt.Errorf("open the journal: %w", err), file.Close())
	}
	return &Journal{file: file}, nil
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
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 0, 64<<10), 16<<20)
	for scanner.Scan() {
		var event Event
		if json.Unmarshal(scanner.Bytes(), &event) == nil && event.Kind != "" {
			events = append(events, event)
		}
	}
	if err := scanner.Err(); err != nil {
		return events, fmt.Errorf("read the journal: %w", err)
	}
	return events, nil
}
