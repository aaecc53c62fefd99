"""Rows of the files."""

import uuid

from django.db import models
from django.utils import timezone


class StoredFile(models.Model):
    """A file. Its content never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=120)
    size_bytes = models.PositiveBigIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class FileChunk(models.Model):
    """Part of a file, compressed."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "position"], name="file_chunk")]

    def __str__(self) -> str:
        return f"part {self.position} of {self.file_id}"
