from django.contrib.postgres.indexes import BTreeIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0005_product_name_index")]

    # Postgres builds an index beside running writes only outside a transaction.
    atomic = False

    operations = [
        AddIndexConcurrently("product", BTreeIndex(fields=["price"], name="product_price")),
    ]
