from django.db import migrations, models


class Migration(migrations.Migration):
    """All that gets more room without being written anew."""

    dependencies = [("kinds", "0002_additions")]

    operations = [
        migrations.AlterField("item", "code", models.CharField(max_length=40)),
        migrations.AlterField("item", "title", models.TextField()),
        migrations.AlterField("item", "indexed", models.TextField(db_index=True)),
        migrations.AlterField("item", "price", models.DecimalField(max_digits=10, decimal_places=2)),
        migrations.AlterField("item", "count", models.IntegerField(null=True)),
        migrations.AlterField("item", "sku", models.CharField(max_length=30)),
        migrations.AlterField("item", "flag", models.BooleanField(help_text="a flag", default=False)),
        migrations.AlterField("item", "firm", models.ForeignKey("kinds.Owner", models.CASCADE, db_constraint=False, related_name="+")),
    ]
