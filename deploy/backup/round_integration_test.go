//go:build integration

package backup

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestDeletedRowsComeBack(t *testing.T) {
	s := newShop(t)
	name := identifier(s.db.database)
	s.sql("main", "ALTER DATABASE "+name+" SET search_path = \"$user\", public, \"My Schema\"; ALTER DATABASE "+name+" SET work_mem = '7MB'; REVOKE CONNECT ON DATABASE "+name+" FROM PUBLIC;")
	taken := s.take()
	record := taken.Record
	if record.Rows["public.products"] != products || record.Rows[`"My Schema"."Odd ""table"", it's"`] != 7 ||
		record.Rows["public.parted_2026"] != 5 || record.Rows["public.parent"] != 1 || len(record.Rows) != 5 {
		t.Errorf("rows %v", record.Rows)
	}
	if record.Database != s.db.database || record.Release != "v1.15.0" || record.By != "anna@laptop" || !strings.HasPrefix(record.Postgres, "17") || len(record.SHA256) != 64 {
		t.Errorf("record %+v", record)
	}
	listed, err := s.vault.List(t.Context())
	must(t, err)
	if len(listed) != 1 || listed[0].Name != taken.Name || listed[0].Origin != deploy.BackupRecorded || listed[0].Size != record.Size || !listed[0].Taken.Equal(record.Taken) {
		t.Errorf("listed %+v", listed)
	}
	if found := s.findings(); found != "" {
		t.Error(found)
	}

	s.sql(s.db.database, "DELETE FROM products WHERE id > 10; CREATE TABLE later (id int);")
	restored, err := s.vault.Restore(t.Context(), taken.Name)
	must(t, err)
	if s.rows() != "1000" || restored.Tables != 5 || restored.Rows != products+7+5+1+2 || restored.Database != s.db.database {
		t.Errorf("%s rows, restored %+v", s.rows(), restored)
	}
	t.Logf("nobody could connect for %s, all took %s", restored.Gap, restored.Took)
	if path := s.sql(s.db.database, "SHOW search_path; SHOW work_mem;"); !slices.Equal(path, []string{`"$user", public, "My Schema"`, "7MB"}) {
		t.Errorf("settings %q", path)
	}
	if acl := s.sql("main", "SELECT datacl FROM pg_database WHERE datname = "+literal(s.db.database)+";"); strings.Contains(acl[0], "=Tc/") || !strings.Contains(acl[0], "=T/") {
		t.Errorf("rights %q", acl)
	}
	contains(t, restored.Next(), restored.Kept, "mage backup:forget")

	kept, err := s.vault.Kept(t.Context())
	must(t, err)
	if len(kept) != 1 || kept[0].Name != restored.Kept || kept[0].Size == 0 {
		t.Errorf("kept %+v", kept)
	}
	s.now = s.now.Add(1e9)
	back, err := s.vault.SwapBack(t.Context(), restored.Kept)
	must(t, err)
	if s.rows() != "10" {
		t.Errorf("after the way back %s rows", s.rows())
	}
	for _, other := range []string{"main", s.db.database, restored.Kept} {
		if err := s.vault.Forget(t.Context(), other); err == nil {
			t.Errorf("forgot %s", other)
		} else {
			contains(t, err.Error(), "no", "put aside")
		}
	}
	must(t, s.vault.Forget(t.Context(), back.Kept))
	if left := s.beside(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// TestCountsAreThoseOfTheDump takes a backup while rows come in: the drill
// would find the first that was counted and not dumped.
func TestCountsAreThoseOfTheDump(t *testing.T) {
	s := newShop(t)
	s.sql(s.db.database, "CREATE TABLE orders (id bigserial, made text);")
	writing := s.db.open(t.Context(), s.db.database, "test", "")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := writing.ask("INSERT INTO orders (made) SELECT md5(n::text) FROM generate_series(1, 20) n;"); err != nil {
				return // said below, as rows that are missing
			}
		}
	}()
	taken := s.take()
	close(stop)
	<-stopped
	writing.close()
	drilled, err := s.drill("")
	must(t, err)
	if drilled.Name != taken.Name || drilled.Drill == nil || drilled.Drill.Rows != sum(taken.Record.Rows) || drilled.Drill.Tables != 6 {
		t.Errorf("drilled %+v", drilled)
	}
	t.Logf("the drill took %s, %d orders were in", drilled.Drill.Took, taken.Record.Rows["public.orders"])
	listed, err := s.vault.List(t.Context())
	must(t, err)
	if listed[0].Drill == nil || listed[0].Drill.Failed != "" || listed[0].Drill.By != "anna@laptop" {
		t.Errorf("recorded %+v", listed[0].Drill)
	}
}

// TestConnectionsGiveWay restores under a session that stays connected.
func TestConnectionsGiveWay(t *testing.T) {
	s := newShop(t)
	s.take()
	shopping := s.db.open(t.Context(), s.db.database, "test", "")
	defer shopping.close()
	_, err := shopping.ask("BEGIN; DELETE FROM products; ")
	must(t, err)
	restored, err := s.vault.Restore(t.Context(), "")
	must(t, err)
	if s.rows() != "1000" || restored.Gap == 0 {
		t.Errorf("%s rows, %+v", s.rows(), restored)
	}
	if _, err := shopping.ask("COMMIT;"); err == nil {
		t.Error("the old connection goes on in the database that was put aside")
	}
	if kept := s.sql(restored.Kept, "SELECT count(*) FROM products;"); kept[0] != "1000" {
		t.Errorf("kept %s rows: what was not committed is", kept)
	}
}

// TestNothingSecretIsSaid looks at what is written down and at what a process
// list would show.
func TestNothingSecretIsSaid(t *testing.T) {
	s := newShop(t)
	taken := s.take()
	for _, ending := range []string{recordEnding, dumpEnding} {
		content, err := os.ReadFile(s.file(taken.Name + ending))
		must(t, err)
		for _, secret := range []string{s.s3.SecretKey, "the-database-password"} {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s has a secret in it", ending)
			}
		}
	}
	for _, word := range s.db.as("x", "y", "pg_dump") {
		if strings.Contains(word, "the-database-password") {
			t.Errorf("argument %q", word)
		}
	}
}
