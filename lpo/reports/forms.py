from __future__ import annotations

from django import forms


class UpdateForm(forms.Form):
    note = forms.CharField(
        label="Note to the client",
        required=False,
        max_length=4000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="The client reads it as you write it. Name nothing privileged.",
    )
