from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0004_review")]

    operations = [
        migrations.AddIndex("product", models.Index(fields=["name"], name="product_name")),
    ]
