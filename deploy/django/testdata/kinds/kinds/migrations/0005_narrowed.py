from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kinds", "0004_widened_anew")]

    operations = [
        migrations.AlterField("item", "code", models.CharField(max_length=10)),
        migrations.AlterField("item", "price", models.DecimalField(max_digits=10, decimal_places=1)),
        migrations.AlterField("item", "note", models.CharField(max_length=200)),
        migrations.AlterField("item", "at", models.DateField()),
        migrations.AlterField("item", "flag", models.CharField(max_length=5)),
    ]
