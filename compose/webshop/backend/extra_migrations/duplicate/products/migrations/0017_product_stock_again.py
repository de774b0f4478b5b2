from django.db import migrations


class Migration(migrations.Migration):
    """Adds a column that is there already: the database refuses the statement."""

    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE products_product ADD COLUMN stock bigint",
            migrations.RunSQL.noop,
        ),
    ]
