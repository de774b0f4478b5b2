package backup

import (
	"encoding/json"
	"fmt"
)

// countRows counts the rows of each table that a dump contains, exactly, with
// one answer a table. Partitions are counted and not what they are parts of;
// what belongs to an extension comes with the extension.
const countRows = `
SELECT format('SELECT json_build_object(''table'', %L::text, ''rows'', count(*)) FROM ONLY %I.%I',
              format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
\gexec
`

// tableRows reads the answer of countRows.
func tableRows(answer []string) (map[string]int64, error) {
	rows := map[string]int64{}
	for _, line := range answer {
		var counted struct {
			Table string `json:"table"`
			Rows  int64  `json:"rows"`
		}
		if err := json.Unmarshal([]byte(line), &counted); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		rows[counted.Table] = counted.Rows
	}
	return rows, nil
}

// sum is how many rows all tables have.
func sum(rows map[string]int64) int64 {
	var all int64
	for _, one := range rows {
		all += one
	}
	return all
}
