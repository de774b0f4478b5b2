from django.db import migrations, models


class Migration(migrations.Migration):
    """All that reads a table without writing it anew."""

    dependencies = [("kinds", "0005_narrowed")]

    operations = [
        migrations.AlterField("item", "count", models.IntegerField()),
        migrations.AlterField("item", "label", models.CharField(max_length=40, null=True, unique=True)),
        migrations.AlterField("item", "level", models.PositiveIntegerField(default=0)),
        migrations.AlterField("item", "loose", models.ForeignKey("kinds.Owner", models.CASCADE, related_name="+")),
        migrations.AlterField("item", "short", models.CharField(max_length=5, null=True, db_index=True)),
        migrations.AlterField("item", "sku", models.CharField(max_length=30, db_collation="C")),
    ]
