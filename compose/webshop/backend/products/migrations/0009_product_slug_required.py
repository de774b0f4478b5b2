from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0008_fill_product_slug")]

    operations = [
        migrations.AlterField("product", "slug", models.SlugField(max_length=140, unique=True)),
    ]
