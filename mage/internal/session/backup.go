package session

import (
	"context"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/backup"
)

// safe opens the backups of a database for a deploy.
func (s *Session) safe(settings deploy.Backups, serving *deploy.Release, container string) (deploy.Safe, error) {
	return s.open(settings, serving, container, nil)
}

func (s *Session) open(settings deploy.Backups, serving *deploy.Release, container string, progress func(done, total int64)) (*backup.Vault, error) {
	return backup.Open(backup.Options{
		Settings: settings, Variables: s.Host.Variables, File: s.Host.Store.EnvPath(),
		Engine: s.Engine, Release: serving, Container: container, By: s.who, Progress: progress,
	})
}

// Vault opens the backups of the environment's database, as the release that
// serves has them. progress is told the bytes that have gone or come.
func (s *Session) Vault(ctx context.Context, progress func(done, total int64)) (*backup.Vault, error) {
	serving, err := s.deployed(ctx)
	if err != nil {
		return nil, err
	}
	settings := serving.Environment.Settings.Backups
	if settings == nil {
		return nil, usage("x-deploy.backups is not in the Compose file of %s %s: it says which bucket, and what must hold", s.Name, serving)
	}
	containers, _, err := s.Engine.Observe(ctx, serving.Environment.Project.Name)
	if err != nil {
		return nil, err
	}
	return s.open(*settings, serving, deploy.RunningOf(containers, settings.Service), progress)
}

// deployed is the release that serves; there must be one.
func (s *Session) deployed(ctx context.Context) (*deploy.Release, error) {
	serving, err := s.Host.Serving(ctx)
	if err == nil && serving == nil {
		err = usage("%s has no release yet: deploy one first", s.Name)
	}
	return serving, err
}
