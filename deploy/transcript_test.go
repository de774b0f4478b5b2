package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func newTranscript(t *testing.T) (*Store, *Transcript) {
	t.Helper()
	store := &Store{Directory: t.TempDir(), Environment: "test"}
	transcript, err := store.NewTranscript("deploy:here v1", "anna@laptop", "token")
	if err != nil {
		t.Fatal(err)
	}
	if err := transcript.Begin(); err != nil {
		t.Fatal(err)
	}
	return store, transcript
}

// tap hands every write on.
type tap chan []byte

func (t tap) Write(p []byte) (int, error) {
	if len(p) > 0 {
		t <- slices.Clone(p)
	}
	return len(p), nil
}

func TestAFollowerSeesEachLineAndTheResult(t *testing.T) {
	store, transcript := newTranscript(t)
	seen, ended := make(tap, 16), make(chan error, 1)
	go func() { ended <- store.Follow(t.Context(), transcript.Run.ID, 0, seen) }()
	first := <-seen
	if !bytes.Contains(first, []byte("anna@laptop")) {
		t.Errorf("the first line is %s", first)
	}
	if err := transcript.Event(Event{Kind: EventNote, At: time.Now(), Text: "half way"}); err != nil {
		t.Fatal(err)
	}
	if next := <-seen; !bytes.Contains(next, []byte("half way")) {
		t.Errorf("then came %s", next)
	}
	failure := &Failure{Status: ExitRolledBack, Err: errors.New("taken back"), Hint: "look"}
	if err := transcript.End(NewResult(&Report{To: "v1"}, failure)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var line TranscriptLine
	if err := json.Unmarshal(<-seen, &line); err != nil || line.Result == nil {
		t.Fatalf("no result: %v", err)
	}
	if err := line.Result.Err(); err.Error() != "taken back\nlook" || err.(interface{ ExitStatus() int }).ExitStatus() != ExitRolledBack {
		t.Errorf("the result came back as %v", err)
	}
}

func TestAFollowerGoesOnWhereItStopped(t *testing.T) {
	store, transcript := newTranscript(t)
	for range 3 {
		if err := transcript.Event(Event{Kind: EventNote, Text: "note"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := transcript.End(NewResult(nil, nil)); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := store.Follow(t.Context(), transcript.Run.ID, 0, &whole); err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(whole.String(), "\n")
	var later bytes.Buffer
	if err := store.Follow(t.Context(), "token", int64(len(first)+1), &later); err != nil {
		t.Fatal(err)
	}
	if later.String() != rest {
		t.Errorf("after the first line came\n%s\nand not\n%s", later.String(), rest)
	}
}

func TestAFollowerKnowsThatTheCommandDied(t *testing.T) {
	store, transcript := newTranscript(t)
	_ = transcript.File().Close() // what the kernel does for one that is killed
	var seen bytes.Buffer
	if err := store.Follow(t.Context(), transcript.Run.ID, 0, &seen); !errors.Is(err, ErrDied) {
		t.Errorf("following a dead command: %v", err)
	}
	if err := store.Follow(t.Context(), "nothing", 0, &seen); !errors.Is(err, ErrNoTranscript) {
		t.Errorf("following nothing: %v", err)
	}
	if err := store.Follow(t.Context(), "../lock", 0, &seen); !errors.Is(err, ErrNoTranscript) {
		t.Errorf("following another file: %v", err)
	}
}

func TestAFollowerEndsWithItsContext(t *testing.T) {
	store, transcript := newTranscript(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	seen, ended := make(tap, 16), make(chan error, 1)
	go func() { ended <- store.Follow(ctx, transcript.Run.ID, 0, seen) }()
	<-seen
	gone := errors.New("gone")
	cancel(gone)
	if err := <-ended; !errors.Is(err, gone) {
		t.Errorf("ended with %v", err)
	}
}

func TestOnlySomeProgressIsWritten(t *testing.T) {
	store, transcript := newTranscript(t)
	step := &Step{Action: ActionPull}
	began := time.Now()
	for at := range 1000 {
		event := Event{Kind: EventProgress, Step: step, At: began.Add(time.Duration(at) * time.Millisecond), Current: int64(at), Total: 1000}
		if err := transcript.Event(event); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(store.transcriptPath(transcript.Run.ID))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(content, []byte("progress")); lines < 3 || lines > 6 {
		t.Errorf("%d of 1000 progress events within a second were written", lines)
	}
}

func TestOldTranscriptsAreForgotten(t *testing.T) {
	store := &Store{Directory: t.TempDir(), Environment: "test"}
	var last string
	for range keepTranscripts + 5 {
		transcript, err := store.NewTranscript("status", "anna", "")
		if err != nil {
			t.Fatal(err)
		}
		last = transcript.Run.ID
		if err := transcript.End(NewResult(nil, nil)); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Millisecond)
	}
	ids, err := store.Transcripts()
	if err != nil || len(ids) > keepTranscripts+1 || ids[0] != last {
		t.Errorf("%d are kept, the newest %v of %s: %v", len(ids), ids[:1], last, err)
	}
}
