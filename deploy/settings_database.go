package deploy

import "time"

// Defaults of what a Compose file does not say about its database.
const (
	DefaultLockTimeout     = 3 * time.Second
	DefaultMigrateAttempts = 5
	DefaultBackupInterval  = 24 * time.Hour
	DefaultDrillWithin     = 30 * 24 * time.Hour
)

// FrameworkDjango is the framework whose migrations are understood.
const FrameworkDjango = "django"

// Migrations is how a release's database changes are applied. In a service
// it may be the one word "django".
type Migrations struct {
	// Service is the one whose image contains the migrations: the one that says
	// all this.
	Service string `mapstructure:"-"`
	// Framework is whose migrations they are: "django", or nothing where the
	// commands say it all.
	Framework string `mapstructure:"framework"`
	// Manage is Django's management command.
	Manage []string `mapstructure:"manage"`
	// Database is Django's name of the database, a key of its DATABASES.
	Database string `mapstructure:"database"`
	// Pending is the command that prints one pending migration a line, in their
	// order. For other frameworks than Django, as apply and revert.
	Pending []string `mapstructure:"pending"`
	// Apply is the command that applies all pending migrations.
	Apply []string `mapstructure:"apply"`
	// Revert is the command that takes an app back to a migration: {app} and
	// {migration} stand for the two.
	Revert []string `mapstructure:"revert"`
	// Order says when they run, on every deploy but the first. "auto": what the
	// release that serves survives before the switch, and the rest behind it;
	// "before" and "after" the switch: all.
	Order MigrationOrder `mapstructure:"order"`
	// LockTimeout is how long a statement may wait for a lock on Postgres, and
	// with it everybody who comes after.
	LockTimeout time.Duration `mapstructure:"lock_timeout"`
	// Attempts is how often a migration is tried that did not get its lock; 1 or
	// more.
	Attempts int `mapstructure:"attempts"`
}

// MigrationOrder is when migrations run.
type MigrationOrder string

// Auto is the default: what the release that serves survives runs before the
// switch, and from the first on that it does not survive, behind it.
const (
	MigrateAuto   MigrationOrder = "auto"
	MigrateBefore MigrationOrder = "before"
	MigrateAfter  MigrationOrder = "after"
)

// Backups is x-deploy.backups: where they are, and what must hold of them.
type Backups struct {
	// Service is the one whose container is the Postgres server.
	Service string `mapstructure:"service"`
	// Database is the one that is backed up; where empty that of POSTGRES_DB in
	// the service's environment, as the official image has it.
	Database string `mapstructure:"database"`
	// User is the database's; where empty that of POSTGRES_USER in the service's
	// environment.
	User string `mapstructure:"user"`
	// Endpoint is the S3 server: "https://s3.eu-central-1.amazonaws.com".
	Endpoint string `mapstructure:"endpoint"`
	// Region is the bucket's; where empty the S3 server is asked for it.
	Region string `mapstructure:"region"`
	// Bucket is the one that the backups are in.
	Bucket string `mapstructure:"bucket"`
	// Prefix is the folder in the bucket: "webshop/production".
	Prefix string `mapstructure:"prefix"`
	// AccessKey is the name of the variable in .env that holds the login's access
	// key, never the key itself.
	AccessKey string `mapstructure:"access_key"`
	// SecretKey is the name of the variable in .env that holds the login's secret
	// key, never the key itself.
	SecretKey string `mapstructure:"secret_key"`
	// Interval is how often one is taken; the newest may be twice as old.
	Interval time.Duration `mapstructure:"interval"`
	// DrillWithin is how old the last trial restore that went well may be; 0s
	// does not ask.
	DrillWithin time.Duration `mapstructure:"drill_within"`
}
