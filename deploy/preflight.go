package deploy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Finding is one thing that was looked at before anything is touched.
type Finding struct {
	// Name is what was looked at: "disk", "clock", "registry".
	Name  string       `json:"name"`
	State FindingState `json:"state"`
	// Text is what was found.
	Text string `json:"text"`
	// Hint says what to do where it is not right.
	Hint string `json:"hint,omitempty"`
}

// FindingState says whether a finding is in the way.
type FindingState string

// The states of a finding. A warning does not hold a rollout up.
const (
	FindingFine    FindingState = "fine"
	FindingWarning FindingState = "warning"
	FindingFailed  FindingState = "failed"
	// FindingWaived is one that failed and that somebody let pass.
	FindingWaived FindingState = "waived"
)

// The findings that a flag can answer: -wait, and -accept-downtime.
const (
	FindingLock    = "lock"
	FindingWayBack = "way back"
)

// Accepted turns the findings that were answered by flags into warnings.
func Accepted(findings []Finding, names ...string) []Finding {
	accepted := slices.Clone(findings)
	for at, finding := range accepted {
		if finding.State == FindingFailed && slices.Contains(names, finding.Name) {
			accepted[at].State = FindingWarning
		}
	}
	return accepted
}

// What a host needs beyond what is measured.
const (
	// diskReserve stays free: a full disk takes the database down with it.
	diskReserve = 500 << 20
	// diskWarning is when it is time to say that it gets tight.
	diskWarning = 2 << 30
	// unpackedFactor is what a compressed layer takes while it is pulled: the
	// layer itself and about twice as much unpacked.
	unpackedFactor = 3

	clockWarning = 5 * time.Second
	// clockLimit is beyond what signatures and certificates bear.
	clockLimit = 2 * time.Minute
)

// Facts are what a host is like before a rollout.
type Facts struct {
	// Engine is the engine's version.
	Engine string
	// Free is the space in bytes where the engine keeps its images.
	Free uint64
	// Layers is what the layers that are not here yet take, compressed; -1
	// where it is not known.
	Layers int64
	// Skew is how far the host's clock is ahead of the other end's; Compared
	// says whether there was one to compare with.
	Skew     time.Duration
	Compared bool
	Memory   Memory
	// Taken names the ports that the proxy would publish and who has them.
	Taken map[int]string
	// Serving is the version that serves, and Lost its images that are not on
	// the host.
	Serving string
	Lost    []string
	// Holder is another command that is running.
	Holder *Holder
}

// Preflight judges the facts, all of them at once.
func Preflight(facts Facts) []Finding {
	findings := []Finding{
		{Name: "engine", State: FindingFine, Text: "Docker " + facts.Engine},
		facts.disk(), facts.memory(),
	}
	if facts.Compared {
		findings = append(findings, facts.clock())
	}
	findings = append(findings, facts.ports()...)
	if len(facts.Lost) > 0 {
		findings = append(findings, Finding{
			Name: FindingWayBack, State: FindingFailed,
			Text: fmt.Sprintf("%s serves, and it could not be returned to: %s not on the host any more", facts.Serving, isAre(facts.Lost)),
			Hint: "Bring it back on the host: docker pull " + facts.Lost[0] + "\nOr go on without a way back: -accept-downtime",
		})
	}
	if facts.Holder != nil {
		findings = append(findings, Finding{
			Name: FindingLock, State: FindingFailed,
			Text: fmt.Sprintf("%s is running since %s, started by %s", facts.Holder.What, facts.Holder.Since.Local().Format("15:04:05"), facts.Holder.Who),
			Hint: "Wait for it with -wait=5m, or watch it with `mage deploy:follow`.",
		})
	}
	return findings
}

func isAre(list []string) string {
	verb := " is"
	if len(list) > 1 {
		verb = " are"
	}
	return strings.Join(list, ", ") + verb
}

func (f Facts) disk() Finding {
	need := uint64(max(f.Layers, 0)) * unpackedFactor
	text := gigabytes(f.Free) + " of disk free"
	if f.Layers > 0 {
		text += fmt.Sprintf(", the new layers take about %s", gigabytes(need))
	}
	finding := Finding{Name: "disk", State: FindingFine, Text: text}
	switch {
	case f.Free < need+diskReserve:
		finding.State = FindingFailed
		finding.Text += fmt.Sprintf(", and %s stay free", gigabytes(diskReserve))
		finding.Hint = "Make room on the host: docker image prune, docker builder prune, old logs and backups."
	case f.Free < need+diskWarning:
		finding.State = FindingWarning
		finding.Hint = "It gets tight: docker image prune."
	}
	return finding
}

func (f Facts) memory() Finding {
	return Finding{Name: "memory", State: FindingFine, Text: megabytes(f.Memory.Available) + " of memory free"}
}

func (f Facts) clock() Finding {
	skew := f.Skew.Abs().Round(time.Second / 10)
	finding := Finding{Name: "clock", State: FindingFine, Text: "agrees with this one"}
	if skew <= clockWarning {
		return finding
	}
	way := "ahead"
	if f.Skew < 0 {
		way = "behind"
	}
	finding.State, finding.Text = FindingWarning, fmt.Sprintf("the host's is %s %s", skew, way)
	finding.Hint = "Let the host keep time: apt-get install systemd-timesyncd"
	if skew > clockLimit {
		finding.State = FindingFailed
	}
	return finding
}

func (f Facts) ports() []Finding {
	var findings []Finding
	for _, port := range sortedKeys(f.Taken) {
		findings = append(findings, Finding{
			Name: "ports", State: FindingFailed,
			Text: fmt.Sprintf("port %d is taken by %s, and the proxy is to publish it", port, f.Taken[port]),
			Hint: "Stop it, or take over a shop that publishes its ports itself with `mage host:adopt`.",
		})
	}
	return findings
}

func gigabytes(bytes uint64) string {
	if bytes < 1e9 {
		return megabytes(bytes)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

// FailedFindings makes one error of all findings that are in the way; nil
// where none is.
func FailedFindings(findings []Finding, untouched string) error {
	var lines, hints []string
	status := ExitFailed
	for _, finding := range findings {
		if finding.State != FindingFailed {
			continue
		}
		lines = append(lines, "  "+finding.Name+": "+finding.Text)
		if finding.Hint != "" {
			hints = append(hints, finding.Hint)
		}
		if finding.Name == FindingLock {
			status = ExitLocked
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if len(lines) > 1 {
		status = ExitFailed
	}
	return &Failure{
		Status: status,
		Err:    errors.New("not ready for a deploy; " + untouched + "\n" + strings.Join(lines, "\n")),
		Hint:   strings.Join(hints, "\n"),
	}
}
