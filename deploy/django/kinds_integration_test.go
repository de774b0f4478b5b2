//go:build integration

package django

import (
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// kindsTable is what the operations in testdata/kinds do to a release that has
// the first migration, written next to them.
const kindsTable = `
kinds.0002_additions AddField SNR
kinds.0002_additions AddField NR
kinds.0002_additions AddField NR
kinds.0002_additions AddField SNR | builds an index on kinds_item
kinds.0002_additions AddField SNR | builds an index on kinds_item
kinds.0002_additions AddField SNR | checks every row of kinds_item
kinds.0002_additions AddField SNR
kinds.0002_additions AddField SR
kinds.0002_additions AddIndex SR | builds an index on kinds_item
kinds.0002_additions AddConstraint R | checks every row of kinds_item
kinds.0002_additions AddConstraint R | builds an index on kinds_item
kinds.0002_additions AlterUniqueTogether R | builds an index on kinds_item
kinds.0002_additions AlterOrderWithRespectTo SR
kinds.0002_additions AlterModelOptions SR
kinds.0002_additions AlterModelManagers SR
kinds.0002_additions CreateModel SR
kinds.0002_additions CreateModel SR
kinds.0002_additions CreateModel SNR
kinds.0002_additions AddField SNR
kinds.0003_widened AlterField SNR
kinds.0003_widened AlterField SNR
kinds.0003_widened AlterField SNR | builds an index on kinds_item
kinds.0003_widened AlterField SNR
kinds.0003_widened AlterField SNR
kinds.0003_widened AlterField SNR
kinds.0003_widened AlterField SR
kinds.0003_widened AlterField SNR
kinds.0004_widened_anew AlterField SNR | writes kinds_item anew
kinds.0004_widened_anew AlterField SNR | writes kinds_tag anew, and what refers to it
kinds.0005_narrowed AlterField L | writes kinds_item anew
kinds.0005_narrowed AlterField L | writes kinds_item anew
kinds.0005_narrowed AlterField L | writes kinds_item anew
kinds.0005_narrowed AlterField NL | writes kinds_item anew
kinds.0005_narrowed AlterField NL | writes kinds_item anew
kinds.0006_stricter AlterField R | checks every row of kinds_item
kinds.0006_stricter AlterField R | builds an index on kinds_item
kinds.0006_stricter AlterField R | checks every row of kinds_item
kinds.0006_stricter AlterField R | checks every row of kinds_item
kinds.0006_stricter AlterField SR | builds an index on kinds_item
kinds.0006_stricter AlterField SNR
kinds.0007_renamed RenameField NR
kinds.0007_renamed RenameField SR
kinds.0007_renamed RenameField NR
kinds.0007_renamed RenameModel NR
kinds.0007_renamed RenameModel SR
kinds.0007_renamed AlterModelTable NR
kinds.0007_renamed AlterModelTable SR
kinds.0007_renamed RenameIndex SR
kinds.0007_renamed AlterField NR
kinds.0008_not_known RunPython R
kinds.0008_not_known RunPython I
kinds.0008_not_known RunPython SR
kinds.0008_not_known RunSQL R
kinds.0008_not_known RunSQL I
kinds.0008_not_known RunSQL SR
kinds.0008_not_known GrantAll R
kinds.0008_not_known GrantOnce I
kinds.0008_not_known AddFieldSlowly R
kinds.0008_not_known AddFieldByAnotherName SNR
kinds.0008_not_known SeparateDatabaseAndState SR
kinds.0008_not_known SeparateDatabaseAndState SR
kinds.0008_not_known SeparateDatabaseAndState NI
kinds.0009_author_says RunPython SR
kinds.0009_author_says RunSQL SI
kinds.0009_author_says GrantAll SR
kinds.0009_author_says RemoveField L
kinds.0010_removed RemoveField L
kinds.0010_removed RemoveField NL
kinds.0010_removed RemoveField L
kinds.0010_removed RemoveField SR
kinds.0010_removed RemoveIndex SR
kinds.0010_removed RemoveConstraint SNR
kinds.0010_removed AlterUniqueTogether SNR
kinds.0010_removed DeleteModel SR
kinds.0010_removed DeleteModel SR
kinds.0010_removed DeleteModel L
kinds.0011_postgres TrigramExtension SNR
kinds.0011_postgres CreateCollation SNR
kinds.0011_postgres RemoveCollation SR
kinds.0011_postgres AddConstraintNotValid R
kinds.0011_postgres AlterOrderWithRespectTo NR
kinds.0012_validated ValidateConstraint SR
kinds.0012_validated AlterOrderWithRespectTo NL
kinds.0013_concurrently* AddIndexConcurrently SR
kinds.0013_concurrently* RemoveIndexConcurrently SR
`

// packagesTable is what public packages do behind their first migrations.
const packagesTable = `
account.0002_email_max_length AlterField SNR
account.0003_alter_emailaddress_create_unique_verified_email AlterUniqueTogether R | builds an index on account_emailaddress
account.0003_alter_emailaddress_create_unique_verified_email AddConstraint R | builds an index on account_emailaddress
account.0004_alter_emailaddress_drop_unique_email AlterField SNR
account.0005_emailaddress_idx_upper_email AddIndex SR | builds an index on account_emailaddress
account.0006_emailaddress_lower RunPython I
account.0007_emailaddress_idx_email RemoveIndex SR
account.0007_emailaddress_idx_email AlterField SR | builds an index on account_emailaddress
account.0008_emailaddress_unique_primary_email_fixup RunPython I
account.0009_emailaddress_unique_primary_email AddConstraint R | builds an index on account_emailaddress
admin.0002_logentry_remove_auto_add AlterField SR
admin.0003_logentry_add_action_flag_choices AlterField SR
auth.0002_alter_permission_name_max_length AlterField SNR
auth.0003_alter_user_email_max_length AlterField SNR
auth.0004_alter_user_username_opts AlterField SR
auth.0005_alter_user_last_login_null AlterField SNR
auth.0006_require_contenttypes_0002 Nothing SR
auth.0007_alter_validators_add_error_messages AlterField SR
auth.0008_alter_user_username_max_length AlterField SNR
auth.0009_alter_user_last_name_max_length AlterField SNR
auth.0010_alter_group_name_max_length AlterField SNR
auth.0011_update_proxy_permissions RunPython R
auth.0012_alter_user_first_name_max_length AlterField SNR
contenttypes.0002_remove_content_type_name AlterModelOptions SR
contenttypes.0002_remove_content_type_name AlterField SNR
contenttypes.0002_remove_content_type_name RunPython SR
contenttypes.0002_remove_content_type_name RemoveField L
guardian.0002_generic_permissions_index AddIndex SR | builds an index on guardian_groupobjectpermission
guardian.0002_generic_permissions_index AddIndex SR | builds an index on guardian_userobjectpermission
sites.0002_alter_domain_unique AlterField R | builds an index on django_site
socialaccount.0002_token_max_lengths AlterField SR
socialaccount.0002_token_max_lengths AlterField SNR
socialaccount.0002_token_max_lengths AlterField SNR
socialaccount.0002_token_max_lengths AlterField SNR
socialaccount.0003_extra_data_default_dict AlterField SR
socialaccount.0004_app_provider_id_settings AddField NR
socialaccount.0004_app_provider_id_settings AddField NR
socialaccount.0004_app_provider_id_settings AlterField SNR
socialaccount.0005_socialtoken_nullable_app AlterField SNR
socialaccount.0006_alter_socialaccount_extra_data AlterField NL | writes socialaccount_socialaccount anew
taggit.0002_auto_20150616_2121 AddIndex SR | builds an index on taggit_taggeditem
taggit.0003_taggeditem_add_unique_index AddConstraint R | builds an index on taggit_taggeditem
taggit.0004_alter_taggeditem_content_type_alter_taggeditem_tag AlterField SR
taggit.0004_alter_taggeditem_content_type_alter_taggeditem_tag AlterField SR
taggit.0005_auto_20220424_2025 AlterField SR
taggit.0006_rename_taggeditem_content_type_object_id_taggit_tagg_content_8fc721_idx RenameIndex SR
`

// rewrites notes, in a database, each table that Postgres writes anew, and
// behind how many migrations.
var rewrites = []string{
	"CREATE TABLE rewrites (behind int, name text)",
	`CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO rewrites SELECT count(*), pg_event_trigger_table_rewrite_oid()::regclass FROM django_migrations; END $$`,
	"CREATE EVENT TRIGGER note ON table_rewrite EXECUTE FUNCTION note()",
}

// of are the migrations of these apps, of all others where the first is "!".
func of(migrations []deploy.Migration, apps ...string) []deploy.Migration {
	without := apps[0] == "!"
	return slices.DeleteFunc(slices.Clone(migrations), func(m deploy.Migration) bool { return slices.Contains(apps, m.App) == without })
}

func (s *stack) kinds(t *testing.T) {
	s.kindsImage(t)
	m, release := s.migrator(), s.release(t, "kinds", s.database(t, "kinds"))
	must(t, m.Apply(t.Context(), release, ids("kinds.0001_initial"), nil))
	schema, err := m.Inspect(t.Context(), release)
	must(t, err)
	pending := of(schema.Pending, "kinds")
	compare(t, pending, kindsTable)
	t.Logf("\n%s", text(pending))

	// They are not only classified: all can be done, and Postgres says itself
	// which tables it writes anew.
	s.sql(t, "kinds", rewrites...)
	must(t, m.Apply(t.Context(), release, all(deploy.Schema{Pending: pending}), nil))
	var want []string
	for at, migration := range pending {
		for _, operation := range migration.Operations {
			for block := range strings.SplitSeq(operation.Blocks, ", ") {
				if name, found := strings.CutPrefix(block, "writes "); found {
					want = append(want, strings.TrimSuffix(name, " anew")+" "+string(rune('0'+at+1)))
				}
			}
		}
	}
	want = append(want, "kinds_item_tags 3") // "and what refers to it"
	got := strings.Split(s.sql(t, "kinds", "SELECT name, behind FROM rewrites"), "\n")
	for at := range got {
		got[at] = strings.ReplaceAll(got[at], "|", " ")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Postgres wrote anew %q, want %q", got, want)
	}

	must(t, m.Revert(t.Context(), release, ids("kinds.0009"), nil))
	must(t, m.Apply(t.Context(), release, all(deploy.Schema{Pending: pending[8:]}), nil))

	// A database that is not Postgres has the same migrations, and no locks.
	aside, err := m.Inspect(t.Context(), s.release(t, "kinds", "kinds", "aside"))
	must(t, err)
	for _, migration := range aside.Pending {
		for _, operation := range migration.Operations {
			if operation.Blocks != "" {
				t.Errorf("%s blocks in SQLite: %+v", migration, operation)
			}
		}
	}
}

func (s *stack) packages(t *testing.T) {
	s.kindsImage(t)
	m, release := s.migrator(), s.release(t, "kinds", s.database(t, "packages"))
	schema, err := m.Inspect(t.Context(), release)
	must(t, err)
	first := slices.DeleteFunc(of(schema.Pending, "!", "kinds"), func(m deploy.Migration) bool { return m.Name != "0001_initial" })
	must(t, m.Apply(t.Context(), release, all(deploy.Schema{Pending: first}), nil))
	schema, err = m.Inspect(t.Context(), release)
	must(t, err)
	pending := of(schema.Pending, "!", "kinds")
	compare(t, pending, packagesTable)
	must(t, m.Apply(t.Context(), release, all(deploy.Schema{Pending: pending}), nil))
}

// kindsImage builds the image of testdata/kinds, once.
func (s *stack) kindsImage(t *testing.T) {
	t.Helper()
	s.kindsOnce.Do(func() {
		s.build(t, "kinds", "deploy/django/testdata/kinds", map[string]string{"BASE": s.images["v1"].Reference})
	})
}
