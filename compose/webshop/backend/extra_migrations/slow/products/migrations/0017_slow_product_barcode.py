from django.db import migrations, models


class Migration(migrations.Migration):
    # Ten seconds in which the deploy can be interrupted.
    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.AddField("product", "barcode", models.CharField(blank=True, max_length=13, null=True)),
        migrations.RunSQL("SELECT pg_sleep(10)", reverse_sql=migrations.RunSQL.noop),
    ]
