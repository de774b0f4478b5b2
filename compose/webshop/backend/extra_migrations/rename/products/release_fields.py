from django.db import models


class ReleaseFields(models.Model):
    reference = models.CharField(max_length=20, null=True, blank=True)

    class Meta:
        abstract = True
