package deploy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// keepTranscripts is how many stay on the host, and keepTranscriptBytes how
	// much they may take in all. A deploy of 19 steps has 16 kB, to which a minute
	// of pulling adds some 70.
	keepTranscripts     = 200
	keepTranscriptBytes = 32 << 20
)

// Transcripts lists the commands whose transcripts are kept, the newest first.
func (s *Store) Transcripts() ([]string, error) {
	entries, err := os.ReadDir(s.path("runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the commands that were run: %w", err)
	}
	var ids []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), ".jsonl"); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

// forgetTranscripts removes the oldest: those that are too many, and those that
// take too much. One that stays is tried again by the next command.
func (s *Store) forgetTranscripts() {
	ids, _ := s.Transcripts()
	var taken int64
	for at, id := range ids {
		found, err := os.Stat(s.transcriptPath(id))
		if err != nil {
			continue
		}
		taken += found.Size()
		if at > 0 && (at >= keepTranscripts || taken > keepTranscriptBytes) && !s.running(id) {
			_ = os.Remove(s.transcriptPath(id))
		}
	}
}

// running says whether the writer of a transcript lives.
func (s *Store) running(id string) bool {
	file, err := os.Open(s.transcriptPath(id))
	if err != nil {
		return false
	}
	defer file.Close()
	return !unlocked(file)
}

// direct says whether a transcript is of a command that nobody follows.
func (s *Store) direct(id string) bool {
	file, err := os.Open(s.transcriptPath(id))
	if err != nil {
		return false
	}
	defer file.Close()
	first, _ := readLine(bufio.NewReader(file)) // what cannot be read says nothing
	var line TranscriptLine
	return json.Unmarshal(first, &line) == nil && line.Run != nil && line.Run.Direct
}

// Past is a command as its transcript tells it.
type Past struct {
	Run Run
	// Events are what happened, in order; of progress there is the last of each
	// step that did not end.
	Events []Event
	// Result is nil where the command runs, or died.
	Result *Result
	// Running says that it goes on.
	Running bool
	// Damaged counts lines that say nothing, such as what a panic wrote between
	// them. A last one that a crash has cut off is none.
	Damaged int
}

// Past reads a transcript. Of a damaged one it gives what can be read: when it
// began stands in its name, too.
func (s *Store) Past(id string) (*Past, error) {
	file, err := os.Open(s.transcriptPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the transcript of %s: %w", id, ErrNoTranscript)
	}
	if err != nil {
		return nil, fmt.Errorf("read the transcript of %s: %w", id, err)
	}
	defer file.Close()
	past := &Past{Run: Run{ID: id, Started: transcriptBegan(id)}}
	past.Running = !unlocked(file) // asked before reading: what it wrote last is still read
	reader := bufio.NewReaderSize(file, 64<<10)
	open := map[string]int{} // where the last progress of a step stands
	for {
		raw, err := readLine(reader)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the transcript of %s: %w", id, err)
		}
		if err == nil {
			past.line(raw, open)
			continue
		}
		past.Running = past.Running && past.Result == nil
		past.Events = slices.DeleteFunc(past.Events, func(event Event) bool { return event.Kind == "" })
		return past, nil
	}
}

func (p *Past) line(raw []byte, open map[string]int) {
	var line TranscriptLine
	if json.Unmarshal(raw, &line) != nil {
		p.Damaged++
		return
	}
	switch {
	case line.Run != nil && line.Run.ID == p.Run.ID:
		p.Run = *line.Run
	case line.Result != nil:
		p.Result = line.Result
	case line.Event != nil && line.Event.Kind != "":
		p.event(*line.Event, open)
	default:
		p.Damaged++
	}
}

func (p *Past) event(event Event, open map[string]int) {
	switch event.Kind {
	case EventStart, EventDone, EventFail, EventCut, EventProgress:
		if event.Step == nil {
			p.Damaged++ // nobody could say of what it tells
			return
		}
	case EventPlan, EventNote, EventBack, EventOutcome:
	}
	if event.Step != nil {
		key := event.Step.String()
		if at, ok := open[key]; ok {
			p.Events[at].Kind = "" // there is a newer one, or the step's end
			delete(open, key)
		}
		if event.Kind == EventProgress {
			open[key] = len(p.Events)
		}
	}
	p.Events = append(p.Events, event)
}

// transcriptTime is the form of the time in a transcript's identifier.
const transcriptTime = "20060102T150405.000Z"

func transcriptBegan(id string) time.Time {
	stamp, _, _ := strings.Cut(id, "-")
	began, _ := time.Parse(transcriptTime, stamp) // the zero time for another file
	return began
}

// TranscriptToken is the part of a transcript's identifier that tells it from
// the others.
func TranscriptToken(id string) string {
	_, token, found := strings.Cut(id, "-")
	if !found {
		return id
	}
	return token
}
