"""Stops reading an upload that is too large, and lets the page say so."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

# The form's other fields and the boundaries of its parts.
_ALLOWANCE = 64 * 1024


class SizeLimitHandler(FileUploadHandler):
    """First in `FILE_UPLOAD_HANDLERS`. What exceeds the limit is thrown away as it arrives, never kept in memory or on disk."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None) -> None:
        cast(Any, self.request).upload_too_large = content_length > settings.UPLOAD_LIMIT_BYTES + _ALLOWANCE

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if cast(Any, self.request).upload_too_large:
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
