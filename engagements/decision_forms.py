"""Forms of what the client decided, was told or asked, and of what is written down late."""

from __future__ import annotations

from typing import Any

from django import forms

from engagements import states
from engagements.file_fields import SafeFile
from engagements.forms import Moment, MoveForm, NoteForm, Refusable, ResumeForm
from engagements.models import DeliveryNotice, ErrorNotice

CHANNELS: Any = DeliveryNotice._meta.get_field("channel").choices
NOTICED_BY: Any = ErrorNotice._meta.get_field("channel").choices


class OwnIds(forms.Form):
    """Several forms stand on one page: the ids of each carry its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)


class WithMessage(OwnIds):
    """What the client wrote: its file, or the words pasted in."""

    message = SafeFile(required=False, label="The client's message", help_text="The mail as a file.")
    message_text = forms.CharField(
        required=False,
        max_length=20_000,
        label="Or its words",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Paste the message with its sender and date.",
    )

    def written(self) -> tuple[bytes, str, str] | None:
        """Bytes, file name and media type of the message; None where there is none. A file is read once."""
        if (file := self.cleaned_data.get("message")) is not None:
            return file.read(), file.name, file.content_type or "application/octet-stream"
        text = self.cleaned_data.get("message_text", "").strip()
        return (text.encode(), "message.txt", "text/plain") if text else None


class DecideForm(WithMessage, MoveForm):
    """A move that may be the client's: then it brings the message."""

    field_order = ["message", "message_text", "at", "reason"]


class ReplyForm(WithMessage, ResumeForm):
    note = forms.CharField(max_length=300, required=False, label="What it says")
    field_order = ["at", "note", "message", "message_text"]


class ContestForm(WithMessage, NoteForm):
    pass


class LateForm(Refusable, forms.Form):
    note = forms.CharField(max_length=300, required=False)


class NoticeForm(Refusable, WithMessage):
    channel = forms.ChoiceField(choices=CHANNELS)
    recipient = forms.CharField(max_length=200, label="To whom")
    sent_at = Moment(label="When", required=False, help_text="Now, if left empty.")
    field_order = ["channel", "recipient", "sent_at", "message", "message_text"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["message"].label, self.fields["message"].help_text = "The notice", "The mail as a file."
        self.fields["message_text"].help_text = "Paste the notice as it was sent."


class ManyNoticesForm(NoticeForm):
    """The same of many deliveries; when it was sent was said before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sent_at"].widget = forms.DateTimeInput(attrs={"type": "hidden"}, format="%Y-%m-%dT%H:%M")


class SentForm(Refusable, OwnIds):
    sent_at = Moment(label="When it was sent", required=False, help_text="Now, if left empty.")


class SeverityForm(Refusable, WithMessage):
    severity = forms.ChoiceField(choices=[(value, value.capitalize()) for value in states.SEVERITIES[:3]])
    note = forms.CharField(max_length=300, required=False)
    field_order = ["severity", "note", "message", "message_text"]


class ErrorNoticeForm(Refusable, WithMessage):
    channel = forms.ChoiceField(choices=NOTICED_BY)
    reporter = forms.CharField(max_length=200, required=False, label="Who told us")
    at = Moment(label="When", required=False)
    field_order = ["channel", "reporter", "at", "message", "message_text"]


class QuestionForm(Refusable, forms.Form):
    question = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Counsel reads it as it stands.",
    )
    escalation = forms.BooleanField(
        required=False, label="Escalation", help_text="Work stops, or a deadline is lost, until it is answered."
    )


class AnswerForm(Refusable, WithMessage):
    answer = forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 5}))
    protocol = forms.CharField(max_length=200, required=False, label="Protocol version", help_text="The version this answer leads to.")
    at = Moment(label="When", required=False, help_text="Now, if left empty.")
    field_order = ["answer", "protocol", "message", "message_text", "at"]


class ProtocolForm(Refusable, forms.Form):
    protocol = forms.CharField(max_length=200, label="Protocol version")
