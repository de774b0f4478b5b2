package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Drill restores a backup, the newest for an empty name, into a throw-away
// Postgres of the release's own image, compares what came back with the
// record, and records how that went. A backup that is at fault is a
// *deploy.Failure; whatever else fails is not recorded, since it says nothing
// of the backup.
func (v *Vault) Drill(ctx context.Context, name string) (deploy.Backup, error) {
	backup, err := v.find(ctx, name)
	if err != nil {
		return deploy.Backup{}, err
	}
	began := time.Now()
	rows, err := v.drill(ctx, backup)
	drill := deploy.BackupDrill{
		At: v.now().UTC().Truncate(time.Second), Took: time.Since(began).Round(time.Millisecond),
		Tables: len(rows), Rows: sum(rows), By: v.options.By,
	}
	wrong, atFault := errors.AsType[*wrongBackup](err)
	if err != nil && !atFault {
		return backup, err
	}
	if atFault {
		drill.Failed = wrong.why
	}
	backup.Drill = &drill
	if err := v.bucket.write(ctx, backup.Name+drillEnding, drill); err != nil {
		return backup, err
	}
	if atFault {
		return backup, &deploy.Failure{
			Err:  fmt.Errorf("restore backup %s on trial: %w", backup.Name, wrong),
			Hint: "It cannot be relied on. Take another one and try that: mage backup:take && mage backup:drill",
		}
	}
	return backup, nil
}

func (v *Vault) drill(ctx context.Context, backup deploy.Backup) (rows map[string]int64, err error) {
	if v.options.Release == nil {
		return nil, &deploy.Failure{
			Err:  fmt.Errorf("restore backup %s on trial: no release serves here, and its Postgres image is needed", backup.Name),
			Hint: "Deploy one first, or type the command on the host that serves.",
		}
	}
	container, remove, err := v.options.Engine.Throwaway(ctx, v.options.Release, v.options.Settings.Service)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	v.reached("throw-away")
	s := &server{engine: v.options.Engine, container: container, user: v.options.Settings.User}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s, err = openServer(ctx, v.options.Engine, container, v.options.Settings)
	if err != nil {
		return nil, err
	}
	const tried = "drill"
	if _, err := s.query(ctx, s.maintenance(), applicationName, "CREATE DATABASE "+tried+" TEMPLATE template0;"); err != nil {
		return nil, said(fmt.Errorf("make a database in the throw-away Postgres: %w", err), "")
	}
	// It has the roles of no other server, and reaches none to subscribe to.
	return v.fill(ctx, s, applicationName, tried, backup, "--no-owner", "--no-privileges", "--no-subscriptions")
}
