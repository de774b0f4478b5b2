from django.db import migrations
from django.db.models import F
from django.db.models.functions import Ceil


def round_up_to_five_cents(apps, schema_editor):
    apps.get_model("products", "Product").objects.update(price=Ceil(F("price") * 20) / 20)


class Migration(migrations.Migration):
    dependencies = [("products", "0009_product_slug_required")]

    operations = [
        # No way back: the prices from before are gone.
        migrations.RunPython(round_up_to_five_cents),
    ]
