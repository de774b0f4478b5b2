package session

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Transcribe begins the transcript of a rollout that this process carries out
// itself, with the lock held. Ended ends it.
func (s *Session) Transcribe(what string) { s.transcribe(what, false) }

// transcribe begins a transcript. One that cannot be written takes nothing from
// what is done.
func (s *Session) transcribe(what string, direct bool) {
	transcript, err := s.Host.Store.NewTranscript(what, s.who, "")
	if err != nil {
		return
	}
	transcript.Run.Direct = direct
	if transcript.Begin() != nil {
		_ = transcript.File().Close() // nothing was written to it
		return
	}
	s.transcript = transcript
}

// Ended says how the command ended whose transcript was begun; report is nil
// for one that is no rollout. A command of which nobody says so, since it
// panicked, counts as interrupted.
func (s *Session) Ended(report *deploy.Report, err error) {
	if s.transcript != nil {
		_ = s.transcript.End(deploy.NewResult(report, err)) // what was done counts, not what was written of it
		s.transcript = nil
	}
}

// Note keeps what a command did for the journal and the history.
func (s *Session) Note(format string, args ...any) error {
	return s.keep(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf(format, args...)})
}

// Noted hands on what is written to it, and notes each of its lines.
func (s *Session) Noted(out io.Writer) io.Writer { return &noted{session: s, out: out} }

type noted struct {
	session *Session
	out     io.Writer
	rest    []byte
}

func (n *noted) Write(content []byte) (int, error) {
	n.rest = append(n.rest, content...)
	for {
		line, rest, found := bytes.Cut(n.rest, []byte("\n"))
		if !found {
			break
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			_ = n.session.Note("%s", text) // it is shown all the same
		}
		n.rest = rest
	}
	return n.out.Write(content)
}

// keep writes an event to the journal and to the command's own transcript.
func (s *Session) keep(event deploy.Event) error {
	if s.transcript != nil {
		_ = s.transcript.Event(event) // as for its end
	}
	if s.journal == nil {
		return nil
	}
	return s.journal.Write(event)
}
