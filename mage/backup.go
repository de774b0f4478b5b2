package mage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/backup"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Backup takes, checks, tries and restores backups of the database in S3.
type Backup mg.Namespace

// Take streams a backup into the bucket while the database serves.
func (Backup) Take(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"backup:take"}, func(ctx context.Context, s *session.Session) error {
		if err := s.Lock(ctx, "backup:take"); err != nil {
			return err
		}
		return takeBackup(ctx, s)
	})
}

// takeBackup takes one, with the lock held.
func takeBackup(ctx context.Context, s *session.Session) error {
	return withVault(ctx, s, "backed up", func(vault *backup.Vault) error {
		began := time.Now()
		taken, err := vault.Take(ctx)
		if err != nil {
			return err
		}
		show.Taken(os.Stdout, taken, time.Since(began))
		return s.Note("backup %s was taken", taken.Name)
	})
}

// Check says whether the backups can be relied on.
func (Backup) Check(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"backup:check"}, func(ctx context.Context, s *session.Session) error {
		return withVault(ctx, s, "read", func(vault *backup.Vault) error {
			findings, err := vault.Check(ctx)
			if err = errors.Join(deploy.BackupsError(findings), err); err != nil {
				return err
			}
			fmt.Printf("%s: the newest backup is young enough, of the usual size, and readable.\n", s.Name)
			return nil
		})
	})
}

// List shows the backups that there are.
func (Backup) List(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
) error {
	return onHost(ctx, value(env), []string{"backup:list"}, func(ctx context.Context, s *session.Session) error {
		return withVault(ctx, s, "read", func(vault *backup.Vault) error {
			backups, err := vault.List(ctx)
			if err != nil {
				return err
			}
			show.Backups(os.Stdout, backups)
			kept, err := vault.Kept(ctx)
			if err == nil {
				show.Kept(os.Stdout, kept)
			}
			return err
		})
	})
}

// Drill restores a backup into a throw-away Postgres, and compares.
func (Backup) Drill(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	name *string, // the backup; the newest by default
) error {
	return onHost(ctx, value(env), flags([]string{"backup:drill"}, "name", value(name)), func(ctx context.Context, s *session.Session) error {
		if err := s.Lock(ctx, "backup:drill"); err != nil {
			return err
		}
		return withVault(ctx, s, "restored on trial", func(vault *backup.Vault) error {
			tried, err := vault.Drill(ctx, value(name))
			if err != nil {
				return err
			}
			show.Drilled(os.Stdout, tried)
			return nil
		})
	})
}

// Restore brings a backup back in the place of the database that serves.
func (Backup) Restore(ctx context.Context, name string,
	env *string, // the environment; the one that is deployed here by default
	yes *bool, // do not ask for the environment's name
) error {
	return exchange(ctx, value(env), value(yes), "restore", name,
		"This puts backup %s in the place of the database of %s.\nWhat was written since is kept aside, and does not serve.",
		func(ctx context.Context, vault *backup.Vault) error { return restored(vault.Restore(ctx, name)) })
}

// SwapBack returns to a database that a restore has put aside.
func (Backup) SwapBack(ctx context.Context, database string,
	env *string, // the environment; the one that is deployed here by default
	yes *bool, // do not ask for the environment's name
) error {
	return exchange(ctx, value(env), value(yes), "swapBack", database, "This puts %s in the place of the database of %s.",
		func(ctx context.Context, vault *backup.Vault) error { return restored(vault.SwapBack(ctx, database)) })
}

// Forget drops a database that a restore has put aside.
func (Backup) Forget(ctx context.Context, database string,
	env *string, // the environment; the one that is deployed here by default
	yes *bool, // do not ask for the environment's name
) error {
	return exchange(ctx, value(env), value(yes), "forget", database, "This drops database %s of %s for good.",
		func(ctx context.Context, vault *backup.Vault) error {
			err := vault.Forget(ctx, database)
			if err == nil {
				fmt.Printf("Database %s is gone.\n", database)
			}
			return err
		})
}

// exchange does something to the database that serves, or to one that did,
// once the environment's name was typed. question names the two.
func exchange(ctx context.Context, env string, yes bool, verb, name, question string, do func(context.Context, *backup.Vault) error) error {
	ask := func(env string) error { return confirm(env, fmt.Sprintf(question, name, env), yes) }
	typed := "backup:" + verb
	return onHostAsked(ctx, env, []string{typed, name, "-yes"}, ask, func(ctx context.Context, s *session.Session) error {
		if err := s.Lock(ctx, typed+" "+name); err != nil {
			return err
		}
		return withVault(ctx, s, "restored", func(vault *backup.Vault) error { return do(ctx, vault) })
	})
}

func restored(done backup.Restored, err error) error {
	if err == nil {
		show.Restored(os.Stdout, done)
	}
	return err
}

// withVault opens the backups and shows how far they have come.
func withVault(ctx context.Context, s *session.Session, what string, do func(*backup.Vault) error) error {
	vault, err := s.Vault(ctx, show.NewBytes(os.Stdout, what).Update)
	if err != nil {
		return err
	}
	return do(vault)
}
