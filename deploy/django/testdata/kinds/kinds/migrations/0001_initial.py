from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel("Owner", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=50))]),
        migrations.CreateModel("Tag", [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=50))]),
        migrations.CreateModel("Old", [("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel("Kept", [("id", models.AutoField(primary_key=True))], options={"db_table": "kept"}),
        migrations.CreateModel("Gone", [("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel("View", [("id", models.AutoField(primary_key=True))], options={"managed": False}),
        migrations.CreateModel(
            "Item",
            [
                ("id", models.AutoField(primary_key=True)),
                ("code", models.CharField(max_length=20)),
                ("title", models.CharField(max_length=100)),
                ("indexed", models.CharField(max_length=100, db_index=True)),
                ("note", models.TextField()),
                ("small", models.SmallIntegerField()),
                ("count", models.IntegerField()),
                ("price", models.DecimalField(max_digits=8, decimal_places=2)),
                ("flag", models.BooleanField()),
                ("at", models.DateTimeField()),
                ("sku", models.CharField(max_length=30, unique=True)),
                ("label", models.CharField(max_length=40, null=True)),
                ("level", models.IntegerField(default=0)),
                ("loose", models.ForeignKey("kinds.Owner", models.CASCADE, db_constraint=False, related_name="+")),
                ("firm", models.ForeignKey("kinds.Owner", models.CASCADE, related_name="+")),
                ("short", models.CharField(max_length=5, null=True)),
                ("aliased", models.CharField(max_length=5, null=True, db_column="alias")),
                ("tags", models.ManyToManyField("kinds.Tag", related_name="+")),
            ],
            options={
                "indexes": [models.Index(fields=["count"], name="item_count")],
                "constraints": [models.CheckConstraint(check=models.Q(level__gte=0), name="item_level")],
                "unique_together": {("code", "title")},
            },
        ),
    ]
