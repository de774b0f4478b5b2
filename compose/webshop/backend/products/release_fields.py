from django.db import models


class ReleaseFields(models.Model):
    """The fields of Product that the folders in extra_migrations/ change: each brings its own version of this file."""

    legacy_code = models.CharField(max_length=20, null=True, blank=True)

    class Meta:
        abstract = True
