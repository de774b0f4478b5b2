from django.db import migrations, models


class Migration(migrations.Migration):
    """Made on another branch: two migrations follow the same one."""

    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.AddField("product", "origin", models.CharField(blank=True, max_length=2, null=True)),
    ]
