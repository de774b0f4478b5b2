package deploy

import (
	"slices"
	"strings"
	"time"
)

// The outcomes that only a history knows: of commands that came to no report.
const (
	// OutcomeRunning: it goes on.
	OutcomeRunning Outcome = "running"
	// OutcomeInterrupted: it was killed, and its supervisor with it.
	OutcomeInterrupted Outcome = "interrupted"
	// OutcomeRecovered: its process was killed, and what it had begun was taken
	// back at once.
	OutcomeRecovered Outcome = "died, recovered"
	// OutcomeRefused: it was not begun, as something was in its way.
	OutcomeRefused Outcome = "refused"
	// OutcomeFailed: it failed.
	OutcomeFailed Outcome = "failed"
	// OutcomeDone: a command that is no rollout went well.
	OutcomeDone Outcome = "done"
)

// HistoryEntry is one command that was run on a host.
type HistoryEntry struct {
	// ID names its transcript; Short is as much of that as tells it from the
	// others. Of a release whose transcript is gone, ID is the release's, and
	// Short is empty.
	ID    string `json:"id"`
	Short string `json:"short"`
	// Host is the machine's name, Address the one under which it was asked; empty
	// on the host itself.
	Host    string `json:"host"`
	Address string `json:"address"`
	// What was typed: "deploy:staging v1.2.0"; empty where the transcript does not
	// say.
	What    string    `json:"what"`
	Who     string    `json:"who"`
	Started time.Time `json:"started"`
	// Seconds is how long it took, of one that was interrupted how long it is
	// known to have lived; nil while it runs.
	Seconds *float64 `json:"seconds"`
	Outcome Outcome  `json:"outcome"`
	// Status is the exit status; nil where there is none.
	Status *int `json:"exit_status"`
	// From served before it, To is what it was about, Serves what served after
	// it; each empty where that is not known.
	From   string `json:"from"`
	To     string `json:"to"`
	Serves string `json:"serves"`
	// RolledBackFrom and RolledBackTo are of a rollback, and of a release that
	// was taken back.
	RolledBackFrom string `json:"rolled_back_from"`
	RolledBackTo   string `json:"rolled_back_to"`
	// Commit is that of To.
	Commit string `json:"commit"`
	// Requests are the deployer's own through the proxy, Lost those that failed;
	// nil where there were none.
	Requests *int `json:"requests"`
	Lost     *int `json:"lost"`
	// RecoveredBy is the command that put in order what this one, interrupted,
	// had left.
	RecoveredBy string `json:"recovered_by"`
	// Release is the record of To; empty where that is pruned, or never was.
	Release string `json:"release"`
	// Transcript says whether there is more to show than this.
	Transcript bool `json:"transcript"`
	// Error is what it failed with, without hints and logs.
	Error string `json:"error"`
	// Begun says that it came to its first step.
	Begun bool `json:"begun"`
}

// History lists the commands that changed something, or were about to, the
// newest first: all whose transcripts are kept, and before those the releases
// whose records are. A command that only planned is none.
func (s *Store) History() ([]HistoryEntry, error) {
	ids, err := s.Transcripts()
	if err != nil {
		return nil, err
	}
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	shorts := shortened(ids)
	var entries []HistoryEntry
	for _, id := range ids {
		past, err := s.Past(id)
		if err != nil {
			continue // it was forgotten meanwhile, or is no file that can be read
		}
		if entry := past.entry(records); entry.Outcome != OutcomePlanned {
			entry.Short = shorts[id]
			entries = append(entries, entry)
		}
	}
	linkRecoveries(entries)
	fillFrom(entries)
	return append(entries, s.withoutTranscripts(entries, records)...), nil
}

// records loads what can be read of the releases, the newest first.
func (s *Store) records() ([]*Release, error) {
	ids, err := s.Releases()
	var records []*Release
	for _, id := range ids {
		if record, err := s.record(id); err == nil {
			records = append(records, record)
		}
	}
	return records, err
}

func (p *Past) entry(records []*Release) HistoryEntry {
	entry := HistoryEntry{
		ID: p.Run.ID, What: p.Run.What, Who: p.Run.Who, Started: p.began(), Outcome: p.outcome(), Transcript: true, Begun: p.begun(),
		To: p.planned(),
	}
	ended := p.ended()
	if !p.Running {
		seconds := max(ended.Sub(entry.Started), 0).Round(time.Millisecond).Seconds()
		entry.Seconds = &seconds
	}
	if p.Result != nil {
		entry.Status, entry.Error = &p.Result.Status, p.cause()
		entry.tell(p.Result.Report)
	}
	if record := recordOf(records, entry.To, ended); record != nil {
		entry.Release = record.ID
		if entry.Commit == "" {
			entry.Commit = record.Commit()
		}
	}
	entry.wentBack()
	return entry
}

// tell takes over what a report says.
func (e *HistoryEntry) tell(report *Report) {
	if report == nil {
		return
	}
	e.Commit = report.Commit
	if report.Probe.Sent > 0 {
		e.Requests, e.Lost = &report.Probe.Sent, &report.Probe.Failed
	}
	if e.Outcome == OutcomeRecovered {
		// The report is of the way back: it leads to what served before.
		if e.To != report.To {
			e.From, e.Commit = report.To, ""
		}
		e.Serves = report.To
		return
	}
	if e.From = report.From; report.Recovered && e.From == e.To {
		e.From = "" // the report is of the second half only
	}
	if report.Recovered && e.Outcome == OutcomeUnchanged && !strings.HasPrefix(e.What, "recover") {
		e.Outcome = OutcomeDeployed // all was done but to say so
	}
	if report.To != "" {
		e.To = report.To
	}
	switch e.Outcome {
	case OutcomeDeployed, OutcomeUnchanged:
		e.Serves = e.To
	case OutcomeUntouched, OutcomeRolledBack, OutcomeRefused:
		e.Serves = e.From
	default:
	}
}

// wentBack says from where to where a rollback, or a release's failure, led.
func (e *HistoryEntry) wentBack() {
	switch {
	case e.Outcome == OutcomeRolledBack:
		e.RolledBackFrom, e.RolledBackTo = e.To, e.From
	case e.Outcome == OutcomeDeployed && strings.HasPrefix(e.What, "rollback ") && e.From != e.To:
		e.RolledBackFrom, e.RolledBackTo = e.From, e.To
	}
}

func (p *Past) outcome() Outcome {
	if p.Result == nil && p.Running {
		return OutcomeRunning
	}
	if p.Result == nil {
		return OutcomeInterrupted
	}
	report, status := p.Result.Report, p.Result.Status
	switch {
	case status == ExitNeedsPerson:
		return OutcomeStuck
	case status == ExitUsage, status == ExitConsent, status == ExitLocked:
		return OutcomeRefused
	case report != nil && report.Recovered && status != 0:
		return OutcomeRecovered
	case report != nil && report.Outcome != "":
		return report.Outcome
	case status == 0:
		return OutcomeDone
	case !p.Run.Direct && !p.begun():
		return OutcomeUntouched
	}
	return OutcomeFailed
}

// begun says whether a step was.
func (p *Past) begun() bool {
	return slices.ContainsFunc(p.Events, func(event Event) bool { return event.Kind == EventStart })
}

// planned is the version that the first plan leads to.
func (p *Past) planned() string {
	for _, event := range p.Events {
		if event.Kind == EventPlan && event.Release != "" {
			return event.Release
		}
	}
	return ""
}

// began is before the transcript of a command that planned first.
func (p *Past) began() time.Time {
	began := p.Run.Started
	if len(p.Events) > 0 && p.Events[0].At.Before(began) && !p.Events[0].At.IsZero() {
		began = p.Events[0].At
	}
	if p.Result == nil || p.Result.Report == nil {
		return began
	}
	if reported := p.Result.Report.Started; !reported.IsZero() && reported.Before(began) {
		began = reported
	}
	return began
}

// ended is the last that is known of a command.
func (p *Past) ended() time.Time {
	ended := p.Run.Started
	for _, event := range p.Events {
		if event.At.After(ended) {
			ended = event.At
		}
	}
	switch {
	case p.Result != nil && !p.Result.At.IsZero():
		return p.Result.At
	case p.Result != nil && p.Result.Report != nil:
		if reported := p.Result.Report.Started.Add(p.Result.Report.Elapsed); reported.After(ended) {
			return reported
		}
	}
	return ended
}

// cause is the first line of the error.
func (p *Past) cause() string {
	line, _, _ := strings.Cut(p.Result.Text, "\n")
	return line
}

// recordOf is the newest record of a version that was made before a moment.
func recordOf(records []*Release, version string, before time.Time) *Release {
	for _, record := range records {
		if record.Version == version && !record.Created.After(before) {
			return record
		}
	}
	return nil
}

// linkRecoveries names, for each command that was interrupted behind its first
// step, the one that has put in order what it had left.
func linkRecoveries(entries []HistoryEntry) {
	repaired := "" // by the command that is looked at next, or the newest before it that did
	for at := range entries {
		entry := &entries[at]
		switch {
		case entry.Outcome == OutcomeInterrupted && entry.Begun:
			entry.RecoveredBy = repaired
		case entry.repairs():
			repaired = entry.ID
		}
	}
}

// fillFrom says what served before a command that cannot say so itself any
// more, from those before it.
func fillFrom(entries []HistoryEntry) {
	served := ""
	for at := range slices.Backward(entries) {
		entry := &entries[at]
		if entry.From == "" && entry.Begun && entry.To != "" {
			entry.From = served
			entry.wentBack()
		}
		if entry.Serves != "" {
			served = entry.Serves
		}
	}
}

// repairs says whether a command has left everything in order: whatever rolls
// out begins by looking at what there is, and what does something else recovers
// first.
func (e *HistoryEntry) repairs() bool {
	switch e.Outcome {
	case OutcomeDeployed, OutcomeUnchanged, OutcomeRolledBack, OutcomeReturned, OutcomeCleared, OutcomeRecovered, OutcomeDone:
		return true
	case OutcomeUntouched:
		return e.Begun
	default:
		return false
	}
}

// withoutTranscripts are the releases that are recorded and older than all
// transcripts.
func (s *Store) withoutTranscripts(known []HistoryEntry, records []*Release) []HistoryEntry {
	var entries []HistoryEntry
	for _, record := range records {
		if len(known) > 0 && !record.Created.Before(known[len(known)-1].Started) || slices.ContainsFunc(known, func(e HistoryEntry) bool {
			return e.Release == record.ID && !strings.HasPrefix(e.What, "rollback ") // which is not what it was made for
		}) {
			continue
		}
		entry := HistoryEntry{
			ID: record.ID, What: "deploy " + record.Version, Who: record.By, Started: record.Created,
			Outcome: OutcomeInterrupted, To: record.Version, Commit: record.Commit(), Release: record.ID,
		}
		if report, err := s.Report(record.ID); err == nil {
			seconds := report.Elapsed.Round(time.Millisecond).Seconds()
			entry.Outcome, entry.Seconds = report.Outcome, &seconds
			commit := entry.Commit
			if entry.tell(report); entry.Commit == "" {
				entry.Commit = commit
			}
			entry.wentBack()
		}
		entries = append(entries, entry)
	}
	return entries
}

// shortest is how many characters name a command at least.
const shortest = 4

// shortened gives as much of each transcript's token as no other begins with.
func shortened(ids []string) map[string]string {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		tokens = append(tokens, TranscriptToken(id))
	}
	slices.Sort(tokens)
	shorts := make(map[string]string, len(ids))
	for _, id := range ids {
		token := TranscriptToken(id)
		at, _ := slices.BinarySearch(tokens, token)
		length := shortest
		if at > 0 {
			length = max(length, common(tokens[at-1], token)+1)
		}
		if at+1 < len(tokens) {
			length = max(length, common(tokens[at+1], token)+1)
		}
		shorts[id] = token[:min(length, len(token))]
	}
	return shorts
}

// common is how long the beginning is that two texts share.
func common(one, other string) int {
	length := 0
	for length < min(len(one), len(other)) && one[length] == other[length] {
		length++
	}
	return length
}
