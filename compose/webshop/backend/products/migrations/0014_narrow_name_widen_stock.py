from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0013_rename_product_description_to_summary")]

    operations = [
        # Fails when a longer name exists; the reverse brings the room back.
        migrations.AlterField("product", "name", models.CharField(max_length=120)),
        migrations.AlterField("product", "stock", models.BigIntegerField(default=0)),
    ]
