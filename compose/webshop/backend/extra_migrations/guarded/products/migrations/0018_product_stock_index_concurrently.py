from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("products", "0017_product_price_not_negative")]

    operations = [
        # As long as a table of some size takes.
        migrations.RunSQL("SELECT pg_sleep(1)", migrations.RunSQL.noop),
        AddIndexConcurrently("product", models.Index(fields=["stock"], name="product_stock")),
    ]
