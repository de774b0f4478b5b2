package deploy

import (
	"errors"
	"strings"
)

// Exit statuses, so that a CI job can tell outcomes apart without reading.
const (
	// ExitFailed: the command failed; what serves was not touched.
	ExitFailed = 1
	// ExitUsage: the command or the configuration is wrong; nothing was touched.
	ExitUsage = 2
	// ExitRolledBack: the new release was taken back and the old one serves.
	ExitRolledBack = 3
	// ExitNeedsPerson: the way back failed too, or only a person can decide what
	// is right.
	ExitNeedsPerson = 4
	// ExitConsent: the plan interrupts and -accept-downtime was not given.
	ExitConsent = 5
	// ExitInterrupted: a signal stopped the command; what serves is said.
	ExitInterrupted = 6
	// ExitUnknown: the connection to a host is lost for good; the rollout goes on
	// there.
	ExitUnknown = 7
	// ExitLocked: another command is running; who, what and since when is said.
	// 75 is sysexits' "try again".
	ExitLocked = 75
)

// ErrNoContainer says that a container is gone.
var ErrNoContainer = errors.New("no such container")

// Failure is an error for people: what failed, with what to type next and the
// last lines of what failed.
type Failure struct {
	// Status is the exit status.
	Status int
	Err    error
	// Hint says what to do.
	Hint string
	// Logs are the last lines of the container that failed.
	Logs []string
}

// logMark begins each line of what failed.
const logMark = "  | "

// Error gives the failure with its lines and its hint.
func (f *Failure) Error() string {
	var out strings.Builder
	out.WriteString(f.Err.Error())
	for _, line := range f.Logs {
		out.WriteString("\n" + logMark + line)
	}
	if f.Hint != "" {
		out.WriteString("\n" + f.Hint)
	}
	return out.String()
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// ExitStatus is what mage exits with.
func (f *Failure) ExitStatus() int {
	if f.Status == 0 {
		return ExitFailed
	}
	return f.Status
}

// UnknownRelease says that no release of a version is recorded.
type UnknownRelease struct {
	Version string
	// Known are the recorded versions, the newest first.
	Known []string
}

// Error names the nearest versions.
func (u *UnknownRelease) Error() string {
	text := "no release " + u.Version + " is recorded on this host"
	if len(u.Known) == 0 {
		return text + ": nothing was deployed here yet"
	}
	near := Nearest(u.Version, u.Known, 3)
	if len(near) == 0 {
		near = u.Known[:min(3, len(u.Known))]
	}
	return text + "; did you mean " + strings.Join(near, " or ") + "?"
}

// ExitStatus is what mage exits with.
func (u *UnknownRelease) ExitStatus() int { return ExitUsage }
