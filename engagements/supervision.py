"""The record of supervision of a matter, gathered from what is written down anyway: terms, signatures, answers, samples, checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from engagements import conflicts
from engagements.models import ConflictCheck, Matter, ProtocolVersion, Question, SampledItem, SupervisionSample, SupervisionTerm
from lpo.audit.record import canonical

# Of each kind; what is older stays in the log and in the file.
MOST = 500


@dataclass(frozen=True)
class Entry:
    """One thing that shows supervision. `by` is whose act it is; `open` what still waits for the attorney."""

    at: datetime
    kind: str
    what: str
    by: str
    note: str = ""
    open: bool = False
    # What leads to its own page: ("protocol" | "question" | "sample", parts of the address).
    link: tuple[str, tuple[object, ...]] | None = None
    # Whose name is told to the client: its own counsel's, never one of staff.
    counsel: bool = False


def entries_of(matter: Matter, most: int = MOST) -> list[Entry]:
    """Everything, the latest first; a fixed number of statements."""
    found = [*_terms(matter, most), *_protocols(matter, most), *_questions(matter, most), *_samples(matter, most), *_checks(matter, most)]
    return sorted(found, key=lambda entry: (entry.at, entry.kind, entry.what), reverse=True)


def terms_of(matter: Matter, most: int = MOST) -> list[SupervisionTerm]:
    return list(SupervisionTerm.objects.filter(matter=matter).order_by("-starts_at", "-id")[:most])


def _terms(matter: Matter, most: int) -> Iterator[Entry]:
    for term in terms_of(matter, most):
        admitted = term.admission or "no admission on record"
        yield Entry(term.starts_at, "Supervision", f"{term.name} began to supervise", term.name, admitted, counsel=True)
        if term.ends_at is not None:
            yield Entry(term.ends_at, "Supervision", f"{term.name} ceased to supervise", term.name, counsel=True)


def _protocols(matter: Matter, most: int) -> Iterator[Entry]:
    rows = ProtocolVersion.objects.filter(matter_id=matter.pk).select_related("workstream").defer("text")
    for row in rows.order_by("-id")[:most]:
        link = ("protocol", (matter.reference, row.workstream.item_prefix, row.number))
        said = f"{row.title}, version {row.number}"
        if row.signed_at is not None:
            yield Entry(row.signed_at, "Protocol", f"{said} signed", row.signed_by_label, link=link, counsel=True)
        else:
            yield Entry(row.written_at, "Protocol", f"{said} written, not signed", row.written_by_label, open=True, link=link)


def _questions(matter: Matter, most: int) -> Iterator[Entry]:
    rows = Question.objects.filter(matter=matter).select_related("decision").order_by("-id")[:most]
    for row in rows:
        kind = "Escalation" if row.escalation else "Question"
        link = ("question", (matter.reference, row.number))
        yield Entry(row.asked_at, kind, f"Q{row.number} {row.question}", row.by_label, open=row.answered_at is None, link=link)
        if row.answered_at is not None and row.decision is not None:
            source = row.decision.get_source_display()
            note = f"{source}. Led to {row.protocol}" if row.protocol else source
            counsel = row.decision.source == "attorney"
            yield Entry(row.answered_at, "Answer", f"Q{row.number} {row.answer}", row.decision.by_label, note, link=link, counsel=counsel)


def samples_of(matter: Matter, most: int = MOST) -> list[Any]:
    """Samples with how many of their items are signed (`signed`) and not agreed (`refused`), the latest first."""
    samples = list(SupervisionSample.objects.filter(matter=matter).order_by("-number")[:most])
    rows = SampledItem.objects.filter(sample__in=[sample.pk for sample in samples]).values("sample_id").order_by()
    counts = rows.annotate(signed=Count("id", filter=Q(signed_at__isnull=False)), refused=Count("id", filter=Q(verdict="not_agreed")))
    by_sample = {row["sample_id"]: row for row in counts}
    for sample in samples:
        sample.signed, sample.refused = by_sample[sample.pk]["signed"], by_sample[sample.pk]["refused"]  # type: ignore[attr-defined]
    return samples


def _samples(matter: Matter, most: int) -> Iterator[Entry]:
    for sample in samples_of(matter, most):
        link = ("sample", (matter.reference, sample.number))
        what = f"Sample {sample.number}: {sample.size:,} of {sample.population:,} items delivered drawn"
        waiting = sample.size - sample.signed
        note = f"{sample.signed} signed, {sample.refused} not agreed" + (f", {waiting} waiting" if waiting else "")
        yield Entry(sample.drawn_at, "Sample", what, sample.by_label, note, open=bool(waiting), link=link)
    signed = SampledItem.objects.filter(matter_id=matter.pk, signed_at__isnull=False).select_related("item", "sample")
    for row in signed.order_by("-signed_at", "-id")[:most]:
        link = ("sample", (matter.reference, row.sample.number))
        what = f"{row.item.reference} of sample {row.sample.number}: {row.get_verdict_display().lower()}"
        assert row.signed_at is not None  # noqa: S101 -- filtered above
        yield Entry(row.signed_at, "Sign-off", what, row.signed_by_label, row.note, link=link, counsel=True)


def _checks(matter: Matter, most: int) -> Iterator[Entry]:
    """That a check was run and stands clear; what it found is not part of what others read."""
    for check in ConflictCheck.objects.filter(matter=matter).order_by("-number")[:most]:
        yield Entry(check.at, "Conflict check", check.get_occasion_display(), check.by_label)


def snapshot_of(matter: Matter) -> dict[str, Any]:
    """What the client is told, as JSON: its own counsel by name, staff by none; open things are left to the next one."""
    terms = [
        {"name": term.name, "admission": term.admission, "from": term.starts_at, "to": term.ends_at} for term in reversed(terms_of(matter))
    ]
    every = [entry for entry in reversed(entries_of(matter)) if entry.kind != "Supervision"]
    told = [entry for entry in every if not (entry.open and entry.kind == "Protocol")]
    standing = conflicts.standings([matter])[matter.pk]
    found: dict[str, Any] = canonical(
        {
            "attorneys": terms,
            "conflicts_clear": standing.clear,
            "entries": [
                {
                    "at": entry.at,
                    "kind": entry.kind,
                    "what": entry.what,
                    "by": entry.by if entry.counsel else "",
                    "note": entry.note,
                    "open": entry.open,
                }
                for entry in told
            ],
        }
    )
    return found
