package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// failed says why a new container is not healthy: what the engine knows of
// its end, or what its checks answered, with its last lines.
func (r *runner) failed(ctx context.Context, service *Service, container Container, checked error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), evidenceTimeout)
	defer cancel()
	evidence, err := r.Engine.Evidence(ctx, container.Name, lastLines)
	if err != nil && !errors.Is(err, ErrNoContainer) {
		r.note("the last lines of %s cannot be read: %v", container.Name, err)
	}
	cause := endCause(container)
	if cause == "" && checked != nil {
		cause = checked.Error()
	}
	if cause == "" {
		cause = "is " + string(container.Status)
	}
	failure := &Failure{
		Err:  fmt.Errorf("%s of release %s: %s", container.Name, r.plan.To, cause),
		Logs: tail(evidence.Logs, lastLines),
	}
	failure.Hint = hint(service, container, cause, string(evidence.Logs))
	return failure
}

// endCause says how a container ended; nothing while it runs.
func endCause(container Container) string {
	switch {
	case container.OOMKilled:
		return "killed for memory: it used more than its limit"
	case container.ExitCode == 137 && !container.Running():
		return "killed with SIGKILL (exit status 137): out of memory on the host, or killed by hand"
	case container.ExitCode == 139:
		return "crashed with a segmentation fault (exit status 139)"
	case container.Status == StatusExited || container.Status == StatusDead:
		return fmt.Sprintf("exited with status %d", container.ExitCode)
	case container.Status == StatusRestarting || container.Restarts > 0:
		return "ended soon after its start, and so did each new start (" + plural(container.Restarts, "restart") + ")"
	default:
		return ""
	}
}

// missingVariable is how programs say that one is not there.
var missingVariable = regexp.MustCompile(
	`(?i:environment variable)|\b[A-Z][A-Z0-9_]{2,} (is|was) (not set|missing|required)|\b[A-Z][A-Z0-9]*_[A-Z0-9_]*: (not set|missing|required)`)

// hint names what usually stands behind a cause, from the evidence.
func hint(service *Service, container Container, cause, logs string) string {
	switch {
	case container.OOMKilled:
		return "Raise deploy.resources.limits.memory of " + service.Name + ", or find what grew in this release."
	case strings.Contains(logs, "DisallowedHost") || strings.Contains(logs, "ALLOWED_HOSTS"):
		return "Django refused the Host header of the check: add it to ALLOWED_HOSTS, or set x-deploy.health.host of " + service.Name + "."
	case strings.Contains(cause, "connection refused"):
		return "Nothing listens on the container's own address: the process may listen on 127.0.0.1 only (use 0.0.0.0), on another port, or not yet."
	case strings.Contains(logs, "ModuleNotFoundError") || strings.Contains(logs, "ImportError") || strings.Contains(logs, "Cannot find module"):
		return "A dependency is missing from the image of " + service.Name + "."
	case strings.Contains(logs, "KeyError") || missingVariable.MatchString(logs):
		return "A variable is missing: compare .env with what this release needs."
	case strings.Contains(logs, "password authentication failed"):
		return "The database refused the password: compare .env with the database's."
	case strings.Contains(logs, "No space left on device"):
		return "The disk is full."
	default:
		return ""
	}
}
