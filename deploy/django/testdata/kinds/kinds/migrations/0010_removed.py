from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kinds", "0009_author_says")]

    operations = [
        migrations.RemoveField("item", "may"),
        migrations.RemoveField("item", "must"),
        migrations.RemoveField("item", "tags"),
        migrations.RemoveField("view", "name"),
        migrations.RemoveIndex("item", "item_price"),
        migrations.RemoveConstraint("item", "item_level"),
        migrations.AlterUniqueTogether("item", {("code", "title")}),
        migrations.DeleteModel("Proxy"),
        migrations.DeleteModel("View"),
        migrations.DeleteModel("Gone"),
    ]
