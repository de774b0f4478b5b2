package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// diagnosed is a command's error, led by what the doctor found.
type diagnosed struct {
	finding doctor.Finding
	status  int
	err     error
}

// Error says the cause and what mends it, and below the error as it was.
func (d *diagnosed) Error() string {
	return fmt.Sprintf("cause: %s (%s)\n  %s\n%s", d.finding.Title, d.finding.Cause, d.finding.Fix, d.err)
}

// Unwrap gives the command's own error.
func (d *diagnosed) Unwrap() error { return d.err }

// ExitStatus is that of the command.
func (d *diagnosed) ExitStatus() int { return d.status }

// explainable are the statuses of a command that failed by no fault of how it
// was typed, and by nobody's hand.
var explainable = []int{deploy.ExitFailed, deploy.ExitRolledBack, deploy.ExitNeedsPerson}

// explain has the doctor look, once the way back is done, and puts what it finds
// before the error. Whatever goes wrong with that, the error stays as it was.
func (s *Session) explain(ctx context.Context, failed deploy.LastFailure, err error) (explained error) {
	status := deploy.NewResult(nil, err).Status
	if !slices.Contains(explainable, status) || ctx.Err() != nil {
		return err
	}
	explained = err
	defer func() {
		if panicked := recover(); panicked != nil {
			explained = err
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), examineLimit)
	defer cancel()
	found := make(chan *doctor.Finding, 1)
	go func() {
		defer func() {
			if recover() != nil {
				found <- nil
			}
		}()
		evidence := &doctor.Evidence{Environment: s.Name}
		s.examine(ctx, evidence, &failed)
		found <- doctor.Lead(doctor.Diagnose(*evidence))
	}()
	select {
	case finding := <-found:
		if finding != nil {
			explained = &diagnosed{finding: *finding, status: status, err: err}
		}
	case <-ctx.Done():
	}
	return explained
}
