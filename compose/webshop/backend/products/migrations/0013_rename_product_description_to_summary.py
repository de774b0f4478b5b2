from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0012_clear_negative_stock")]

    operations = [
        migrations.RenameField("product", "description", "summary"),
    ]
