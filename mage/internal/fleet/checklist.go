package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/deploy/notify"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// checklist looks at what must hold before a version is deployed to production.
type checklist struct {
	*Fleet
	version string
	// tree is the clean checkout of the version's tag.
	tree *source.Tree
	// now is what the first host serves; nil for nothing.
	now *session.Record
	// variables are the names of those that the first host's .env has.
	variables []string
	// before is the record of the same code in staging; nil where it has none.
	before *session.Record
}

// Checklist looks at each item, side by side, and gives those that are wanted in
// the checklist's order. Nothing is touched.
func (f *Fleet) Checklist(ctx context.Context, version string, tree *source.Tree) ([]deploy.Finding, error) {
	if !f.Remote() {
		return nil, f.NoHosts()
	}
	standing, err := f.standing(ctx)
	if err != nil {
		return nil, err
	}
	c := &checklist{Fleet: f, version: version, tree: tree, now: standing.Now(), variables: standing.Variables}
	// What the rollback implies is known from the same code's record in staging.
	staged := c.staging(ctx)
	looks := []func(context.Context) *deploy.Finding{
		func(context.Context) *deploy.Finding { return staged }, c.ci, c.backup, c.notified, c.changelog, c.rollback,
	}
	found := make([]*deploy.Finding, len(looks))
	var group sync.WaitGroup
	for at, look := range looks {
		group.Go(func() { found[at] = look(ctx) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var findings []deploy.Finding
	for _, item := range deploy.ChecklistItems {
		for _, finding := range found {
			if finding != nil && finding.Name == item {
				findings = append(findings, *finding)
			}
		}
	}
	return findings, nil
}

func done(item, format string, args ...any) *deploy.Finding {
	return &deploy.Finding{Name: item, State: deploy.FindingFine, Text: fmt.Sprintf(format, args...)}
}

func missing(item, hint, format string, args ...any) *deploy.Finding {
	return &deploy.Finding{Name: item, State: deploy.FindingFailed, Text: fmt.Sprintf(format, args...), Hint: hint}
}

// staging asks whether the same commit served in staging, and whether what the
// registry has under its names is what was tested there.
func (c *checklist) staging(ctx context.Context) *deploy.Finding {
	name := cmp.Or(c.Settings.Checklist.Staging, "staging")
	if !c.Settings.Checklist.Wanted(deploy.ItemStaging, name != c.Name && session.InProject(c.Root, name)) {
		return nil
	}
	hint := "Deploy it there: git switch --detach " + c.version + " && mage deploy:staging"
	if name != "staging" {
		hint += " -env=" + name
	}
	staging, err := Open(ctx, Options{Root: c.Root, Env: name, Emit: c.emit, Say: c.say, Section: c.section, Report: c.report})
	if err != nil {
		return missing(deploy.ItemStaging, hint, "%s cannot be asked: %v", name, err)
	}
	defer staging.Close()
	if !staging.Remote() {
		return missing(deploy.ItemStaging, "Name its hosts, or leave the item out of x-deploy.checklist.items.", "%s has no hosts", name)
	}
	standing, err := staging.standing(ctx)
	if err != nil {
		return missing(deploy.ItemStaging, "Is it up? mage host:check "+name, "%s cannot be asked: %v", name, err)
	}
	for _, record := range standing.Records {
		if record.Release.Commit() == c.tree.Commit && record.Served && record.Outcome == deploy.OutcomeDeployed {
			c.before = &record
			break
		}
	}
	if c.before == nil {
		text := fmt.Sprintf("commit %.12s was never verified on %s", c.tree.Commit, name)
		if now := standing.Now(); now != nil {
			text += ", which serves " + now.Release.Version
		}
		return missing(deploy.ItemStaging, hint, "%s", text)
	}
	release := c.before.Release
	for _, service := range slices.Sorted(maps.Keys(release.Images)) {
		tested := release.Images[service]
		if !strings.HasSuffix(tested.Reference, ":"+release.Version) {
			continue // no image of ours
		}
		found, err := (&image.Registries{}).Resolve(ctx, tested.Reference)
		if err != nil {
			return missing(deploy.ItemStaging, "", "what was tested cannot be found: %v", err)
		}
		if found.Digest != tested.Digest {
			return missing(deploy.ItemStaging, hint, "%s is %.19s now, and %.19s was tested", tested.Reference, found.Digest, tested.Digest)
		}
	}
	return done(deploy.ItemStaging, "%s was verified on %s, deployed %s by %s", release.Version, name, release.Created.Local().Format("2006-01-02 15:04"), cmp.Or(release.By, "somebody"))
}

// standing reaches the environment and asks its first host.
func (f *Fleet) standing(ctx context.Context) (*session.Standing, error) {
	if err := f.reachOnly(ctx); err != nil {
		return nil, err
	}
	return f.Hosts[0].Stand(ctx)
}

// mostChecks is how many of those that are not green are named.
const mostChecks = 5

// ci asks GitHub for the checks and statuses of the tag's commit.
func (c *checklist) ci(ctx context.Context) *deploy.Finding {
	github := strings.HasPrefix(c.tree.Remote, "https://github.com/") || os.Getenv("GITHUB_REPOSITORY") != ""
	if !c.Settings.Checklist.Wanted(deploy.ItemCI, github) {
		return nil
	}
	list, err := openGitHub(c.tree.Remote)
	if err != nil {
		return missing(deploy.ItemCI, "", "GitHub cannot be asked: %v", err)
	}
	checks, err := list.Checks(ctx, c.tree.Commit, os.Getenv("GITHUB_RUN_ID"))
	if err != nil {
		return missing(deploy.ItemCI, "", "%v", err)
	}
	var bad []string
	pending := true
	for _, check := range checks {
		if check.State != notify.CheckGreen {
			bad = append(bad, check.Name+" ("+check.Said+")")
			pending = pending && check.State == notify.CheckPending
		}
	}
	switch {
	case len(checks) == 0:
		return missing(deploy.ItemCI, "Run the checks for the tag's commit.", "no check was run for commit %.12s", c.tree.Commit)
	case len(bad) == 0:
		if len(checks) == 1 {
			return done(deploy.ItemCI, "the one check of commit %.12s is green", c.tree.Commit)
		}
		return done(deploy.ItemCI, "all %d checks of commit %.12s are green", len(checks), c.tree.Commit)
	}
	text := strings.Join(bad[:min(mostChecks, len(bad))], ", ")
	if more := len(bad) - mostChecks; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if pending {
		return missing(deploy.ItemCI, "Wait for them.", "still waited for: %s", text)
	}
	return missing(deploy.ItemCI, "Mend what they found, and release that.", "not green: %s", text)
}

// notified asks whether anybody is told when the deploy starts: whether the host
// has an address for that.
func (c *checklist) notified(context.Context) *deploy.Finding {
	names := c.Model.NotifyVariables()
	if !c.Settings.Checklist.Wanted(deploy.ItemNotified, len(names) > 0) {
		return nil
	}
	hint := "Set x-deploy.notify, and try it: mage notify:test " + c.Name
	if len(names) == 0 || !slices.Contains(c.Settings.Notify.On, deploy.OnStart) {
		return missing(deploy.ItemNotified, hint, "nobody is told when the deploy starts")
	}
	var told []string
	for _, name := range names {
		if slices.Contains(c.variables, name) {
			told = append(told, name)
		}
	}
	if len(told) == 0 {
		return missing(deploy.ItemNotified, "Put one into the host's .env: mage env:push "+c.Name, "nobody is told: the host has no %s", strings.Join(names, " and no "))
	}
	return done(deploy.ItemNotified, "the team is told when it starts (%s)", strings.Join(told, ", "))
}

// backup has the host check its backups.
func (c *checklist) backup(ctx context.Context) *deploy.Finding {
	if !c.Settings.Checklist.Wanted(deploy.ItemBackup, c.Settings.Backups != nil) {
		return nil
	}
	if c.Settings.Backups == nil {
		return missing(deploy.ItemBackup, "Say where they are: x-deploy.backups in the Compose file of "+c.Name, "no backups are configured")
	}
	if c.now == nil {
		return done(deploy.ItemBackup, "nothing was deployed yet: there is nothing to back up")
	}
	var said bytes.Buffer
	if err := c.Hosts[0].stream(ctx, &said, &said, "backup:check", "-env="+c.Name); err != nil {
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(said.String()), "Error:"))
		return missing(deploy.ItemBackup, "Take one: mage backup:take -env="+c.Name, "%s", cmp.Or(text, err.Error()))
	}
	return done(deploy.ItemBackup, "%s", strings.TrimSpace(said.String()))
}

// changelog reads what the tag's own CHANGELOG.md says of what breaks.
func (c *checklist) changelog(context.Context) *deploy.Finding {
	content, err := os.ReadFile(filepath.Join(c.tree.Root, "CHANGELOG.md"))
	if !c.Settings.Checklist.Wanted(deploy.ItemChangelog, err == nil) {
		return nil
	}
	hint := "Write under its heading `Breaking: none`, or what breaks, and release that."
	if errors.Is(err, fs.ErrNotExist) {
		return missing(deploy.ItemChangelog, hint, "%s has no CHANGELOG.md", c.version)
	}
	if err != nil {
		return missing(deploy.ItemChangelog, "", "%v", err)
	}
	text, err := deploy.BreakingChanges(string(content), c.version)
	if err != nil {
		return missing(deploy.ItemChangelog, hint, "%v", err)
	}
	return done(deploy.ItemChangelog, "breaking changes: %s", text)
}

// rollback asks whether there is a release to return to, whether its images can
// be had again, and what the new migrations imply for it.
func (c *checklist) rollback(ctx context.Context) *deploy.Finding {
	if !c.Settings.Checklist.Wanted(deploy.ItemRollback, true) {
		return nil
	}
	if c.now == nil {
		return done(deploy.ItemRollback, "%s serves nothing yet: there is nothing to go back to", c.Name)
	}
	release := c.now.Release
	for _, service := range slices.Sorted(maps.Keys(release.Images)) {
		if _, err := (&image.Registries{}).Resolve(ctx, release.Images[service].Pinned()); err != nil {
			return missing(deploy.ItemRollback, "Push it again, or check with `docker pull` on the host.", "%s serves, and the image of its %s cannot be pulled: %v", release.Version, service, err)
		}
	}
	return done(deploy.ItemRollback, "back to %s by `mage rollback %s -env=%s`; %s", release.Version, release.Version, c.Name, c.migrations())
}

// migrations says what of the schema is new for the release that serves.
func (c *checklist) migrations() string {
	switch {
	case c.now.Release.Migrations == nil, c.before == nil || c.before.Release.Migrations == nil:
		return "what it migrates is said by the plan"
	}
	known := c.now.Release.Migrations
	var added []string
	for _, migration := range c.before.Release.Migrations {
		if !slices.Contains(known, migration) {
			added = append(added, migration.String())
		}
	}
	if len(added) == 0 {
		return "no new migrations"
	}
	return "new migrations, which the plan classifies: " + strings.Join(added, ", ")
}
