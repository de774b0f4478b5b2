from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddField("order", "kind", models.CharField(default="orders.process", max_length=40)),
        migrations.AddField("order", "received", models.PositiveIntegerField(default=1)),
        migrations.AddField("order", "times_processed", models.PositiveIntegerField(default=0)),
        migrations.AddField("order", "processed_at", models.DateTimeField(blank=True, null=True)),
    ]
