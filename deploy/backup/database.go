package backup

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What a restore makes is named after the database and the time.
const (
	// unfinishedMark is on a database that is being restored into.
	unfinishedMark = "_restore_"
	// keptMark is on one that served before.
	keptMark = "_before_"
)

// longestName is Postgres's limit in bytes; it cuts longer names off.
const longestName = 63

// beside names a database after this one.
func (s *server) beside(mark string, at time.Time) string {
	return s.stem(mark) + at.UTC().Format(stamp)
}

// aside names the database that served until now. Two that were put aside within
// a second are a second apart by their names.
func (s *server) aside(there []found, now time.Time) string {
	for {
		name := s.beside(keptMark, now)
		if !slices.ContainsFunc(there, func(one found) bool { return one.Name == name }) {
			return name
		}
		now = now.Add(time.Second)
	}
}

func (s *server) stem(mark string) string {
	stem := s.database
	for len(stem)+len(mark)+len(stamp) > longestName || !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + mark
}

// marked says whether a database is one that a restore has made.
func (s *server) marked(name, mark string) bool {
	rest, ours := strings.CutPrefix(name, s.stem(mark))
	return ours && stampForm.MatchString(rest)
}

var stampForm = regexp.MustCompile(`^\d{8}T\d{6}Z$`)

// found is a database of the server.
type found struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// databases lists all of the server.
func (s *server) databases(ctx context.Context) ([]found, error) {
	answer, err := s.query(ctx, s.maintenance(), applicationName,
		"SELECT json_build_object('name', datname, 'size', pg_database_size(oid)) FROM pg_database ORDER BY datname;")
	if err != nil {
		return nil, said(fmt.Errorf("list the databases: %w", err), "")
	}
	databases := make([]found, len(answer))
	for at, line := range answer {
		if databases[at], err = one[found]([]string{line}); err != nil {
			return nil, fmt.Errorf("list the databases: %w", err)
		}
	}
	return databases, nil
}

// sameShape makes an empty database with the owner, encoding and sorting of
// the one that serves.
func (s *server) sameShape(name string) string {
	return `
SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L',
              ` + literal(name) + `, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding),
              to_jsonb(d)->>'datcollate', to_jsonb(d)->>'datctype')
    || CASE to_jsonb(d)->>'datlocprovider'
         WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'))
         WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', to_jsonb(d)->>'datlocale')
         ELSE '' END
FROM pg_database d WHERE d.datname = ` + literal(s.database) + `
\gexec
`
}

// sameRights gives a database the settings and the rights of the one that
// serves, which a dump of one database does not contain.
func (s *server) sameRights(name string) string {
	return `
SELECT format('SELECT set_config(%L, %L, false)', split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)),
       format('ALTER %s SET %I FROM CURRENT',
              CASE WHEN setrole = 0 THEN format('DATABASE %I', ` + literal(name) + `)
                   ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), ` + literal(name) + `) END,
              split_part(setting, '=', 1))
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = ` + literal(s.database) + `)
\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', ` + literal(name) + `)
FROM pg_database WHERE datname = ` + literal(s.database) + ` AND datacl IS NOT NULL
\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, ` + literal(name) + `,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = ` + literal(s.database) + `
\gexec
`
}

// Kept is a database that served until a restore took its place.
type Kept struct {
	Name string
	// Size is in bytes, on the host's disk.
	Size int64
}

// Kept lists the databases that restores have put aside, the oldest first.
func (v *Vault) Kept(ctx context.Context) ([]Kept, error) {
	s, err := v.server(ctx)
	if err != nil {
		return nil, err
	}
	databases, err := s.databases(ctx)
	if err != nil {
		return nil, err
	}
	var kept []Kept
	for _, one := range databases {
		if s.marked(one.Name, keptMark) {
			kept = append(kept, Kept(one))
		}
	}
	return kept, nil
}

// Forget drops a database that a restore has put aside, and no other.
func (v *Vault) Forget(ctx context.Context, database string) error {
	s, err := v.server(ctx)
	if err != nil {
		return err
	}
	if err := v.isKept(ctx, database, "forget"); err != nil {
		return err
	}
	if err := s.drop(ctx, database); err != nil {
		return said(fmt.Errorf("forget database %s: %w", database, err), "")
	}
	return nil
}

// drop removes a database, whoever uses it.
func (s *server) drop(ctx context.Context, database string) error {
	_, err := s.query(ctx, s.maintenance(), applicationName, "DROP DATABASE IF EXISTS "+identifier(database)+" WITH (FORCE);")
	return err
}

// isKept refuses a database that no restore has put aside.
func (v *Vault) isKept(ctx context.Context, database, verb string) error {
	kept, err := v.Kept(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, one := range kept {
		if one.Name == database {
			return nil
		}
		names = append(names, one.Name)
	}
	hint := "No restore has put a database aside."
	if len(names) > 0 {
		hint = "There is " + strings.Join(names, ", ") + "."
	}
	return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("%s database %s: it is none that a restore has put aside", verb, database), Hint: hint}
}
