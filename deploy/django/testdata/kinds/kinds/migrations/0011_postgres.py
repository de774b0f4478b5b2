from django.contrib.postgres.operations import AddConstraintNotValid, CreateCollation, RemoveCollation, TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kinds", "0010_removed")]

    operations = [
        TrigramExtension(),
        CreateCollation("unaccented", "und-u-ks-level1", provider="icu", deterministic=False),
        RemoveCollation("unaccented", "und-u-ks-level1", provider="icu", deterministic=False),
        AddConstraintNotValid("item", models.CheckConstraint(check=models.Q(number__gte=0), name="item_number")),
        migrations.AlterOrderWithRespectTo("item", "firm"),
    ]
