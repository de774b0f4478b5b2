from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("kinds", "0012_validated")]

    operations = [
        AddIndexConcurrently("item", models.Index(fields=["at"], name="item_at")),
        RemoveIndexConcurrently("item", "item_count_renamed"),
    ]
