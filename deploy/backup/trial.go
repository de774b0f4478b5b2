package backup

import (
	"context"
	"fmt"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// wrongBackup says that a backup itself is at fault, and not the way to it.
type wrongBackup struct{ why string }

func (w *wrongBackup) Error() string { return w.why }

// fill restores a backup into an empty database and compares what came back
// with what is recorded: size, checksum, and the rows of each table, which it
// gives. What is wrong with the backup itself is a *wrongBackup.
func (v *Vault) fill(ctx context.Context, s *server, name, database string, backup deploy.Backup, options ...string) (map[string]int64, error) {
	content, err := v.bucket.open(ctx, backup.Name+dumpEnding, v.options.Progress)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	restored := s.restore(ctx, name, database, content, options...)
	if broken := content.broken(); broken != nil {
		return nil, broken
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("restore backup %s: %w", backup.Name, context.Cause(ctx))
	}
	sum, err := content.finish()
	if err != nil {
		return nil, err
	}
	why, atFault := complaint(restored)
	damaged := backup.Record != nil && sum != backup.Record.SHA256
	switch {
	case damaged && atFault:
		return nil, &wrongBackup{fmt.Sprintf("it is damaged: its checksum differs from its record's, and pg_restore says: %s", why)}
	case damaged:
		return nil, &wrongBackup{"it is damaged: its checksum differs from its record's"}
	case atFault:
		return nil, &wrongBackup{"pg_restore says: " + why}
	case restored != nil:
		return nil, said(fmt.Errorf("restore backup %s: %w", backup.Name, restored), "")
	}
	v.reached("filled")
	return v.compare(ctx, s, name, database, backup)
}

func (v *Vault) compare(ctx context.Context, s *server, name, database string, backup deploy.Backup) (map[string]int64, error) {
	answer, err := s.query(ctx, database, name, countRows)
	if err != nil {
		return nil, said(fmt.Errorf("count the rows of database %s: %w", database, err), "")
	}
	rows, err := tableRows(answer)
	if err != nil {
		return nil, err
	}
	if backup.Record != nil {
		if differences := deploy.CompareRows(backup.Record.Rows, rows); len(differences) > 0 {
			return nil, &wrongBackup{strings.Join(differences, ", ")}
		}
	}
	return rows, nil
}
