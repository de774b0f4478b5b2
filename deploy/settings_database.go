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
	// Framework is "django", or empty where the commands say it all.
	Framework string `mapstructure:"framework"`
	// Manage is Django's management command; [python3, manage.py] where empty.
	Manage []string `mapstructure:"manage"`
	// Database is Django's name of the database; "default" where empty.
	Database string `mapstructure:"database"`
	// Pending prints one pending migration a line, in their order. Apply applies
	// all of them. Revert takes an app back to a migration; {app} and
	// {migration} stand for the two. They are for other frameworks than Django.
	Pending []string `mapstructure:"pending"`
	Apply   []string `mapstructure:"apply"`
	Revert  []string `mapstructure:"revert"`
	// Order says when they run, on every deploy but the first.
	Order MigrationOrder `mapstructure:"order"`
	// LockTimeout is how long a statement may wait for a lock on Postgres, and
	// with it everybody who comes after; Attempts how often it is tried.
	LockTimeout time.Duration `mapstructure:"lock_timeout"`
	Attempts    int           `mapstructure:"attempts"`
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
	// Database and User are the names in it; POSTGRES_DB and POSTGRES_USER of
	// its environment where empty, as the official image has them.
	Database string `mapstructure:"database"`
	User     string `mapstructure:"user"`
	// Endpoint is the S3 server: "https://s3.eu-central-1.amazonaws.com".
	Endpoint string `mapstructure:"endpoint"`
	Region   string `mapstructure:"region"`
	Bucket   string `mapstructure:"bucket"`
	// Prefix is the folder in the bucket: "webshop/production".
	Prefix string `mapstructure:"prefix"`
	// AccessKey and SecretKey name the variables of .env that hold the login:
	// BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY where empty.
	AccessKey string `mapstructure:"access_key"`
	SecretKey string `mapstructure:"secret_key"`
	// Interval is how often one is taken; the newest may be twice as old.
	Interval time.Duration `mapstructure:"interval"`
	// DrillWithin is how old the last successful restore may be; 0 does not ask.
	DrillWithin time.Duration `mapstructure:"drill_within"`
}
