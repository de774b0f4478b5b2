from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kinds", "0006_stricter")]

    operations = [
        migrations.RenameField("item", "short", "brief"),
        migrations.RenameField("item", "aliased", "called"),
        migrations.RenameField("item", "others", "further"),
        migrations.RenameModel("Old", "New"),
        migrations.RenameModel("Kept", "Held"),
        migrations.AlterModelTable("owner", "owners"),
        migrations.AlterModelTable("view", "a_view"),
        migrations.RenameIndex("item", "item_count_renamed", old_name="item_count"),
        migrations.AlterField("item", "brief", models.CharField(max_length=5, null=True, db_index=True, db_column="abridged")),
    ]
