package deploy

import (
	"context"
	"errors"
	"fmt"
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
		return "ended soon after its start, and so did each new start (" + Plural(container.Restarts, "restart") + ")"
	default:
		return ""
	}
}

// hint names what usually stands behind a cause, from the evidence.
func hint(service *Service, container Container, cause, logs string) string {
	if container.OOMKilled {
		return "Raise deploy.resources.limits.memory of " + service.Name + ", or find what grew in this release."
	}
	if signs := Signs(logs); len(signs) > 0 && signs[0].Symptom != SymptomTraceback {
		return signs[0].Symptom.Hint(service.Name)
	}
	if strings.Contains(cause, "connection refused") {
		return "Nothing listens on the container's own address: the process may listen on 127.0.0.1 only (use 0.0.0.0), on another port, or not yet."
	}
	return ""
}
