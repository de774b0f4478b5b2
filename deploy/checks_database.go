package deploy

import (
	"cmp"
	"net/url"
	"strings"
)

// noteMigrations takes what a service says of its migrations, with the
// defaults, and refuses a second service that says it.
func (e *Environment) noteMigrations(service string, said *Migrations, mistakes *Mistakes) {
	if said == nil {
		return
	}
	if e.Migrations != nil {
		mistakes.add("services."+service+"."+ExtensionKey+".migrations", "is said by %s already: one service's image has the migrations", e.Migrations.Service)
		return
	}
	m := *said
	m.Service = service
	m.Order = cmp.Or(m.Order, MigrateAuto)
	m.LockTimeout = cmp.Or(m.LockTimeout, DefaultLockTimeout)
	m.Attempts = cmp.Or(m.Attempts, DefaultMigrateAttempts)
	if m.Framework == FrameworkDjango {
		m.Database = cmp.Or(m.Database, "default")
		if len(m.Manage) == 0 {
			m.Manage = []string{"python3", "manage.py"}
		}
	}
	e.Migrations = &m
}

func checkMigrations(environment *Environment, mistakes *Mistakes) {
	m := environment.Migrations
	if m == nil {
		return
	}
	path := "services." + m.Service + "." + ExtensionKey + ".migrations"
	forbid := func(present bool, key, why string) {
		if present {
			mistakes.add(path+"."+key, "%s", why)
		}
	}
	switch m.Framework {
	case FrameworkDjango:
		const own = "is for other frameworks: Django's own commands are known"
		forbid(len(m.Pending) > 0, "pending", own)
		forbid(len(m.Apply) > 0, "apply", own)
		forbid(len(m.Revert) > 0, "revert", own)
	case "":
		if len(m.Apply) == 0 {
			mistakes.add(path+".apply", "is missing: the command that applies what is pending; or say migrations: django")
		}
		forbid(len(m.Manage) > 0, "manage", "is Django's: say framework: django, too")
		forbid(m.Database != "", "database", "is Django's: say framework: django, too")
	default:
		mistakes.add(path+".framework", "is %q; allowed: django, or none and the commands pending, apply and revert", m.Framework)
	}
	if m.Order != MigrateAuto && m.Order != MigrateBefore && m.Order != MigrateAfter {
		mistakes.add(path+".order", "is %q; allowed: auto, before, after", m.Order)
	}
	if m.Attempts < 1 {
		mistakes.add(path+".attempts", "is %d; allowed: 1 or more", m.Attempts)
	}
}

func (b *Backups) setDefaults() {
	b.AccessKey = cmp.Or(b.AccessKey, "BACKUP_ACCESS_KEY")
	b.SecretKey = cmp.Or(b.SecretKey, "BACKUP_SECRET_KEY")
	b.Interval = cmp.Or(b.Interval, DefaultBackupInterval)
	b.Prefix = strings.Trim(b.Prefix, "/")
}

func checkBackups(environment *Environment, mistakes *Mistakes) {
	b := environment.Settings.Backups
	if b == nil {
		return
	}
	path := ExtensionKey + ".backups"
	if _, ok := environment.Service(b.Service); !ok {
		mistakes.add(path+".service", "is %q, which must be the Postgres server; allowed: %s", b.Service, strings.Join(serviceNames(environment), ", "))
	}
	if b.Bucket == "" {
		mistakes.add(path+".bucket", "is missing: the S3 bucket that the backups are in")
	}
	if address, err := url.Parse(b.Endpoint); err != nil || address.Host == "" || !strings.HasPrefix(address.Scheme, "http") {
		mistakes.add(path+".endpoint", "is %q; allowed: the S3 server's http:// or https:// address", b.Endpoint)
	} else if address.User != nil {
		mistakes.add(path+".endpoint", "has a login in it: that belongs into .env, as %s and %s", b.AccessKey, b.SecretKey)
	}
}
