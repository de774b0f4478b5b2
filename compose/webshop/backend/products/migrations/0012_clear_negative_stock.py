from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0011_product_name_search_index")]

    operations = [
        # No way back: which products had a negative stock is not kept.
        migrations.RunSQL("UPDATE products_product SET stock = 0 WHERE stock < 0"),
    ]
