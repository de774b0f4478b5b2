from django.db import migrations, models

from kinds.operations import AddFieldByAnotherName, AddFieldSlowly, GrantAll, GrantOnce


def nothing(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [("kinds", "0007_renamed")]

    operations = [
        migrations.RunPython(nothing, nothing),
        migrations.RunPython(nothing),
        migrations.RunPython(migrations.RunPython.noop, nothing),
        migrations.RunSQL("SELECT 1", migrations.RunSQL.noop),
        migrations.RunSQL("SELECT 1"),
        migrations.RunSQL(migrations.RunSQL.noop, migrations.RunSQL.noop),
        GrantAll(),
        GrantOnce(),
        AddFieldSlowly("item", "slow", models.IntegerField(null=True)),
        AddFieldByAnotherName("item", "fast", models.IntegerField(null=True)),
        migrations.SeparateDatabaseAndState(),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddField("item", "stated", models.IntegerField(null=True))],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AddField("item", "done", models.IntegerField(default=0)),
                migrations.RemoveField("item", "done"),
                migrations.RunSQL("SELECT 1"),
            ],
        ),
    ]
