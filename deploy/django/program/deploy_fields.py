"""What adding, removing and altering a field does to its table."""

from django.db.models import NOT_PROVIDED, AutoField, Value
from django.db.utils import DatabaseError

from deploy_effect import LOSES_DATA, Effect, additive, all_of, nothing
from deploy_types import NARROWER, OTHER, SAME, WIDER, compare, keeps_all, rewrites

# Of the attributes that make a field fill itself, these are Django's; volatile is what differs from row to row.
_STABLE_EXPRESSIONS = ("Value", "Now", "TransactionNow")


def has_column(field, connection):
    return field.concrete and not field.many_to_many and field.db_parameters(connection)["type"] is not None


def makes_table(field):
    """Whether a many-to-many field's table is its own."""
    return field.many_to_many and field.concrete and field.remote_field.through._meta.auto_created


def generated(field):
    return getattr(field, "generated", False)


def database_default(field):
    return getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED


def fills_itself(field):
    """Whether a row can be inserted by code that does not know the column."""
    return field.null or database_default(field) or generated(field) or isinstance(field, AutoField)


def indexed(field):
    return field.db_index or field.unique


def refers(field):
    return bool(field.remote_field and getattr(field, "db_constraint", False))


def _volatile(field):
    default = field.db_default
    return not isinstance(default, Value) and hasattr(default, "resolve_expression") and (
        type(default).__name__ not in _STABLE_EXPRESSIONS
    )


def added(model, field, connection):
    table = model._meta.db_table
    if makes_table(field):
        return additive("the table %s" % field.remote_field.through._meta.db_table)
    if not has_column(field, connection):
        return nothing()
    effects = [additive("the column")]
    if not fills_itself(field):
        effects.append(Effect(survived=False, why="code that does not know it cannot insert rows"))
    elif field.unique and not field.null:
        effects.append(Effect(survived=False, why="code that does not know it inserts the same value twice"))
    if generated(field):
        if field.db_persist:
            effects.append(Effect(blocks="writes %s anew" % table))
    elif database_default(field) and _volatile(field):
        effects.append(Effect(blocks="may write %s anew, for a default of each row's own" % table))
    if indexed(field):
        effects.append(Effect(blocks="builds an index on %s" % table))
    if field.db_parameters(connection)["check"] and not generated(field):
        effects.append(Effect(blocks="checks every row of %s" % table))
    return all_of(effects)


def removed(model, field, connection):
    if makes_table(field):
        return Effect(
            survived=False,
            reversal=LOSES_DATA,
            why="the table %s and what is in it are gone" % field.remote_field.through._meta.db_table,
        )
    if not has_column(field, connection):
        return nothing()
    effects = [Effect(survived=False, why="code that knows the column selects it")]
    if not generated(field):
        effects.append(Effect(reversal=LOSES_DATA, why="its values are gone"))
    if not fills_itself(field):
        effects.append(Effect(needed=True, why="code that does not know it cannot insert rows while it is there"))
    return all_of(effects)


def altered(old_model, old, new_model, new, connection):
    """What AlterField does; the parts of a change are looked at one by one."""
    editor = connection.schema_editor()
    should = getattr(editor, "_field_should_be_altered", None)
    if should and not should(old, new):
        return nothing()
    if old.many_to_many or new.many_to_many:
        return _many_to_many(old, new)
    if not has_column(old, connection) or not has_column(new, connection):
        if not has_column(old, connection) and not has_column(new, connection):
            return nothing()
        return Effect(survived=False, needed=True, reversal=LOSES_DATA, why="the column comes or goes")
    parts = []
    for part in (_column, _type, _null, _unique, _index, _reference, _default, _check, _collation, _generation, _comment):
        effect = part(old, new, new_model._meta.db_table, connection)
        if effect is not None:
            parts.append(effect)
    if not parts and _has_statements(old_model, old, new, connection):
        parts.append(Effect(survived=False, needed=True, why="how the column changes is not known"))
    return all_of(parts)


def _many_to_many(old, new):
    if not (makes_table(old) and makes_table(new)):
        return nothing()
    tables = [each.remote_field.through._meta.db_table for each in (old, new)]
    targets = [each.remote_field.model._meta.db_table for each in (old, new)]
    if tables[0] == tables[1] and targets[0] == targets[1]:
        return nothing()
    return Effect(survived=False, needed=True, why="the table %s is another one then" % tables[0])


def _column(old, new, table, connection):
    if old.column != new.column:
        return Effect(survived=False, needed=True, why="the column %s is called %s then" % (old.column, new.column))


def _type(old, new, table, connection):
    change = compare(old, new, connection)
    if change == SAME:
        return None
    blocks = ""
    if rewrites(old, new, connection):
        blocks = "writes %s anew" % table
        if old.primary_key or old.unique:
            blocks += ", and what refers to it"
    if change == WIDER:
        return Effect(needed=True, blocks=blocks, why="code may rely on the room")
    if change == NARROWER:
        return Effect(survived=False, reversal=LOSES_DATA, blocks=blocks, why="what has no room is cut or refused")
    if change == OTHER:
        lossy = not keeps_all(new, connection)
        return Effect(
            survived=False,
            needed=True,
            reversal=LOSES_DATA if lossy else "reversible",
            blocks=blocks,
            why="the column has another type then" + (", which may not hold all" if lossy else ""),
        )


def _null(old, new, table, connection):
    if old.null and not new.null:
        return Effect(survived=False, blocks="checks every row of %s" % table, why="code that does not fill it cannot insert rows")
    if new.null and not old.null:
        return Effect(needed=True, why="code may leave it empty")


def _unique(old, new, table, connection):
    if new.unique and not old.unique:
        return Effect(survived=False, blocks="builds an index on %s" % table, why="code may write a value twice")
    if old.unique and not new.unique:
        return Effect(needed=True, why="code may write a value twice")


def _index(old, new, table, connection):
    wanted = new.db_index and not new.unique
    if wanted and not (old.db_index and not old.unique):
        return Effect(blocks="builds an index on %s" % table)
    # That of patterns, which only texts have, is built with another type.
    if connection.vendor == "postgresql" and indexed(old) and indexed(new) and not refers(new):
        kinds = [(each.db_parameters(connection)["type"] or "").split("(")[0] for each in (old, new)]
        if kinds[0] != kinds[1] and kinds[1] in ("varchar", "text"):
            return Effect(blocks="builds an index on %s" % table)


def _reference(old, new, table, connection):
    targets = [
        (each.remote_field.model._meta.db_table, each.target_field.column) if refers(each) else None for each in (old, new)
    ]
    if targets[0] == targets[1]:
        return None
    if targets[1] is None:
        return Effect(needed=True, why="code may refer to what is not there")
    return Effect(
        survived=False,
        needed=targets[0] is not None,
        blocks="checks every row of %s" % table,
        why="code may refer to what is not in %s" % targets[1][0],
    )


def _default(old, new, table, connection):
    had, has = database_default(old), database_default(new)
    if not had and not has:
        return None
    if not has:
        return Effect(survived=new.null, why="" if new.null else "code that leaves it to the database cannot insert rows")
    if had and old.db_default == new.db_default:
        return None
    return Effect(needed=True, why="code leaves it to the database")


def _check(old, new, table, connection):
    checks = [each.db_parameters(connection)["check"] for each in (old, new)]
    if bool(checks[0]) == bool(checks[1]):
        return None
    if checks[1]:
        return Effect(survived=False, blocks="checks every row of %s" % table, why="code may write what is forbidden then")
    return Effect(needed=True, why="code may write what was forbidden")


def _collation(old, new, table, connection):
    if getattr(old, "db_collation", None) == getattr(new, "db_collation", None):
        return None
    return Effect(needed=True, blocks="builds an index on %s" % table if indexed(new) else "", why="code may rely on the order")


def _generation(old, new, table, connection):
    if generated(old) != generated(new):
        return Effect(survived=False, needed=True, reversal=LOSES_DATA, why="the database computes it, or does so no more")


def _comment(old, new, table, connection):
    if getattr(old, "db_comment", None) != getattr(new, "db_comment", None):
        return nothing()


def _has_statements(model, old, new, connection):
    """Whether Django's own editor would say anything to the database. It does not, and its looks change nothing."""
    try:
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            editor.alter_field(model, old, new)
        return bool(editor.collected_sql)
    except (DatabaseError, ValueError, NotImplementedError):
        return True  # the table is not there yet, for one
