"""Operations as other packages bring them."""

from django.db import migrations
from django.db.migrations.operations.base import Operation


class GrantAll(Operation):
    """One that Django does not know, and that can be undone."""

    reversible = True

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def describe(self):
        return "Grant everything to everybody"


class GrantOnce(GrantAll):
    reversible = False


class AddFieldSlowly(migrations.AddField):
    """One of Django's with another way to do it."""

    def database_forwards(self, *args):
        super().database_forwards(*args)


class AddFieldByAnotherName(migrations.AddField):
    """One of Django's that does what Django's does."""
