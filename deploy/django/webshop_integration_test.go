//go:build integration

package django

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// webshopTable is what the sample webshop's migrations do to a release that
// has products.0001 and orders.0001, read from them by a person.
const webshopTable = `
orders.0002_order_processing AddField NR
orders.0002_order_processing AddField NR | checks every row of orders_order
orders.0002_order_processing AddField NR | checks every row of orders_order
orders.0002_order_processing AddField SNR
orders.0003_order_kind_without_default AlterField SR
orders.0004_beattick CreateModel SNR
products.0002_product_description AddField NR
products.0003_product_stock_and_legacy_code AddField NR
products.0003_product_stock_and_legacy_code AddField SNR
products.0004_review CreateModel SNR
products.0005_product_name_index AddIndex SR | builds an index on products_product
products.0006_product_price_index_concurrently* AddIndexConcurrently SR
products.0007_product_slug AddField SNR | builds an index on products_product
products.0008_fill_product_slug RunPython R
products.0009_product_slug_required AlterField R | checks every row of products_product, builds an index on products_product
products.0010_round_product_prices RunPython I
products.0011_product_name_search_index RunSQL R
products.0012_clear_negative_stock RunSQL I
products.0013_rename_product_description_to_summary RenameField NR
products.0014_narrow_name_widen_stock AlterField L | writes products_product anew
products.0014_narrow_name_widen_stock AlterField SNR | writes products_product anew
products.0015_delete_review_and_discount DeleteModel SL
products.0015_delete_review_and_discount RemoveField NL
products.0016_product_weight* AddField SNR | checks every row of products_product
products.0016_product_weight* RunPython R
`

// TestDjango needs one server for all of it.
func TestDjango(t *testing.T) {
	s := newStack(t)
	t.Run("webshop", s.webshop)
	t.Run("together", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"kinds": s.kinds, "packages": s.packages, "revert": s.revert, "asked for what is not there": s.unknown,
			"another session's lock": s.lockedTable, "another deployer": s.lockedOut, "failing": s.failing,
			"half-way": s.halfway, "killed": s.killed, "stopped": s.stopped, "unreachable": s.unreachable,
			"conforms": s.conforms, "invalid index": s.invalidIndex, "conflict": s.conflict, "foreign": s.foreign,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	// The last, since it ends the server.
	t.Run("server goes away", s.serverGoesAway)
}

// webshop applies all that there is to what v1 is made from, in two steps, and
// leaves the result as the database "done".
func (s *stack) webshop(t *testing.T) {
	s.database(t, "done")
	m, release := s.migrator(), s.release(t, "v1", "done")
	schema, err := m.Inspect(t.Context(), release)
	must(t, err)
	if len(schema.Known) != len(schema.Pending) || len(schema.Foreign) != 0 {
		t.Errorf("an empty database has %d known, %d pending, foreign %v", len(schema.Known), len(schema.Pending), schema.Foreign)
	}
	for _, migration := range schema.Pending {
		for _, operation := range migration.Operations {
			if known := !strings.Contains(operation.Why, "not known"); known && (!operation.Survived || operation.Blocks != "") {
				t.Errorf("%s harms a release that has no table: %+v", migration, operation)
			}
		}
	}
	var out strings.Builder
	first := func(id deploy.MigrationID) bool {
		return id.Name != "0001_initial" && (id.App == "products" || id.App == "orders")
	}
	must(t, m.Apply(t.Context(), release, slices.DeleteFunc(all(schema), first), &out))
	if schema, err = m.Inspect(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	compare(t, schema.Pending, webshopTable)
	t.Logf("\n%s", text(schema.Pending))
	out.Reset()
	must(t, m.Apply(t.Context(), release, all(schema), &out))
	for _, want := range []string{"applying products.0016_product_weight\n", "applied products.0016_product_weight in "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	// Content types and permissions are made as `migrate` makes them.
	if got := s.sql(t, "done", "SELECT count(*) FROM auth_permission WHERE codename LIKE '%_product'"); got != "4" {
		t.Errorf("%s permissions for products, want 4", got)
	}
	out.Reset()
	must(t, m.Apply(t.Context(), release, ids("products.0016_product_weight"), &out))
	if out.String() != "products.0016_product_weight is applied already\n" {
		t.Errorf("a second time: %s", out.String())
	}
}

// revert takes back, records, shows.
func (s *stack) revert(t *testing.T) {
	m, release := s.migrator(), s.release(t, "v1", s.database(t, "reverted", "done"))
	back, err := m.Backwards(t.Context(), release, ids("products.0012"))
	must(t, err)
	compare(t, back, `
products.0016_product_weight* AddField SNR | checks every row of products_product
products.0016_product_weight* RunPython R
products.0015_delete_review_and_discount DeleteModel L
products.0015_delete_review_and_discount RemoveField NL
products.0014_narrow_name_widen_stock AlterField L | writes products_product anew
products.0014_narrow_name_widen_stock AlterField SNR | writes products_product anew
products.0013_rename_product_description_to_summary RenameField NR
`)
	if back[0].Name != "0016_product_weight" || back[3].Name != "0013_rename_product_description_to_summary" {
		t.Errorf("undone in another order: %v", back)
	}
	var out strings.Builder
	must(t, m.Revert(t.Context(), release, ids("products.0015"), &out))
	if !strings.HasPrefix(out.String(), "reverting products.0016_product_weight\nreverted products.0016_product_weight in ") {
		t.Errorf("reverted:\n%s", out.String())
	}
	must(t, m.Revert(t.Context(), release, ids("products.0012", "orders.zero"), &out))
	columns := s.sql(t, "reverted", "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns WHERE table_name = 'products_product'",
		"SELECT to_regclass('orders_order') IS NULL")
	if columns != "category_id description discount id legacy_code name price slug stock\nt" {
		t.Errorf("left: %s", columns)
	}
	err = m.Revert(t.Context(), release, ids("products.0011"), &out)
	failed, ok := errors.AsType[*deploy.MigrationFailure](err)
	if !ok || failed.Migration.Name != "0012_clear_negative_stock" || len(failed.Applied) != 0 || failed.Half {
		t.Errorf("reverting what is irreversible: %v", err)
	}
	must(t, m.Fake(t.Context(), release, ids("products.0011")[0], &out))
	out.Reset()
	must(t, m.Status(t.Context(), release, &out))
	if !strings.Contains(out.String(), "[X] 0011_product_name_search_index\n [ ] 0012_clear_negative_stock\n") {
		t.Errorf("status:\n%s", out.String())
	}
	forwards, err := m.SQL(t.Context(), release, ids("products.0007")[0], false)
	must(t, err)
	backwards, err := m.SQL(t.Context(), release, ids("products.0007_product_slug")[0], true)
	must(t, err)
	if !strings.Contains(forwards, `ADD COLUMN "slug" varchar(140) NULL`) || !strings.Contains(backwards, `DROP COLUMN "slug"`) {
		t.Errorf("statements:\n%s\n%s", forwards, backwards)
	}
}

// unknown asks for what the image does not have.
func (s *stack) unknown(t *testing.T) {
	m, release := s.migrator(), s.release(t, "v1", "done")
	ask := func(name string) error {
		_, err := m.Backwards(t.Context(), release, ids(name))
		return err
	}
	unknown, ok := errors.AsType[*deploy.UnknownMigration](ask("prodcts.0015"))
	if !ok || unknown.Names != nil || !slices.Contains(unknown.Apps, "products") {
		t.Errorf("an unknown app: %+v", unknown)
	}
	unknown, ok = errors.AsType[*deploy.UnknownMigration](ask("products.0099"))
	if !ok || unknown.Apps != nil || !slices.Contains(unknown.Names, "0016_product_weight") {
		t.Errorf("an unknown migration: %+v", unknown)
	}
	if err := ask("products.001"); err == nil || !strings.Contains(err.Error(), "0010_round_product_prices or 0011_product_name_search_index") {
		t.Errorf("a name that is several: %v", err)
	}
}
