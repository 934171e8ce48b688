"""The one field by which files come in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from engagements.safe_files import Unsafe, check_file
from engagements.uploads import too_large


class SafeFile(forms.FileField):
    """A file that is what its name says; one that is not is refused with the reason beside the field, and nothing is kept."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file is None or file is initial:
            return file
        if file.size > settings.UPLOAD_LIMIT_BYTES:
            raise forms.ValidationError(too_large(file.size))
        try:
            check_file(file.name, file.read())
        except Unsafe as unsafe:
            raise forms.ValidationError(str(unsafe)) from unsafe
        file.seek(0)
        return file
