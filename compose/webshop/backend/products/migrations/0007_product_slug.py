from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0006_product_price_index_concurrently")]

    operations = [
        migrations.AddField("product", "slug", models.SlugField(max_length=140, null=True)),
    ]
