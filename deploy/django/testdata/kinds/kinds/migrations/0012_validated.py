from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kinds", "0011_postgres")]

    operations = [
        ValidateConstraint("item", "item_number"),
        migrations.AlterOrderWithRespectTo("item", None),
    ]
