"""The words of the audit log: what people call the things that events are about."""

from __future__ import annotations

from django.apps import apps

# Where the name of the table is not what people say.
_SAID = {
    "accounts.Membership": "Person",
    "accounts.ApiToken": "API token",
    "accounts.User": "Account",
    "engagements.ImportBatch": "Import",
    "engagements.ImportMapping": "Saved mapping",
    "engagements.MatterInsider": "Ethical wall",
    "engagements.ConflictOutcome": "Outcome of a conflict match",
    "engagements.ConflictRule": "Rule for conflict checks",
    "engagements.SupervisionTerm": "Supervision",
    "engagements.SupervisionReport": "Record of supervision",
    "engagements.Transition": "Move",
    "engagements.StatusUpdate": "Published update",
    "sla.ServiceLevelVersion": "Version of a service level",
    "sla.CalendarVersion": "Version of a calendar",
    "sla.Attainment": "Window",
    "billing.ChargeTermVersion": "Version of a charge term",
    "jobs.Job": "Background work",
}


def kind_of(label: str) -> str:
    """`engagements.WorkItem` as people say it: “Work item”. A model that is gone keeps the name it was recorded by."""
    if label in _SAID or not label:
        return _SAID.get(label, "")
    try:
        said = str(apps.get_model(label)._meta.verbose_name)
    except (LookupError, ValueError):
        return label
    return said[:1].upper() + said[1:]


def name_of(value: str) -> str:
    """A recorded value's name as a heading: `received_at` → “Received at”."""
    words = value.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
