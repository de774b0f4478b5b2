from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_order_processing")]

    operations = [
        migrations.AlterField("order", "kind", models.CharField(max_length=40)),
    ]
