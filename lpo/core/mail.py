"""E-mails: one text file each in `templates/email/`, from which the text and the HTML part are both made.

The file's first line is the subject. Blank lines part paragraphs. A paragraph of the form `[Label] address` is the mail's button:
the text part spells it `Label: address`. Values are escaped in the HTML part only, so a name such as O'Brien reads right in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template, render_to_string

_BUTTON = re.compile(r"\[([^\]]+)\] (https?://\S+)")


def absolute(path: str) -> str:
    """An address for an e-mail. From the settings, never from the request: a forged Host header must not steer a reset link."""
    return urljoin(settings.BASE_URL, path)


def when(moment: datetime) -> str:
    """An instant for an e-mail, whose reader's zone is unknown: `3 June 2026, 14:05 UTC`."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; with an `address` it is a button labelled `text`."""

    text: str
    address: str = ""


def compose(name: str, context: Mapping[str, Any], *, to: str) -> EmailMultiAlternatives:
    """The mail `templates/email/<name>.txt` to one address, with a text and an HTML part. Raises `TemplateDoesNotExist`."""
    source = get_template(f"email/{name}.txt").template  # type: ignore[attr-defined]
    rendered = source.render(Context(dict(context), autoescape=False))
    subject, _, body = rendered.strip().partition("\n")
    paragraphs = [_paragraph(block) for block in re.split(r"\n\s*\n", body.strip())]
    text = "\n\n".join(f"{p.text}: {p.address}" if p.address else p.text for p in paragraphs)
    html = render_to_string("email/layout.html", {"subject": subject, "paragraphs": paragraphs})
    message = EmailMultiAlternatives(subject.strip(), f"{text}\n", settings.DEFAULT_FROM_EMAIL, [to])
    message.attach_alternative(html, "text/html")
    return message


def _paragraph(block: str) -> Paragraph:
    button = _BUTTON.fullmatch(block.strip())
    return Paragraph(button[1], button[2]) if button else Paragraph(block.strip())
