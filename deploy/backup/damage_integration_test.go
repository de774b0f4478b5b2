//go:build integration

package backup

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// put makes an object as another tool would.
func (s *shop) put(name string, content []byte) {
	s.t.Helper()
	must(s.t, os.MkdirAll(filepath.Dir(s.file(name)), 0o755))
	must(s.t, os.WriteFile(s.file(name), content, 0o600))
}

func (s *shop) content(name string) []byte {
	s.t.Helper()
	content, err := os.ReadFile(s.file(name))
	must(s.t, err)
	return content
}

// rewrite changes what is recorded of a backup.
func (s *shop) rewrite(name string, change func(*deploy.BackupRecord)) {
	s.t.Helper()
	var record deploy.BackupRecord
	must(s.t, json.Unmarshal(s.content(name+recordEnding), &record))
	change(&record)
	content, err := json.Marshal(record)
	must(s.t, err)
	s.put(name+recordEnding, content)
}

func TestCheckFindsDamage(t *testing.T) {
	s := newShop(t)
	if found := s.findings(); !strings.Contains(found, `there is no backup in bucket backups below "shop/test"`) {
		t.Errorf("without any: %s", found)
	}
	for range 3 {
		s.take()
	}
	if found := s.findings(); found != "" {
		t.Fatal(found)
	}
	newest := s.take()
	whole := s.content(newest.Name + dumpEnding)
	object := newest.Name + dumpEnding

	s.put(object, nil)
	contains(t, s.findings(), newest.Name+": it is empty")
	s.put(object, whole[:len(whole)-100])
	contains(t, s.findings(), "and its record says")
	s.put(object, []byte(strings.Repeat("x", len(whole))))
	contains(t, s.findings(), "pg_restore cannot read it", "valid archive")
	s.put(object, whole[:20])
	contains(t, s.findings(), "pg_restore cannot read it", "it has 20 bytes, and its record says ")
	s.put(object, whole)

	before := s.now
	s.now = s.now.Add(49 * time.Hour)
	contains(t, s.findings(), "the newest backup is 2 days old")
	s.now = before

	s.sql(s.db.database, "TRUNCATE products; DROP SCHEMA \"My Schema\" CASCADE; DROP TABLE parent CASCADE; DROP TABLE parted;")
	s.take()
	contains(t, s.findings(), "less than half of the", "that the 4 before it usually have")
	s.sql(s.db.database, "DROP TABLE products;")
	s.take()
	contains(t, s.findings(), "it has the rows of no table")

	s.vault.options.Settings.DrillWithin = 24 * time.Hour
	contains(t, s.findings(), "no backup was ever restored on trial")
}

// TestBackupsOfOtherTools are as good as what they are worth.
func TestBackupsOfOtherTools(t *testing.T) {
	s := newShop(t)
	taken := s.take()
	dump := s.content(taken.Name + dumpEnding)
	s.put("nightly/shop.dump", dump)
	s.put("readme.txt", []byte("hello"))
	s.put("20260102T030405Z-v9.dump", dump)
	s.now = time.Now().Add(time.Minute)
	listed, err := s.vault.List(t.Context())
	must(t, err)
	var text string
	for _, one := range listed {
		text += fmt.Sprintf("%s: %s, %d\n", one.Name, one.Origin, one.Size)
	}
	contains(t, text, "nightly/shop: made by something else, "+fmt.Sprint(len(dump)), "20260102T030405Z-v9: not finished", taken.Name+": recorded")
	if len(listed) != 3 {
		t.Errorf("listed %s", text)
	}
	contains(t, s.findings(), "20260102T030405Z-v9: it has no record")
	drilled, err := s.drill("nightly/shop")
	must(t, err)
	if drilled.Drill.Rows != sum(taken.Record.Rows) {
		t.Errorf("drilled %+v", drilled.Drill)
	}
	s.sql(s.db.database, "DELETE FROM products;")
	_, err = s.vault.Restore(t.Context(), "nightly/shop")
	must(t, err)
	if s.rows() != "1000" {
		t.Errorf("%s rows", s.rows())
	}
	_, err = s.vault.Restore(t.Context(), "nightly/shopp")
	contains(t, fmt.Sprint(err), "find backup nightly/shopp", "Did you mean nightly/shop?")

	s.s3.Stop()
	must(t, os.RemoveAll(s.file("")))
	s.s3.Start()
	s.put("db.dump", []byte("-- PostgreSQL database dump\n"+strings.Repeat("SELECT 1;\n", 200)))
	contains(t, s.findings(), "db: pg_restore cannot read it")
}

// TestADamagedBackupIsFound flips bytes in the middle, where no list looks.
func TestADamagedBackupIsFound(t *testing.T) {
	s := newShop(t)
	s.sql(s.db.database, "INSERT INTO products SELECT n, md5(n::text) FROM generate_series(1001, 20000) n;")
	taken := s.take()
	object := taken.Name + dumpEnding
	whole := s.content(object)
	damaged := append([]byte{}, whole...)
	for at := len(whole) / 2; at < len(whole)/2+20; at++ {
		damaged[at] ^= 0xff
	}
	s.put(object, damaged)
	if found := s.findings(); found != "" {
		t.Errorf("the list has seen it: %s", found)
	}
	_, err := s.drill("")
	contains(t, fmt.Sprint(err), "restore backup "+taken.Name+" on trial: it is damaged: its checksum differs", "cannot be relied on")
	contains(t, s.findings(), "the last trial restore", "it is damaged")
	_, err = s.vault.Restore(t.Context(), "")
	contains(t, fmt.Sprint(err), "it is damaged", "was not touched and serves as before")
	if s.rows() != "20000" || len(s.beside()) != 0 {
		t.Errorf("%s rows, left %q", s.rows(), s.beside())
	}

	s.put(object, whole[:len(whole)-5000]) // behind the table of contents
	_, err = s.vault.Restore(t.Context(), "")
	contains(t, fmt.Sprint(err), "it is damaged", "was not touched")

	s.put(object, whole)
	_, err = s.drill("")
	must(t, err)
	if found := s.findings(); found != "" {
		t.Errorf("after a drill that went well: %s", found)
	}
	s.rewrite(taken.Name, func(record *deploy.BackupRecord) {
		record.Rows["public.products"] += 3
		record.Rows["public.gone"] = 9
	})
	_, err = s.drill("")
	contains(t, fmt.Sprint(err), "table public.products has 20000 rows instead of 20003", "table public.gone is missing, with 9 rows")
	_, err = s.vault.Restore(t.Context(), "")
	contains(t, fmt.Sprint(err), "has 20000 rows instead of 20003", "was not touched")
	if len(s.beside()) != 0 {
		t.Errorf("left %q", s.beside())
	}
}
