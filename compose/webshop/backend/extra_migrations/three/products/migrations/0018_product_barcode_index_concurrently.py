from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY cannot run in a transaction: whoever is interrupted behind it leaves it done and not
    # recorded, unless the migration runs to its end.
    atomic = False

    # What its SQL does nobody can know but who wrote it: the release before keeps working.
    deploy_survived = True

    dependencies = [("products", "0017_product_barcode")]

    operations = [
        # As long as a table of some size takes.
        migrations.RunSQL("SELECT pg_sleep(1)", migrations.RunSQL.noop),
        AddIndexConcurrently("product", models.Index(fields=["barcode"], name="product_barcode")),
    ]
