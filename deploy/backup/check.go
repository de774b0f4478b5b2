package backup

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Check says everything that does not hold of the backups; nothing where all
// is well. Beside what the list tells, the newest one is read by pg_restore,
// its table of contents at least: the rest is what a drill is for.
func (v *Vault) Check(ctx context.Context) ([]deploy.BackupFinding, error) {
	backups, err := v.List(ctx)
	if err != nil {
		return nil, err
	}
	findings := v.options.Settings.CheckBackups(backups, v.now())
	newest, ok := deploy.NewestBackup(backups)
	if !ok || newest.Size == 0 {
		return findings, nil
	}
	unread, err := v.unreadable(ctx, newest)
	if err != nil {
		return findings, err
	}
	if unread != "" {
		findings = append(findings, deploy.BackupFinding{Backup: newest.Name, Text: unread, Hint: "Take another one: mage backup:take"})
	}
	return findings, nil
}

// unreadable says what pg_restore finds wrong with a backup's table of
// contents.
func (v *Vault) unreadable(ctx context.Context, backup deploy.Backup) (string, error) {
	s, err := v.server(ctx)
	if err != nil {
		return "", err
	}
	content, err := v.bucket.open(ctx, backup.Name+dumpEnding, func(int64, int64) {})
	if err != nil {
		return "", err
	}
	defer content.Close()
	var contents bytes.Buffer
	err = s.engine.Pipe(ctx, s.container, []string{"pg_restore", "--list"}, content, &contents)
	if broken := content.broken(); broken != nil {
		return "", broken
	}
	switch why, ended := complaint(err); {
	case ended:
		return "pg_restore cannot read it: " + why, nil
	case err != nil:
		return "", fmt.Errorf("read backup %s: %w", backup.Name, err)
	case !strings.Contains(contents.String(), " TABLE DATA "):
		return "it has the rows of no table", nil
	}
	return "", nil
}
