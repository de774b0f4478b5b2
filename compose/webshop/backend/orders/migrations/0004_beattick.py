from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_order_kind_without_default")]

    operations = [
        migrations.CreateModel(
            name="BeatTick",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("schedule", models.CharField(max_length=20)),
                ("tick", models.BigIntegerField()),
                ("identity", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["schedule", "id"], name="beattick_schedule")]},
        ),
    ]
