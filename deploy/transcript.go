package deploy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// TranscriptLine is one line of what a command says while it runs: first what
// it is, then its events, last its result.
type TranscriptLine struct {
	Run    *Run    `json:"run,omitempty"`
	Event  *Event  `json:"event,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// Run says which command a transcript is of.
type Run struct {
	ID      string    `json:"id"`
	What    string    `json:"what"`
	Who     string    `json:"who"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// Direct says that the command works by itself, as a backup does, and is no
	// rollout that somebody may want to follow.
	Direct bool `json:"direct,omitempty"`
}

// Result is how a command ended.
type Result struct {
	// Status is the exit status; 0 is success.
	Status int `json:"status"`
	// Text is the error for people, hint and logs included; empty on success.
	Text string `json:"text,omitempty"`
	// Cause, Logs and Hint are the parts of Text, where it has them.
	Cause  string   `json:"cause,omitempty"`
	Logs   []string `json:"logs,omitempty"`
	Hint   string   `json:"hint,omitempty"`
	Report *Report  `json:"report,omitempty"`
	// At is when it ended.
	At time.Time `json:"at,omitzero"`
}

// Err gives the result as the error that the command itself would have ended
// with.
func (r *Result) Err() error {
	if r.Status == 0 {
		return nil
	}
	if r.Cause != "" {
		return &Failure{Status: r.Status, Err: errors.New(r.Cause), Logs: r.Logs, Hint: r.Hint}
	}
	return &Failure{Status: r.Status, Err: errors.New(r.Text)}
}

// NewResult makes the result of a command that ended with err.
func NewResult(report *Report, err error) *Result {
	result := &Result{Report: report}
	if err == nil {
		return result
	}
	result.Status, result.Text = ExitFailed, err.Error()
	if status, ok := err.(interface{ ExitStatus() int }); ok { //nolint:errorlint // mage asks the outermost error, too
		result.Status = status.ExitStatus()
	}
	if failure, ok := err.(*Failure); ok { //nolint:errorlint // one that is wrapped has its parts amid the text
		result.Cause, result.Logs, result.Hint = failure.Err.Error(), failure.Logs, failure.Hint
	}
	return result
}

// ErrNoTranscript says that a command of that name is not known on the host.
var ErrNoTranscript = errors.New("no such command was run here")

// ErrDied says that a command ended without a result: it was killed.
var ErrDied = errors.New("the command died before it was done")

// Transcript is a file that a running command writes and others read. Its
// writer holds a lock on it: a reader knows from that whether it still lives.
type Transcript struct {
	Run Run

	mu   sync.Mutex
	file *os.File
	// said is when each step's progress was written last.
	said map[string]time.Time
}

// NewTranscript begins the transcript of a command. The token is a name that
// whoever starts it knows before it runs; made up where empty.
func (s *Store) NewTranscript(what, who, token string) (*Transcript, error) {
	started := time.Now()
	run := Run{
		ID:   started.UTC().Format(transcriptTime) + "-" + cmp.Or(token, rand.Text()),
		What: what, Who: who, PID: os.Getpid(), Started: started,
	}
	path := s.transcriptPath(run.ID)
	if err := os.MkdirAll(filepath.Dir(path), privateDir); err != nil {
		return nil, fmt.Errorf("begin the command's transcript: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, privateFile)
	if err == nil {
		err = tryLock(file)
	}
	if err != nil {
		return nil, fmt.Errorf("begin the command's transcript: %w", err)
	}
	s.forgetTranscripts()
	return &Transcript{Run: run, file: file}, nil
}

// InheritTranscript is a transcript that another process began, whose file,
// and with it the lock, was handed to this one. No process that this one starts
// gets it.
func InheritTranscript(run Run, file *os.File) *Transcript {
	run.PID = os.Getpid()
	closeOnExec(file)
	return &Transcript{Run: run, file: file}
}

// File is for a process that inherits the transcript.
func (t *Transcript) File() *os.File { return t.file }

// Begin writes what the command is.
func (t *Transcript) Begin() error { return t.write(TranscriptLine{Run: &t.Run}) }

// progressPause is how often a step's progress is written.
const progressPause = 250 * time.Millisecond

// Event writes an event; of a step's progress only some.
func (t *Transcript) Event(event Event) error {
	if event.Kind == EventProgress {
		t.mu.Lock()
		key := event.Step.String()
		soon := event.At.Sub(t.said[key]) < progressPause && event.Current < event.Total
		if t.said == nil {
			t.said = map[string]time.Time{}
		}
		if !soon {
			t.said[key] = event.At
		}
		t.mu.Unlock()
		if soon {
			return nil
		}
	}
	return t.write(TranscriptLine{Event: &event})
}

// End writes the result and closes the transcript.
func (t *Transcript) End(result *Result) error {
	ended := *result
	ended.At = time.Now()
	return errors.Join(t.write(TranscriptLine{Result: &ended}), t.file.Close())
}

func (t *Transcript) write(line TranscriptLine) error {
	content, err := json.Marshal(line)
	if err == nil {
		_, err = t.file.Write(append(content, '\n')) // in one call: readers see whole lines
	}
	if err != nil {
		return fmt.Errorf("write the command's transcript: %w", err)
	}
	return nil
}

func (s *Store) transcriptPath(id string) string { return s.path("runs", id+".jsonl") }

// Transcript finds the transcript of a name or a token; ErrNoTranscript where
// there is none. An empty name is the newest that is a rollout.
func (s *Store) Transcript(name string) (id string, err error) {
	ids, err := s.Transcripts()
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if id == name || name != "" && strings.HasSuffix(id, "-"+name) || name == "" && !s.direct(id) {
			return id, nil
		}
	}
	return "", ErrNoTranscript
}

// followPause is how often a reader looks for more.
const followPause = 25 * time.Millisecond

// Follow copies the transcript of a name or a token from an offset in bytes, whole lines only, until
// its result; ErrDied when its writer is gone without one.
func (s *Store) Follow(ctx context.Context, id string, from int64, out io.Writer) error {
	id, err := s.Transcript(id)
	if err != nil {
		return fmt.Errorf("follow the command: %w", err)
	}
	file, err := os.Open(s.transcriptPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("follow %s: %w", id, ErrNoTranscript)
	}
	if err == nil {
		_, err = file.Seek(from, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("follow %s: %w", id, err)
	}
	defer file.Close()
	ticker := time.NewTicker(followPause)
	defer ticker.Stop()
	var rest []byte
	for {
		dead := unlocked(file) // asked before reading: what it wrote last is still read
		more, err := io.ReadAll(file)
		if err != nil {
			return fmt.Errorf("follow %s: %w", id, err)
		}
		rest = append(rest, more...)
		end := bytes.LastIndexByte(rest, '\n') + 1
		if _, err := out.Write(rest[:end]); err != nil {
			return err
		}
		ended := hasResult(rest[:end])
		rest = rest[end:]
		switch {
		case ended:
			return nil
		case dead:
			return ErrDied
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// hasResult says whether the last whole line is a result, which only the last
// of a transcript is.
func hasResult(lines []byte) bool {
	lines = bytes.TrimSuffix(lines, []byte("\n"))
	var line TranscriptLine
	last := lines[bytes.LastIndexByte(lines, '\n')+1:]
	return bytes.HasPrefix(last, []byte(`{"result":`)) && json.Unmarshal(last, &line) == nil && line.Result != nil
}
