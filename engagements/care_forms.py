"""Forms of confidentiality and supervision."""

from __future__ import annotations

from typing import Any

from django import forms

from engagements.decision_forms import OwnIds, WithMessage
from engagements.file_fields import SafeFile
from engagements.forms import LinesField, Refusable, Versioned, day_field
from engagements.models import ConflictRule, Occasion, SampledItem, Verdict
from engagements.uploads import most


class CheckForm(Refusable, forms.Form):
    occasion = forms.ChoiceField(choices=[each for each in Occasion.choices if each[0] != Occasion.PROFILE])
    note = forms.CharField(max_length=500, required=False, help_text="What gave rise to it.")


class VerdictForm(Refusable, WithMessage):
    verdict = forms.ChoiceField(choices=Verdict.choices, widget=forms.RadioSelect, label="It is")
    note = forms.CharField(max_length=500, label="Why", widget=forms.Textarea(attrs={"rows": 2}))
    consented_by = forms.CharField(max_length=200, required=False, label="Who consented", help_text="Of a waiver: name and office.")
    consent_scope = forms.CharField(
        max_length=500,
        required=False,
        label="To what",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Of a waiver: the work and the time it covers.",
    )
    field_order = ["verdict", "note", "consented_by", "consent_scope", "message", "message_text"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["message"].label, self.fields["message"].help_text = "The consent", "Of a waiver: the message as a file."


class ConflictRuleForm(Refusable, Versioned, forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ConflictRule
        fields = ["blocks"]
        labels = {"blocks": "No work before the conflict check of its matter is clear"}
        help_texts = {"blocks": "Then nothing is assigned and no review is begun in a matter whose check is missing, out of date or open."}


class DeliverableForm(Refusable, forms.Form):
    label = forms.CharField(
        max_length=200, required=False, help_text="What the client reads, as “Mutual NDA, redline”. The file's name if left empty."
    )
    file = SafeFile(allow_empty_file=True, help_text=f"At most {most()}.")


class ChecklistForm(Refusable, forms.Form):
    required = LinesField(label="Must be ticked", help_text="One point a line. A version is not published before all of these are ticked.")
    optional = LinesField(label="May be ticked", help_text="One point a line.")


class HoldForm(Refusable, OwnIds):
    ordered_by = forms.CharField(max_length=200, label="Ordered by", help_text="A court, the client's counsel, our own counsel.")
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="What it is for, with its number.")


class ReleaseForm(HoldForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ordered_by"].label, self.fields["ordered_by"].help_text = "On whose word", ""
        self.fields["reason"].help_text = "Why nothing needs to be kept any more."


class WallReasonForm(Refusable, forms.Form):
    """Lowering a wall."""

    reason = forms.CharField(max_length=300, help_text="Kept in the audit log.")


class AdmissionForm(Refusable, forms.Form):
    admission = forms.CharField(max_length=200, help_text="Jurisdiction and number, as “New York 4410982”.")


class SampleForm(Refusable, forms.Form):
    from_day = day_field(label="Delivered from")
    to_day = day_field(label="To", help_text="This day included.")
    workstream: Any = forms.ModelChoiceField(queryset=None, required=False, empty_label="Every workstream")
    size = forms.IntegerField(min_value=1, max_value=200, label="How many")

    def __init__(self, *args: Any, streams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workstream"].queryset = streams  # type: ignore[attr-defined]


class SignForm(Refusable, OwnIds):
    verdict = forms.ChoiceField(choices=SampledItem._meta.get_field("verdict").choices or ())
    note = forms.CharField(max_length=500, required=False)
