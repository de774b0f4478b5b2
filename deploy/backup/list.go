package backup

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// listedAtOnce bounds the requests that are under way to the S3 server.
const listedAtOnce = 8

// List gives the backups that there are, newest first: everything below the
// prefix whose name ends in ".dump".
func (v *Vault) List(ctx context.Context) ([]deploy.Backup, error) {
	objects, err := v.bucket.objects(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	var backups []deploy.Backup
	for _, one := range objects {
		there[one.Name] = true
		if name, dump := strings.CutSuffix(one.Name, dumpEnding); dump {
			backups = append(backups, deploy.Backup{Name: name, Size: one.Size, Taken: one.Written, Origin: deploy.BackupForeign})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(listedAtOnce)
	for at := range backups {
		group.Go(func() error { return v.describe(ctx, &backups[at], there) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(backups, func(a, b deploy.Backup) int { return b.Taken.Compare(a.Taken) })
	return backups, nil
}

// describe reads what is recorded of a backup.
func (v *Vault) describe(ctx context.Context, backup *deploy.Backup, there map[string]bool) error {
	if ours(backup.Name + dumpEnding) {
		backup.Origin = deploy.BackupUnfinished
	}
	if there[backup.Name+recordEnding] {
		var record deploy.BackupRecord
		known, err := v.record(ctx, backup.Name+recordEnding, &record)
		if err != nil {
			return err
		}
		if known && record.SHA256 != "" {
			backup.Origin, backup.Record, backup.Taken = deploy.BackupRecorded, &record, record.Taken
		}
	}
	if there[backup.Name+drillEnding] {
		var drill deploy.BackupDrill
		known, err := v.record(ctx, backup.Name+drillEnding, &drill)
		if err != nil {
			return err
		}
		if known {
			backup.Drill = &drill
		}
	}
	return nil
}

// record reads a record, and says whether it says something: one that does not
// is as good as none.
func (v *Vault) record(ctx context.Context, name string, into any) (known bool, err error) {
	err = v.bucket.read(ctx, name, into)
	if _, ok := errors.AsType[*unreadableRecord](err); ok {
		return false, nil
	}
	return err == nil, err
}
