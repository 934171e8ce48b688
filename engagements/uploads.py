"""Stops reading an upload that is too large, and lets the page say so."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

_MB = 1024 * 1024
# The form's other fields and the boundaries of its parts.
_ALLOWANCE = 64 * 1024


def most() -> str:
    """The limit in words: 100 MB, or bytes where it is no whole number of them."""
    whole, rest = divmod(settings.UPLOAD_LIMIT_BYTES, _MB)
    return f"{settings.UPLOAD_LIMIT_BYTES:,} bytes" if rest else f"{whole:,} MB"


def too_large(size: int | None = None, what: str = "This file is") -> str:
    """The one sentence for every upload above the limit; `size` in bytes where it was not thrown away before it was known."""
    return f"{what} too large{'' if size is None else f' ({size:,} bytes)'}: {most()} are the most."


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
