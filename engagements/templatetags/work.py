"""Words and lookups that only pages of work need."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from engagements.models import Client

register = template.Library()

_SAID = {
    "client.create": "Client added",
    "client.update": "Client changed",
    "engagement.create": "Engagement opened",
    "engagement.update": "Engagement changed",
    "contract.amend": "Contract terms changed",
    "contract.sign": "Contract signed",
    "contract.add_clause": "Clause added",
    "contract.change_clause": "Clause changed",
    "contract.remove_clause": "Clause removed",
    "order.add": "Purchase order added",
    "order.change": "Purchase order changed",
    "engagement.convert": "Pilot converted",
    "engagement.renew": "Engagement renewed",
    "team.add": "Team member added",
    "team.end": "Team member's part changed",
    "protocol.write": "Protocol written",
    "protocol.sign": "Protocol signed",
    "matter.create": "Matter opened",
    "matter.update": "Matter changed",
    "matter.publish": "Shown to the client",
    "matter.publish_update": "Update published",
    "matter.raise_wall": "Wall raised",
    "matter.lower_wall": "Wall lowered",
    "matter.remove_insider": "Someone left the wall",
    "workstream.create": "Workstream added",
    "workstream.update": "Workstream changed",
    "import.load": "File imported",
    "item.deem": "Accepted by silence",
    "delivery.notice": "Notice of delivery recorded",
    "error.notice": "Notice of an error recorded",
    "error.severity": "Severity of an error set",
    "late.record": "Recorded late, waits for approval",
    "late.approve": "Late entry approved",
    "late.refuse": "Late entry refused",
    "pause.uphold": "Contest dropped by the client",
    "question.ask": "Counsel asked",
    "question.answer": "Counsel's answer recorded",
    "question.protocol": "Protocol version named",
    "conflicts.check": "Conflict check run",
    "conflicts.decide": "Conflict match decided",
    "conflicts.rule": "Rule for conflict checks set",
    "deliverable.publish": "Version published to the client",
    "deliverable.tick": "Checklist ticked",
    "item.deliver_file": "Version kept",
    "workstream.checklist": "Checklist changed",
    "hold.set": "Legal hold set",
    "hold.release": "Legal hold released",
    "supervision.admission": "Admission of the attorney stated",
    "supervision.draw": "Sample drawn for the attorney",
    "supervision.sign": "Sampled work signed off",
    "supervision.publish": "Record of supervision published",
    "milestone.redate": "Milestone put off or brought forward",
    "milestone.add": "Milestone agreed",
    "milestone.update": "Milestone changed",
    "milestone.need": "What a milestone needs changed",
    "milestone.reach": "Milestone reached",
    "milestone.withdraw": "Milestone withdrawn",
    "milestone.publish": "Milestone shown to the client",
    "milestone.hide": "Milestone shown to the client no longer",
    "blocker.raise": "Blocker added",
    "escalation.add_step": "Step added to the escalation path",
    "escalation.remove_step": "Step removed from the escalation path",
    "escalation.tell": "Escalated",
    "escalation.acknowledge": "Escalation acknowledged",
    "comment.edit": "Comment put right",
    "item.move_many": "Moved with others",
    "item.assign_many": "Assigned with others",
    "item.pause_many": "Put on hold with others",
    "item.resume_many": "Resumed with others",
    "item.prioritize_many": "Priority set with others",
    "item.type_many": "Type set with others",
    "item_type.add": "Type of item added",
    "item_type.update": "Type of item changed",
    "item.undo_many": "Bulk action taken back",
    "item.upsert": "Items received by API",
    "placement.add": "Person placed",
    "placement.terms": "Terms of the placement changed",
    "placement.end": "Last day of the placement changed",
    "placement.replace": "Person replaced",
    "placement.away": "Absence recorded",
    "placement.away_withdrawn": "Absence taken back",
    "placement.publish": "Placement shown to the client",
    "timesheet.open": "Timesheet begun",
    "timesheet.fill": "Timesheet filled in",
    "timesheet.submit": "Timesheet submitted",
    "timesheet.decide": "Client's word on the timesheet recorded",
    "timesheet.take_back": "Timesheet taken back",
    "timesheet.correct": "Correction of the timesheet begun",
    "timesheet.publish": "Timesheet shown to the client",
}


@register.filter
def event_text(action: str) -> str:
    """An audited action in words: `matter.close` → Matter closed."""
    if action in _SAID:
        return _SAID[action]
    noun, _, verb = action.partition(".")
    past = f"{verb}d" if verb.endswith("e") else f"{verb}ed"
    return f"{noun.capitalize()} {past.replace('_', ' ')}"


@register.simple_tag
def client_name(clients: Mapping[int, Client], number: int) -> str:
    """The name of a client among those of this page."""
    client = clients.get(number)
    return client.name if client is not None else "—"


@register.filter
def person(member: object) -> str:
    """A member's name, an em dash where there is none."""
    return str(getattr(member, "display_name", "—"))
