"""Classifies operations: Django's own by what they do, those of other packages as what is not known."""

from django.db import migrations
from django.db.models import CheckConstraint

from deploy_effect import IRREVERSIBLE, LOSES_DATA, Effect, additive, all_of, not_known, nothing
from deploy_fields import added, altered, has_column, makes_table, removed

try:
    from django.contrib.postgres import operations as postgres
except ImportError:  # psycopg is not installed
    postgres = None


class Look:
    """What classifying one operation needs. A table that the same plan has made before is known to no release that
    serves, and is empty: nothing that is done to it harms or blocks anybody."""

    def __init__(self, connection, operation, app_label, before, after, author_says_survived, fresh):
        self.connection = connection
        self.operation = operation
        self.app_label = app_label
        self.before = before
        self.after = after
        self.author_says_survived = author_says_survived
        self.fresh = fresh

    def model(self, state, name):
        return state.apps.get_model(self.app_label, name)

    def has_table(self, model):
        """Whether the operation concerns a table of this database: not that of a proxy or of an unmanaged model, nor
        one that a router keeps elsewhere."""
        return self.operation.allow_migrate_model(self.connection.alias, model)

    def on(self, model, effect):
        if model._meta.db_table in self.fresh:
            effect.survived, effect.blocks, effect.why = True, [], ["the table is new"]
        return effect


def create_model(op, look):
    model = look.model(look.after, op.name)
    if not look.has_table(model):
        return nothing()
    look.fresh.add(model._meta.db_table)
    look.fresh.update(f.remote_field.through._meta.db_table for f in model._meta.local_many_to_many if makes_table(f))
    return additive("the table %s" % model._meta.db_table)


def delete_model(op, look):
    model = look.model(look.before, op.name)
    if not look.has_table(model):
        return nothing()
    why = "the table %s and what is in it are gone" % model._meta.db_table
    return look.on(model, Effect(survived=False, reversal=LOSES_DATA, why=why))


def rename_model(op, look):
    old, new = look.model(look.before, op.old_name), look.model(look.after, op.new_name)
    return _moved(look, old, new)


def alter_model_table(op, look):
    return _moved(look, look.model(look.before, op.name), look.model(look.after, op.name))


def _moved(look, old, new):
    names = old._meta.db_table, new._meta.db_table
    if not look.has_table(new) or names[0] == names[1]:
        return nothing()
    if names[0] in look.fresh:
        look.fresh.add(names[1])
    return look.on(old, Effect(survived=False, needed=True, why="the table %s is called %s then" % names))


def add_field(op, look):
    model = look.model(look.after, op.model_name)
    if not look.has_table(model):
        return nothing()
    return look.on(model, added(model, model._meta.get_field(op.name), look.connection))


def remove_field(op, look):
    model = look.model(look.before, op.model_name)
    if not look.has_table(model):
        return nothing()
    return look.on(model, removed(model, model._meta.get_field(op.name), look.connection))


def alter_field(op, look):
    return _changed(op, look, op.name, op.name)


def rename_field(op, look):
    return _changed(op, look, op.old_name, op.new_name)


def _changed(op, look, old_name, new_name):
    old_model, new_model = look.model(look.before, op.model_name), look.model(look.after, op.model_name)
    if not look.has_table(new_model):
        return nothing()
    old, new = old_model._meta.get_field(old_name), new_model._meta.get_field(new_name)
    return look.on(new_model, altered(old_model, old, new_model, new, look.connection))


def add_index(op, look):
    model = look.model(look.after, op.model_name)
    if not look.has_table(model):
        return nothing()
    return look.on(model, Effect(blocks="builds an index on %s" % model._meta.db_table))


def harmless(op, look):
    return nothing()


def add_constraint(op, look):
    model = look.model(look.after, op.model_name)
    if not look.has_table(model):
        return nothing()
    check = isinstance(op.constraint, CheckConstraint)
    blocks = ("checks every row of %s" if check else "builds an index on %s") % model._meta.db_table
    return look.on(model, Effect(survived=False, blocks=blocks, why="code may write what is forbidden then"))


def add_constraint_not_valid(op, look):
    effect = add_constraint(op, look)
    effect.blocks = []  # only what is written from now on is checked
    return effect


def remove_constraint(op, look):
    if not look.has_table(look.model(look.after, op.model_name)):
        return nothing()
    return Effect(needed=True, why="code may write what was forbidden")


def alter_together(op, look):
    old, new = look.model(look.before, op.name), look.model(look.after, op.name)
    if not look.has_table(new):
        return nothing()
    was, will = ({tuple(each) for each in getattr(m._meta, op.option_name, None) or ()} for m in (old, new))
    unique = op.option_name == "unique_together"
    effects = []
    if will - was:
        effects.append(Effect(survived=not unique, blocks="builds an index on %s" % new._meta.db_table))
        if unique:
            effects.append(Effect(why="code may write what is forbidden then"))
    if was - will and unique:
        effects.append(Effect(needed=True, why="code may write what was forbidden"))
    return look.on(new, all_of(effects))


def alter_order(op, look):
    old, new = look.model(look.before, op.name), look.model(look.after, op.name)
    if not look.has_table(new):
        return nothing()
    was, will = old._meta.order_with_respect_to, new._meta.order_with_respect_to
    if will and not was:
        return look.on(new, added(new, new._meta.get_field("_order"), look.connection))
    if was and not will:
        return look.on(new, removed(old, old._meta.get_field("_order"), look.connection))
    return nothing()


def separate(op, look):
    """The database operations, each from the state that those before it made."""
    before, effects = look.before, []
    for inner in op.database_operations:
        after = before.clone()
        inner.state_forwards(look.app_label, after)
        deeper = Look(look.connection, inner, look.app_label, before, after, look.author_says_survived, look.fresh)
        effects.append(effect_of(inner, deeper))
        before = after
    return all_of(effects)


def run_python(op, look):
    if op.code is migrations.RunPython.noop:
        return nothing()
    return _run(op, look, "its Python")


def run_sql(op, look):
    if not op.sql:
        return nothing()
    return _run(op, look, "its SQL")


def _run(op, look, what):
    if look.author_says_survived:
        return nothing()
    return not_known(what)


def database_object(op, look):
    return additive("it")


def validate_constraint(op, look):
    """It reads the whole table, and all may write meanwhile."""
    return nothing()


def _table():
    known = {
        migrations.CreateModel: create_model,
        migrations.DeleteModel: delete_model,
        migrations.RenameModel: rename_model,
        migrations.AlterModelTable: alter_model_table,
        migrations.AlterModelOptions: harmless,
        migrations.AlterModelManagers: harmless,
        migrations.AlterUniqueTogether: alter_together,
        migrations.AlterIndexTogether: alter_together,
        migrations.AlterOrderWithRespectTo: alter_order,
        migrations.AddField: add_field,
        migrations.RemoveField: remove_field,
        migrations.AlterField: alter_field,
        migrations.RenameField: rename_field,
        migrations.AddIndex: add_index,
        migrations.RemoveIndex: harmless,
        migrations.AddConstraint: add_constraint,
        migrations.RemoveConstraint: remove_constraint,
        migrations.SeparateDatabaseAndState: separate,
        migrations.RunPython: run_python,
        migrations.RunSQL: run_sql,
    }
    later = [
        (migrations, "RenameIndex", harmless),
        (migrations, "AlterModelTableComment", harmless),
        # Django 6.0: what a constraint's violation says.
        (migrations, "AlterConstraint", harmless),
        (postgres, "AddIndexConcurrently", harmless),
        (postgres, "RemoveIndexConcurrently", harmless),
        (postgres, "AddConstraintNotValid", add_constraint_not_valid),
        (postgres, "ValidateConstraint", validate_constraint),
        (postgres, "CreateExtension", database_object),
        (postgres, "CreateCollation", database_object),
        (postgres, "RemoveCollation", harmless),
    ]
    for module, name, classify in later:
        if hasattr(module, name):
            known[getattr(module, name)] = classify
    return known


_KNOWN = _table()


def classifier(op):
    """The one for the nearest class of Django's, as long as nobody has given the operation another way to do it."""
    for kind in type(op).__mro__:
        if kind in _KNOWN:
            same = all(getattr(type(op), name) is getattr(kind, name) for name in ("database_forwards", "state_forwards"))
            return _KNOWN[kind] if same else None
        if kind.__module__.startswith("django.") and kind.__name__ == "Operation":
            return None
    return None


def can_be_undone(op):
    return op.reversible and all(can_be_undone(inner) for inner in getattr(op, "database_operations", ()))


def effect_of(op, look):
    classify = classifier(op)
    if classify is not None:
        effect = classify(op, look)
    elif look.author_says_survived:
        effect = nothing()
    else:
        effect = not_known("the operation %s.%s" % (type(op).__module__, type(op).__name__))
    if not can_be_undone(op) and effect.reversal != IRREVERSIBLE:
        effect = effect.also(Effect(reversal=IRREVERSIBLE, why="it names no way back"))
    return effect


def classified(connection, op, app_label, before, after, author_says_survived, fresh):
    """One operation as the deployer's type has it."""
    effect = effect_of(op, Look(connection, op, app_label, before, after, author_says_survived, fresh))
    blocks = effect.blocks if connection.vendor == "postgresql" else []
    return {
        "name": type(op).__name__,
        "text": op.describe(),
        "reversal": effect.reversal,
        "survived": effect.survived,
        "needed": effect.needed,
        "unknown": effect.unknown,
        "blocks": ", ".join(blocks),
        "why": "; ".join(effect.why),
    }
