from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kinds", "0003_widened")]

    operations = [
        migrations.AlterField("item", "small", models.IntegerField()),
        migrations.AlterField("tag", "id", models.BigAutoField(primary_key=True)),
    ]
