from django.db import models


class ReleaseFields(models.Model):
    legacy_code = models.CharField(max_length=20, null=True, blank=True)
    barcode = models.CharField(max_length=13, null=True, blank=True)

    class Meta:
        abstract = True
