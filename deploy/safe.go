package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Safe is where backups of one database are.
type Safe interface {
	// Check says everything that does not hold of them.
	Check(ctx context.Context) ([]BackupFinding, error)
	// Take makes another one, while the database serves.
	Take(ctx context.Context) (Backup, error)
}

// backup takes one before the database is put at risk, unless those that there
// are give reason not to rely on them: then nothing of the deploy has happened
// yet that matters.
func (r *runner) backup(ctx context.Context, step Step) error {
	if r.Backups == nil {
		return errors.New("take a backup: this host opens none")
	}
	containers, _, err := r.Engine.Observe(ctx, r.plan.To.Environment.Project.Name)
	if err != nil {
		return fmt.Errorf("take a backup: %w", err)
	}
	database := RunningOf(containers, step.Service)
	if database == "" {
		return fmt.Errorf("take a backup: no container of %s runs", step.Service)
	}
	safe, err := r.Backups(*r.plan.To.Environment.Settings.Backups, r.plan.From, database)
	if err != nil {
		return err
	}
	findings, err := safe.Check(ctx)
	if err != nil {
		return fmt.Errorf("check the backups before a migration that needs them: %w", err)
	}
	if err := BackupsError(findings); err != nil {
		return fmt.Errorf("a migration may need the backups: %w", err)
	}
	began := time.Now()
	taken, err := safe.Take(ctx)
	if err != nil {
		return err
	}
	r.note("backup %s: %s in %s", taken.Name, inBytes(taken.Size), time.Since(began).Round(100*time.Millisecond))
	return nil
}

// RunningOf names a running container of a service; empty where none runs.
func RunningOf(containers []Container, service string) string {
	at := slices.IndexFunc(containers, func(c Container) bool { return c.Service == service && c.Running() && !c.OneOff })
	if at < 0 {
		return ""
	}
	return containers[at].Name
}

// BackupsError makes one error of all that does not hold; nil for nothing.
func BackupsError(findings []BackupFinding) error {
	if len(findings) == 0 {
		return nil
	}
	failure := &Failure{Err: errors.New("the backups are not to be relied on"), Hint: findings[0].Hint}
	for _, finding := range findings {
		failure.Err = fmt.Errorf("%w\n  %s", failure.Err, finding)
	}
	return failure
}
