from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0010_round_product_prices")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX product_name_search ON products_product (lower(name) text_pattern_ops)",
            reverse_sql="DROP INDEX product_name_search",
        ),
    ]
