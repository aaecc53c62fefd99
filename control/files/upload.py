"""Limit of uploads: what is longer is dropped while it is received, before it fills memory or disk."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload

UPLOAD_BYTES_MAX = 32 * 1024**2
TOO_LARGE = "upload_too_large"
"""Name of the mark on a request whose file was too long; the file itself is not in the request then."""


class LimitedUpload(FileUploadHandler):
    """Handler that stands before those that keep the content."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._received_bytes = 0

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        """Hand a part on. Raises StopUpload."""
        self._received_bytes += len(raw_data)
        if self._received_bytes > UPLOAD_BYTES_MAX:
            setattr(self.request, TOO_LARGE, True)
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, _file_size: int) -> None:
        """Leave the file to the next handler."""
