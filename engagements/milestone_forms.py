"""Forms of milestones and blockers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from engagements import escalating
from engagements.contract_forms import ShortNumbers
from engagements.file_fields import SafeFile
from engagements.forms import Moment, PersonField, Refusable, Versioned, WithPeople, day_field
from engagements.models import Engagement, Matter, Milestone, WorkItem, Workstream
from engagements.models.milestones import PARTIES
from engagements.models.team import TeamRole


class OfMatter(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.reference} {obj.title}"


class OfStream(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.item_prefix} {obj.title}, by {obj.unit}"


class Numbered(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.number} {obj.name}"


class WithMilestone(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.number} {obj.name}"


class MilestoneForm(ShortNumbers, WithPeople, forms.Form):
    name = forms.CharField(max_length=200, help_text="What will have been reached. The client reads it where it is published.")
    due_on = day_field(label="Due", help_text="The first day agreed stays on record; every later one is measured against it.")
    matter: Any = OfMatter(queryset=None, required=False, empty_label="The whole engagement")
    workstream: Any = OfStream(queryset=None, required=False, empty_label="None in particular")
    owner = PersonField()
    volume = forms.DecimalField(
        max_digits=14,
        decimal_places=3,
        min_value=Decimal("0.001"),
        required=False,
        help_text="Where it is reached by deliveries: how many of the workstream's units.",
    )
    volume_from = day_field(label="Counted from", required=False, help_text="Today, if left empty.")
    needs: Any = Numbered(queryset=None, required=False, widget=forms.CheckboxSelectMultiple, label="Cannot be reached before")

    def __init__(self, *args: Any, engagement: Engagement, milestone: Milestone | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["matter"].queryset = Matter.objects.filter(engagement=engagement, status="open").order_by("reference")
        streams = Workstream.objects.filter(matter__engagement=engagement, status="open")
        fields["workstream"].queryset = streams.select_related("matter").order_by("item_prefix")
        others = Milestone.objects.filter(engagement=engagement, withdrawn_at__isnull=True)
        fields["needs"].queryset = (others.exclude(pk=milestone.pk) if milestone else others).order_by("number")
        if not fields["needs"].queryset.exists():
            del fields["needs"]


class MilestoneEditForm(Versioned, MilestoneForm):
    """Where it belongs stays: its number and its wall hang on it."""

    def __init__(self, *args: Any, milestone: Milestone, **kwargs: Any) -> None:
        super().__init__(*args, engagement=milestone.engagement, milestone=milestone, **kwargs)
        for name in ("due_on", "matter", "workstream"):
            del self.fields[name]
        if milestone.workstream_id is None:
            del self.fields["volume"], self.fields["volume_from"]


class RedateForm(Refusable, Versioned):
    due_on = day_field(label="New day")
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), label="Why it changes")


class ReachForm(Refusable, Versioned):
    done_on = day_field(label="Done on")
    note = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}), label="What shows it")
    evidence = SafeFile(required=False, label="Or its file")


class WithdrawForm(Refusable, Versioned):
    note = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), label="Why it is withdrawn")


class BlockerForm(WithPeople, forms.Form):
    text = forms.CharField(max_length=300, label="What is in the way", widget=forms.Textarea(attrs={"rows": 2}))
    party = forms.ChoiceField(choices=PARTIES, label="Who must act")
    owner = PersonField(label="Followed up by")
    milestone: Any = WithMilestone(queryset=None, required=False, empty_label="None in particular")
    item = forms.CharField(max_length=24, required=False, help_text="The reference of the item it holds up, if it is one.")
    since = Moment(required=False, help_text="Now, if left empty.")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        milestones = Milestone.objects.filter(engagement=engagement, done_on__isnull=True, withdrawn_at__isnull=True)
        fields: Any = self.fields
        fields["milestone"].queryset = milestones.order_by("number")

    def clean_item(self) -> WorkItem | None:
        reference = self.cleaned_data["item"].strip().upper()
        if not reference:
            return None
        found: WorkItem | None = WorkItem.objects.filter(reference=reference).first()
        if found is None:
            raise forms.ValidationError(f"There is no item {reference}.")
        return found


class ResolveForm(Refusable, forms.Form):
    resolution = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), label="How it was resolved")


class StepForm(WithPeople, forms.Form):
    trigger = forms.ChoiceField(label="When")
    after = forms.IntegerField(
        label="Hours or days",
        required=False,
        min_value=0,
        max_value=1000,
        help_text="For a breach, hours on the level's own calendar; days for milestones, blockers and questions.",
    )
    role = forms.ChoiceField(
        choices=[("", "Nobody by part"), *TeamRole.choices], required=False, label="Tell who has this part in the team"
    )
    member = PersonField(label="Or tell one person")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["trigger"].choices = list(escalating.offered())

    def clean_after(self) -> int:
        return self.cleaned_data["after"] or 0
