from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0014_narrow_name_widen_stock")]

    operations = [
        migrations.DeleteModel("Review"),
        migrations.RemoveField("product", "discount"),
    ]
