from django.db import models


class ReleaseFields(models.Model):
    class Meta:
        abstract = True
