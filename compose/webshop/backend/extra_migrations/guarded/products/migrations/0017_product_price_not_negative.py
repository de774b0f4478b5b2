from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0016_product_weight")]

    operations = [
        # An older release may write what it forbids, so that it comes once that gets no requests any more.
        migrations.AddConstraint(
            "product", models.CheckConstraint(check=models.Q(price__gte=0), name="product_price_not_negative")
        ),
    ]
