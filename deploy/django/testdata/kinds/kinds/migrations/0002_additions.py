from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kinds", "0001_initial")]

    operations = [
        migrations.AddField("item", "may", models.CharField(max_length=10, null=True)),
        migrations.AddField("item", "must", models.CharField(max_length=10, default="")),
        migrations.AddField("item", "must_once", models.CharField(max_length=10, default=""), preserve_default=False),
        migrations.AddField("item", "parent", models.ForeignKey("kinds.Item", models.SET_NULL, null=True)),
        migrations.AddField("item", "number", models.IntegerField(null=True, unique=True)),
        migrations.AddField("item", "weight", models.PositiveIntegerField(null=True)),
        migrations.AddField("item", "others", models.ManyToManyField("kinds.Owner", related_name="+")),
        migrations.AddField("view", "name", models.CharField(max_length=10)),
        migrations.AddIndex("item", models.Index(fields=["price"], name="item_price")),
        migrations.AddConstraint("item", models.CheckConstraint(check=models.Q(count__gte=0), name="item_count_positive")),
        migrations.AddConstraint("item", models.UniqueConstraint(fields=["code", "note"], name="item_code_note")),
        migrations.AlterUniqueTogether("item", {("code", "title"), ("code", "sku")}),
        migrations.AlterOrderWithRespectTo("tag", None),
        migrations.AlterModelOptions("item", {"verbose_name": "thing"}),
        migrations.AlterModelManagers("item", []),
        migrations.CreateModel("Proxy", [], bases=("kinds.item",), options={"proxy": True}),
        migrations.CreateModel("Elsewhere", [("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel("Added", [("id", models.AutoField(primary_key=True))]),
        # Nobody knows the table yet.
        migrations.AddField("added", "must", models.IntegerField(default=0)),
    ]
