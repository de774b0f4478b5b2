from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0018_product_stock_index_concurrently")]

    operations = [
        migrations.AddConstraint(
            "product", models.CheckConstraint(check=models.Q(stock__gte=-1000000), name="product_stock_not_negative")
        ),
    ]
