"""Whether an operation is done already: an attempt at a migration that is no transaction was interrupted behind it, before
the migration was recorded. Asked on PostgreSQL only, and of such migrations only."""

import re

from django.db import migrations

from deploy_fields import has_column, makes_table


class There:
    def __init__(self, connection):
        self.connection = connection

    def _rows(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def columns(self, table):
        """The columns of a table with their types, without size; none where there is no such table."""
        rows = self._rows(
            "SELECT attname, atttypid::regtype::text FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            self.connection.ops.quote_name(table),
        )
        return dict(rows)

    def index(self, name):
        """The table of an index and whether it is valid; (None, False) where there is no such index."""
        rows = self._rows(
            "SELECT t.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_class t ON t.oid = i.indrelid WHERE c.relname = %s AND pg_table_is_visible(c.oid)",
            name,
        )
        return rows[0] if rows else (None, False)

    def constraint(self, table, name):
        return bool(
            self._rows(
                "SELECT 1 FROM pg_constraint WHERE conname = %s AND conrelid = to_regclass(%s)",
                name,
                self.connection.ops.quote_name(table),
            )
        )

    def has(self, model, field):
        """Whether a field's column is in its model's table, with its type."""
        kind = field.rel_db_type(self.connection) or field.db_type(self.connection)
        rows = self._rows("SELECT to_regtype(%s)::text", re.sub(r"\([^)]*\)", "", kind))
        found = self.columns(model._meta.db_table).get(field.column)
        return found is not None and (rows[0][0] is None or rows[0][0] == found)

    def done(self, op, app_label, before, after):
        """Whether what the operation makes is there, as it makes it, and what it takes away is gone."""
        check = _CHECKS.get(type(op))
        if check is None:
            return False
        model_name = getattr(op, "model_name", None) or getattr(op, "name", "")
        state = before if isinstance(op, (migrations.DeleteModel, migrations.RemoveField)) else after
        model = state.apps.get_model(app_label, getattr(op, "new_name", model_name) if check is _renamed_model else model_name)
        return op.allow_migrate_model(self.connection.alias, model) and check(self, op, app_label, model, before)


def _made_model(there, op, app_label, model, before):
    fields = [f for f in model._meta.local_fields if has_column(f, there.connection)]
    tables = [f.remote_field.through._meta.db_table for f in model._meta.local_many_to_many if makes_table(f)]
    return bool(fields) and all(there.has(model, f) for f in fields) and all(there.columns(t) for t in tables)


def _deleted_model(there, op, app_label, model, before):
    return not there.columns(model._meta.db_table)


def _added_field(there, op, app_label, model, before):
    field = model._meta.get_field(op.name)
    if makes_table(field):
        return bool(there.columns(field.remote_field.through._meta.db_table))
    return has_column(field, there.connection) and there.has(model, field)


def _removed_field(there, op, app_label, model, before):
    field = model._meta.get_field(op.name)
    if makes_table(field):
        return not there.columns(field.remote_field.through._meta.db_table)
    columns = there.columns(model._meta.db_table)
    return has_column(field, there.connection) and bool(columns) and field.column not in columns


def _renamed_field(there, op, app_label, model, before):
    old = before.apps.get_model(app_label, op.model_name)._meta.get_field(op.old_name)
    new = model._meta.get_field(op.new_name)
    if not has_column(new, there.connection) or old.column == new.column:
        return False
    return there.has(model, new) and old.column not in there.columns(model._meta.db_table)


def _renamed_model(there, op, app_label, model, before):
    old = before.apps.get_model(app_label, op.old_name)._meta.db_table
    return old != model._meta.db_table and bool(there.columns(model._meta.db_table)) and not there.columns(old)


def _added_index(there, op, app_label, model, before):
    return there.index(op.index.name) == (model._meta.db_table, True)


def _added_constraint(there, op, app_label, model, before):
    return there.constraint(model._meta.db_table, op.constraint.name) or there.index(op.constraint.name) == (
        model._meta.db_table,
        True,
    )


_CHECKS = {
    migrations.CreateModel: _made_model,
    migrations.DeleteModel: _deleted_model,
    migrations.AddField: _added_field,
    migrations.RemoveField: _removed_field,
    migrations.RenameField: _renamed_field,
    migrations.RenameModel: _renamed_model,
    migrations.AddIndex: _added_index,
    migrations.AddConstraint: _added_constraint,
}
try:
    from django.contrib.postgres.operations import AddIndexConcurrently
except ImportError:  # psycopg is not installed
    AddIndexConcurrently = None
else:
    _CHECKS[AddIndexConcurrently] = _added_index
