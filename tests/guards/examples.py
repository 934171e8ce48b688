"""An example of each address: what it names, and data with which permission rather than validation decides.

A row of the matrix is an address, or an address with a word in brackets where one address does several things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from engagements.models import ChecklistPoint
from lpo.tenancy.context import in_organization
from tests.guards.world import Place

Refs = SimpleNamespace
Values = Mapping[str, Any]
Part = Callable[[Place], Values]


def _nothing(place: Place) -> Values:
    return {}


def _email(place: Place) -> Values:
    return {"email": place.people["leaver"].user.email}


def _client(place: Place) -> Values:
    return {"code": place.refs.client.code}


def _engagement(place: Place) -> Values:
    return {"reference": place.refs.engagement.reference}


def _contract(place: Place) -> Values:
    return {**_engagement(place), "number": 1}


def _matter(place: Place) -> Values:
    return {"reference": place.refs.matter.reference}


def _stream(place: Place) -> Values:
    return {"reference": place.refs.matter.reference, "prefix": place.refs.stream.item_prefix}


def _import(place: Place) -> Values:
    return {**_stream(place), "number": 1}


def _item(place: Place) -> Values:
    return {"reference": place.refs.item.reference}


def _waiting(place: Place) -> Values:
    return {"reference": place.refs.waiting.reference}


def _number_one(place: Place) -> Values:
    """The first time entry of whoever asks; everybody who records time has one."""
    return {"number": 1}


def _version(number: int) -> Part:
    return lambda place: {"reference": place.refs.fresh_delivered.reference, "number": number}


def _point(place: Place) -> Values:
    with in_organization(place.organization.id):
        return {"point": ChecklistPoint.objects.get(workstream=place.refs.stream).pk, "do": "untick"}


def _accepted(place: Place) -> Values:
    return {"reference": place.refs.accepted.reference}


def _error(place: Place) -> Values:
    return {"reference": place.refs.error.reference}


def _late(what: str) -> Part:
    return lambda place: {"reference": place.refs.late.reference, "number": 1, "what": what}


def _question(place: Place) -> Values:
    return {**_matter(place), "number": 1}


def _milestone(place: Place) -> Values:
    return {**_engagement(place), "number": place.refs.milestone.number}


def _blocker(place: Place) -> Values:
    return {**_engagement(place), "number": place.refs.blocker.number}


def _bulk(place: Place) -> Values:
    return {"number": place.refs.bulks.get(place.refs.asker, 2**31)}


def _view(place: Place) -> Values:
    return {"number": place.refs.views.get(place.refs.asker, 2**31)}


def _level(place: Place) -> Values:
    return {"prefix": place.refs.stream.item_prefix, "number": 1}


def _window(place: Place) -> Values:
    month = place.refs.last_month
    return {**_level(place), "first_day": month.replace(day=1)}


def _quality(place: Place) -> Values:
    return {"prefix": place.refs.stream.item_prefix}


def _plan(place: Place) -> Values:
    return {**_quality(place), "number": 1}


def _sampled(position: int) -> Part:
    """The first item waits for the owner's check; what was found in the second waits for a third person."""
    return lambda place: {**_plan(place), "position": position}


def _job(place: Place) -> Values:
    return {"number": place.refs.job_id}


def _decision(what: str) -> Part:
    return lambda place: {**_waiting(place), "number": 1, "what": what}


def _excluded(what: str) -> Part:
    return lambda place: {"reference": place.refs.excluded.reference, "number": 1, "what": what}


def _billed(place: Place) -> Values:
    """An invoice in draft without anything behind a wall."""
    return {"reference": place.refs.plain_engagement.reference, "period": f"{place.refs.last_month:%Y-%m}"}


def _issued(place: Place) -> Values:
    return {"reference": place.refs.plain_engagement.reference, "period": f"{place.refs.first_month:%Y-%m}"}


def _term(number: int, **more: int) -> Part:
    return lambda place: {**_engagement(place), "number": number, **more}


def _entity(place: Place) -> Values:
    return {"prefix": place.refs.entity.number_prefix}


def _placement(place: Place) -> Values:
    return {**_matter(place), "number": 1}


def _sheet(place: Place) -> Values:
    return {**_placement(place), "day": place.refs.last_month.isoformat()}


def _draft_sheet(place: Place) -> Values:
    return {**_placement(place), "day": place.refs.draft_sheet.period_start.isoformat()}


def _viewed_person(place: Place) -> Values:
    return {**_viewer(place), "matter": place.refs.matter.reference, "number": 1}


def _viewed_sheet(place: Place) -> Values:
    return {**_viewed_person(place), "day": place.refs.last_month.isoformat()}


def _viewer(place: Place) -> Values:
    return {"client": place.refs.client.code.lower()}


def _viewed_level(place: Place) -> Values:
    return {**_viewer(place), "level": place.refs.level_slug}


def _viewed_window(place: Place) -> Values:
    return {**_viewed_level(place), "window": f"{place.refs.last_month:%Y-%m}"}


def _viewed_invoice(place: Place) -> Values:
    return {**_viewer(place), "number": place.refs.invoice.number}


def _viewed_line(place: Place) -> Values:
    return {**_viewed_invoice(place), "position": 1}


# Address → what its path names. A route that is missing here is an error of the suite, not a pass.
NAMES: dict[str, Part] = {
    "accounts:landing": _nothing,
    "accounts:people": _nothing,
    "accounts:invite": _nothing,
    "accounts:resend_invitation": lambda place: {"email": place.refs.invitation.email},
    "accounts:revoke_invitation": lambda place: {"email": place.refs.invitation.email},
    "accounts:person": _email,
    "accounts:deactivate": _email,
    "accounts:reactivate": _email,
    "accounts:settings": _nothing,
    "accounts:tokens": _nothing,
    "accounts:new_token": _nothing,
    "accounts:revoke_token": lambda place: {"prefix": place.refs.token.prefix},
    "jobs:list": _nothing,
    "jobs:verify_audit": _nothing,
    "jobs:detail": _job,
    "jobs:progress": _job,
    "jobs:cancel": _job,
    "jobs:retry": _job,
    "audit:list": _nothing,
    "audit:detail": lambda place: {"number": place.refs.event_id},
    "engagements:clients": _nothing,
    "engagements:new_client": _nothing,
    "engagements:client": _client,
    "engagements:edit_client": _client,
    "engagements:client_status": _client,
    "engagements:new_engagement": _client,
    "engagements:engagements": _nothing,
    "engagements:engagement": _engagement,
    "engagements:edit_engagement": _engagement,
    "engagements:edit_contract": _engagement,
    "engagements:new_matter": _engagement,
    "engagements:matters": _nothing,
    "engagements:matter": _matter,
    "engagements:edit_matter": _matter,
    "engagements:wall": _matter,
    "engagements:matter_status": _matter,
    "engagements:new_workstream": _matter,
    "engagements:workstream": _stream,
    "engagements:edit_workstream": _stream,
    "engagements:workstream_status": _stream,
    "engagements:new_item": _stream,
    "engagements:new_import (items)": lambda place: {**_stream(place), "purpose": "items"},
    "engagements:new_import (history)": lambda place: {**_stream(place), "purpose": "history"},
    "engagements:import": _import,
    "engagements:import_mapping": _import,
    "engagements:import_confirm": _import,
    "engagements:import_discard": _import,
    "engagements:import_progress": _import,
    "engagements:import_rejected": _import,
    "engagements:new_load_file": _stream,
    "engagements:load_file_check": lambda place: {**_import(place), "number": 2},
    "engagements:queue": _nothing,
    "engagements:bulk": _nothing,
    "engagements:bulk (list)": _nothing,
    "engagements:bulk_report": _bulk,
    "engagements:bulk_csv": _bulk,
    "engagements:bulk_undo": _bulk,
    "engagements:comment_item": _item,
    "engagements:comment_matter": _matter,
    "engagements:comment_engagement": _engagement,
    "engagements:edit_comment": lambda place: {"number": place.refs.comment.id},
    "engagements:comment_file": lambda place: {"number": place.refs.comment.id, "file": 1},
    "engagements:item_activity": _item,
    "engagements:matter_activity": _matter,
    "engagements:engagement_activity": _engagement,
    "engagements:workstream_activity": _stream,
    "engagements:new_view": lambda place: {"page": "queue"},
    "engagements:edit_view": _view,
    "engagements:keep_view": _view,
    "engagements:delete_view": _view,
    "engagements:item": _item,
    "engagements:edit_item": _item,
    "engagements:assign": _item,
    "engagements:move": _item,
    "engagements:move (accept)": lambda place: {"reference": place.refs.fresh_delivered.reference},
    "engagements:undo": _item,
    "engagements:pause": _item,
    "engagements:pause (backdated)": _item,
    "engagements:resume": _waiting,
    "engagements:evidence": lambda place: {**_waiting(place), "number": 1},
    "engagements:decide_pause (withdraw)": _decision("withdraw"),
    "engagements:decide_pause (uphold)": _decision("uphold"),
    "engagements:decide_pause (contest)": _decision("contest"),
    "engagements:decide_pause (accept)": _decision("accept"),
    "engagements:search": _nothing,
    "engagements:offer": _nothing,
    "engagements:distribute": _nothing,
    "engagements:team": _nothing,
    "engagements:my_profile": _nothing,
    "engagements:profile": _email,
    "engagements:edit_profile": _email,
    "engagements:add_to_profile": lambda place: {**_email(place), "part": "languages"},
    "engagements:add_to_profile (conflicts)": lambda place: {**_email(place), "part": "conflicts"},
    "engagements:tell_of_many": _matter,
    "engagements:new_week": _email,
    "engagements:edit_week": lambda place: {**_email(place), "week": f"{place.refs.own_week:%G-W%V}"},
    "engagements:remove_week": lambda place: {**_email(place), "week": f"{place.refs.own_week:%G-W%V}"},
    "engagements:remove_from_profile": lambda place: {**_email(place), "part": "conflicts"},
    "engagements:time": _nothing,
    "engagements:new_time": _nothing,
    "engagements:submit_time": _nothing,
    "engagements:time_csv": _nothing,
    "engagements:edit_time": _number_one,
    "engagements:remove_time": _number_one,
    "engagements:time_sheets": _nothing,
    "engagements:time_sheets_csv": _nothing,
    "engagements:time_sheet": lambda place: {**_email(place), "week": "2026-01-05"},
    "engagements:time_lock": _nothing,
    "engagements:contract": _contract,
    "engagements:new_type": _stream,
    "engagements:edit_type": lambda place: {**_stream(place), "code": place.refs.item_type.code},
    "engagements:new_order": _engagement,
    "engagements:renew": _engagement,
    "engagements:convert": _engagement,
    "engagements:close_engagement": _engagement,
    "engagements:reopen_engagement": _engagement,
    "engagements:new_team_member": _engagement,
    "engagements:end_team_member": lambda place: {**_engagement(place), "number": 1},
    "engagements:new_protocol": _stream,
    "engagements:protocol": lambda place: {**_stream(place), "number": 1},
    "engagements:protocol_file": lambda place: {**_stream(place), "number": 1},
    "engagements:sign_protocol": lambda place: {**_stream(place), "number": 1},
    "engagements:edit_order": lambda place: {**_engagement(place), "number": 1},
    "engagements:correct_contract": _contract,
    "engagements:contract_file": _contract,
    "engagements:compare_contracts": lambda place: {**_contract(place), "other": 1},
    "engagements:add_clause": _contract,
    "engagements:edit_clause": lambda place: {**_contract(place), "position": 1},
    "engagements:remove_clause": lambda place: {**_contract(place), "position": 1},
    "engagements:undo (decision)": _accepted,
    "engagements:notice": lambda place: {"reference": place.refs.fresh_delivered.reference},
    "engagements:severity": _error,
    "engagements:error_notice": _error,
    "engagements:ask": _item,
    "engagements:ask_about_matter": _matter,
    "engagements:kept": lambda place: {**_accepted(place), "kind": "message", "number": 1},
    "engagements:approvals": _nothing,
    "engagements:decide_late (approve)": _late("approve"),
    "engagements:decide_late (refuse)": _late("refuse"),
    "engagements:waiting": _nothing,
    "engagements:waiting_csv": _nothing,
    "engagements:questions": _nothing,
    "engagements:question": _question,
    "engagements:question_message": _question,
    "engagements:matter_hold": _matter,
    "engagements:client_hold": _client,
    "engagements:supervision": _matter,
    "engagements:admission": _matter,
    "engagements:publish_supervision": _matter,
    "engagements:supervision_csv": _matter,
    "engagements:supervision_xlsx": _matter,
    "engagements:new_sample": _matter,
    "engagements:sample": lambda place: {**_matter(place), "number": 1},
    "engagements:sign_sampled": lambda place: {**_matter(place), "number": 1, "position": 1},
    "portal:supervision": lambda place: {**_viewer(place), **_matter(place)},
    "portal:supervision_csv": lambda place: {**_viewer(place), **_matter(place)},
    "engagements:conflict_search": _nothing,
    "engagements:conflict_rule": _nothing,
    "engagements:matter_conflicts": _matter,
    "engagements:matter_match": lambda place: {**_matter(place), "number": 1},
    "engagements:matter_consent": lambda place: {**_matter(place), "number": 1, "outcome": 1},
    "engagements:client_conflicts": _client,
    "engagements:client_match": lambda place: {**_client(place), "number": 1},
    "engagements:client_consent": lambda place: {**_client(place), "number": 1, "outcome": 1},
    "engagements:new_placement": _matter,
    "engagements:placement": _placement,
    "engagements:revise_placement": _placement,
    "engagements:end_placement": _placement,
    "engagements:replace_person": _placement,
    "engagements:publish_placement": _placement,
    "engagements:new_away": _placement,
    "engagements:withdraw_away": lambda place: {**_placement(place), "absence": 1},
    "engagements:open_timesheet": _placement,
    "engagements:timesheet": _sheet,
    "engagements:timesheet (draft)": _draft_sheet,
    "engagements:decide_timesheet": _sheet,
    "engagements:take_back_timesheet": _draft_sheet,
    "engagements:correct_timesheet": _sheet,
    "engagements:publish_timesheet": _sheet,
    "engagements:timesheet_csv": _sheet,
    "engagements:timesheet_message": _sheet,
    "engagements:coordination": _nothing,
    "engagements:coordination (blockers)": _nothing,
    "engagements:new_milestone": _engagement,
    "engagements:milestone": _milestone,
    "engagements:edit_milestone": _milestone,
    "engagements:redate_milestone": _milestone,
    "engagements:reach_milestone": _milestone,
    "engagements:withdraw_milestone": _milestone,
    "engagements:milestone_evidence": _milestone,
    "engagements:do_milestone (reopen)": lambda place: {**_milestone(place), "what": "reopen"},
    "engagements:do_milestone (publish)": lambda place: {**_milestone(place), "what": "publish"},
    "engagements:new_blocker": _engagement,
    "engagements:blocker": _blocker,
    "engagements:escalation": _engagement,
    "engagements:remove_step": lambda place: {**_engagement(place), "number": 1},
    "engagements:notices": _nothing,
    "engagements:read_notices": _nothing,
    "engagements:acknowledge": lambda place: {"number": place.refs.notices.get(place.refs.asker, 2**31)},
    "reports:publish": _matter,
    "billing:invoices": _nothing,
    "billing:run": _nothing,
    "billing:run_draft": _nothing,
    "billing:run_bulk (submit)": _nothing,
    "billing:run_bulk (approve)": _nothing,
    "billing:run_issue": _nothing,
    "billing:run_export": _nothing,
    "billing:export_file": lambda place: {"sha256": place.refs.exports.get(place.refs.asker, place.refs.exports["owner"])},
    "billing:entities": _nothing,
    "billing:new_entity": _nothing,
    "billing:edit_entity": _entity,
    "billing:by_number": lambda place: {"number": place.refs.plain_invoice.number},
    "billing:invoice": _issued,
    "billing:invoice (draft)": _billed,
    "billing:invoice_pdf": _issued,
    "billing:preview": _billed,
    "billing:invoice_lines": _issued,
    "billing:line_rows": lambda place: {**_issued(place), "position": 1},
    "billing:compare": _billed,
    "billing:render_again": _issued,
    "billing:refresh": _billed,
    "billing:submit": _billed,
    "billing:approve": _billed,
    "billing:send_back": _billed,
    "billing:discard": _billed,
    "billing:draft_again": _billed,
    "billing:issue": _billed,
    "billing:terms": _engagement,
    "billing:new_term": _engagement,
    "billing:term": _term(4),
    "billing:revise_term": _term(1),
    "billing:close_term": _term(1),
    "billing:end_seat": _term(4, seat=1),
    "billing:term (expenses)": _term(5),
    "billing:usage_import": _term(5),
    "billing:usage": _term(5, record=1),
    "billing:usage_approve": _term(5, record=1),
    "billing:usage_receipt": _term(5, record=1),
    "portal:home": _nothing,
    "portal:overview": _viewer,
    "portal:matters": _viewer,
    "portal:matter": lambda place: {**_viewer(place), **_matter(place)},
    "portal:levels": _viewer,
    "portal:level": _viewed_level,
    "portal:level_csv": _viewed_level,
    "portal:window": _viewed_window,
    "portal:window_csv": _viewed_window,
    "portal:ledger": _viewer,
    "portal:ledger_csv": _viewer,
    "portal:scorecard": _viewer,
    "portal:scorecard_pdf": _viewer,
    "portal:staff": _viewer,
    "portal:person": _viewed_person,
    "portal:timesheet": _viewed_sheet,
    "portal:timesheet_csv": _viewed_sheet,
    "portal:invoices": _viewer,
    "portal:invoice": _viewed_invoice,
    "portal:pdf": _viewed_invoice,
    "portal:invoice_csv": _viewed_invoice,
    "portal:line": _viewed_line,
    "portal:line_csv": _viewed_line,
    "engagements:deliverable": _version(2),
    "engagements:deliverable_file": _version(1),
    "engagements:new_deliverable": lambda place: {"reference": place.refs.fresh_delivered.reference},
    "engagements:tick": _version(2),
    "engagements:publish_deliverable": _version(2),
    "engagements:deliverables": _matter,
    "engagements:checklist": _stream,
    "portal:deliverables": _viewer,
    "portal:deliverable": lambda place: {**_viewer(place), **_version(1)(place)},
    "sla:desk": _nothing,
    "sla:desk_seen": _nothing,
    "sla:desk_act (start)": lambda place: {**_item(place), "do": "start"},
    "sla:desk_act (deliver)": lambda place: {**_item(place), "do": "deliver"},
    "sla:today": _nothing,
    "sla:today_move": _nothing,
    "sla:today_steps": _item,
    "sla:today_assign": _item,
    "sla:today_hold": _item,
    "sla:today_resume": _waiting,
    "sla:levels": _nothing,
    "sla:choose_level": _nothing,
    "sla:new_level": lambda place: {"prefix": place.refs.stream.item_prefix, "kind": "turnaround"},
    "sla:level": _level,
    "sla:level_csv": _level,
    "sla:edit_level": _level,
    "sla:new_version": _level,
    "sla:recompute": _level,
    "sla:scenarios": lambda place: {"prefix": place.refs.stream.item_prefix},
    "sla:new_scenario": _level,
    "sla:scenario": lambda place: {**_level(place), "scenario": 1},
    "sla:scenario_again": lambda place: {**_level(place), "scenario": 1},
    "sla:scenario_csv": lambda place: {**_level(place), "scenario": 1},
    "sla:window": _window,
    "sla:window_csv": _window,
    "sla:window_xlsx": _window,
    "sla:close": _window,
    "sla:publish": _window,
    "sla:restate": _window,
    "sla:choose_credit": _window,
    "sla:ledger": _nothing,
    "sla:ledger_csv": _nothing,
    "sla:engagement_ledger": _engagement,
    "sla:engagement_ledger_csv": _engagement,
    "sla:decide_exclusion (contest)": _excluded("contest"),
    "sla:decide_exclusion (accept)": _excluded("accept"),
    "sla:decide_exclusion (withdraw)": _excluded("withdraw"),
    "sla:scorecard": _engagement,
    "sla:scorecard_pdf": _engagement,
    "sla:scorecard_xlsx": _engagement,
    "sla:client_scorecard": _client,
    "sla:client_scorecard_pdf": _client,
    "sla:client_scorecard_xlsx": _client,
    "sla:calendars": _nothing,
    "sla:new_calendar": _nothing,
    "sla:new_union": _nothing,
    "sla:new_union_version": lambda place: {"number": 3},
    "sla:calendar": lambda place: {"number": 1},
    "sla:new_exception": lambda place: {"number": 1},
    "sla:new_calendar_version": lambda place: {"number": 1},
    "sla:check": lambda place: {"reference": place.refs.fresh_delivered.reference},
    "sla:checks": _nothing,
    "sla:quality": _quality,
    "sla:quality_csv": _quality,
    "sla:new_plan": _quality,
    "sla:plan": _plan,
    "sla:assign_checks": _plan,
    "sla:extend_plan": _plan,
    "sla:sampled": _sampled(1),
    "sla:adjudicate": _sampled(2),
    "sla:matter_quality": _matter,
    "sla:exclude": lambda place: {"reference": place.refs.fresh_delivered.reference},
    "sla:include": lambda place: {"reference": place.refs.excluded.reference, "number": 1},
    "sla:exclusion_evidence": lambda place: {"reference": place.refs.excluded.reference, "number": 1},
}


def _status(name: str) -> Part:
    return lambda place: {"status": "closed", "version": getattr(place.refs, name).version}


def _move(name: str, to: str) -> Part:
    return lambda place: {"to": to, "version": getattr(place.refs, name).version, "reference": getattr(place.refs, name).reference}


def _month_and(**more: str) -> Part:
    return lambda place: {"month": f"{place.refs.last_month:%Y-%m}", **more}


# Address → what is posted, where nothing at all would leave the decision to validation.
DATA: dict[str, Part] = {
    "accounts:invite": lambda place: {"email": "new@example.org", "role": "reviewer"},
    "engagements:client_status": _status("client"),
    "engagements:matter_status": _status("matter"),
    "engagements:workstream_status": _status("stream"),
    "reports:publish": lambda place: {"note": "All is well"},
    "billing:run_draft": _month_and(),
    "billing:run_bulk (submit)": _month_and(do="submit"),
    "billing:run_bulk (approve)": _month_and(do="approve"),
    "billing:run_issue": _month_and(),
    "billing:run_export": _month_and(),
    "engagements:bulk": lambda place: {"do": "move", "to": "in_review", "selected": [place.refs.item.reference]},
    "engagements:distribute": lambda place: {
        "do": "preview",
        "people": [place.people["reviewer"].id],
        "selected": [place.refs.item.reference],
    },
    "engagements:edit_profile": lambda place: {"version": 1, "location": "Pune, India", "capacity_unit": "items"},
    "engagements:add_to_profile (conflicts)": lambda place: {"party": "Rival Holdings", "since": "2026-01-01"},
    "engagements:new_week": lambda place: {"first_week": "2031-W49", "capacity": "50", "measure": "percent"},
    "engagements:edit_week": lambda place: {
        "version": 1,
        "first_week": f"{place.refs.own_week:%G-W%V}",
        "capacity": "30",
        "measure": "percent",
    },
    "engagements:remove_week": lambda place: {"version": 1},
    "engagements:add_to_profile": lambda place: {"language": "fr", "level": "fluent"},
    "engagements:new_time": lambda place: {"workstream": place.refs.stream.id, "day": "2026-01-05", "minutes": "1:30"},
    "engagements:time_sheet": lambda place: {"do": "approve"},
    "engagements:time_lock": lambda place: {"version": 1, "grace_days": 3},
    "engagements:new_item": lambda place: {"title": "New", "kind": "work", "received_at": "2026-01-05T10:00", "quantity": "1"},
    "engagements:new_type": lambda place: {"code": "lease", "name": "Lease"},
    "engagements:edit_type": lambda place: {"name": "Renamed", "version": 1},
    "engagements:assign": lambda place: {"assignee": place.people["project_manager"].id},
    "engagements:move": _move("item", "in_review"),
    "engagements:move (accept)": _move("fresh_delivered", "accepted"),
    "engagements:undo": lambda place: {"version": place.refs.item.version, "reason": "by mistake"},
    "engagements:pause": lambda place: {"party": "client", "reason": "information", "note": "asked"},
    "engagements:pause (backdated)": lambda place: {
        "party": "client",
        "reason": "information",
        "note": "asked",
        "at": place.refs.an_hour_ago,
    },
    "engagements:decide_pause (withdraw)": lambda place: {"note": "not needed"},
    "engagements:decide_pause (uphold)": lambda place: {"note": "it stands"},
    "engagements:decide_pause (contest)": lambda place: {"note": "we answered at once"},
    "engagements:decide_pause (accept)": lambda place: {"note": "agreed"},
    "sla:choose_credit": lambda place: {"note": "the turnaround"},
    **{f"sla:decide_exclusion ({what})": lambda place: {"note": "the mail says otherwise"} for what in ("contest", "accept", "withdraw")},
    "engagements:undo (decision)": lambda place: {"version": place.refs.accepted.version, "reason": "by mistake"},
    "engagements:notice": lambda place: {"channel": "email", "recipient": "counsel", "message_text": "It is delivered"},
    "engagements:severity": lambda place: {"severity": "critical"},
    "engagements:error_notice": lambda place: {"channel": "email"},
    "engagements:tick": _point,
    "engagements:checklist": lambda place: {"required": "Second read"},
    "engagements:matter_hold": lambda place: {"reason": "Claim 7", "ordered_by": "Court"},
    "engagements:client_hold": lambda place: {"reason": "Claim 7", "ordered_by": "Court"},
    "engagements:admission": lambda place: {"admission": "New York 4410982"},
    "engagements:new_sample": lambda place: {"from_day": f"{place.refs.first_month:%Y-%m-%d}", "to_day": "2099-01-01", "size": 1},
    "engagements:sign_sampled": lambda place: {"verdict": "agreed"},
    "engagements:wall": lambda place: {"reason": "Sensitive"},
    "engagements:conflict_rule": lambda place: {"version": 1},
    "engagements:matter_conflicts": lambda place: {"occasion": "mid_project"},
    "engagements:client_conflicts": lambda place: {"occasion": "mid_project"},
    "engagements:matter_match": lambda place: {"verdict": "none", "note": "Another company"},
    "engagements:client_match": lambda place: {"verdict": "none", "note": "Another company"},
    "engagements:remove_from_profile": lambda place: {"row": place.refs.profile_conflict.pk},
    "engagements:ask": lambda place: {"question": "May we?"},
    "engagements:ask_about_matter": lambda place: {"question": "May we?"},
    "engagements:decide_late (refuse)": lambda place: {"note": "it was not so"},
    "engagements:question": lambda place: {"protocol": "Protocol 2"},
    "engagements:open_timesheet": lambda place: {"day": place.refs.last_month.isoformat()},
    "engagements:decide_timesheet": lambda place: {"do": "approve", "version": 1, "message_text": "Approved"},
    "engagements:correct_timesheet": lambda place: {"reason": "Miscounted"},
    "engagements:comment_item": lambda place: {"text": "Is it signed?"},
    "engagements:comment_matter": lambda place: {"text": "Is it signed?"},
    "engagements:comment_engagement": lambda place: {"text": "Is it signed?"},
    "engagements:edit_comment": lambda place: {"text": "It is signed."},
    "engagements:new_view": lambda place: {"name": "Mine"},
    "engagements:edit_view": lambda place: {"name": "Mine", "version": 1},
    "engagements:new_milestone": lambda place: {"name": "First draft", "due_on": "2026-03-03"},
    "engagements:do_milestone (reopen)": lambda place: {"version": place.refs.milestone.version},
    "engagements:do_milestone (publish)": lambda place: {"version": place.refs.milestone.version},
    "engagements:escalation": lambda place: {"trigger": "blocker", "after": 3, "role": "manager"},
    "engagements:new_blocker": lambda place: {"text": "No access", "party": "client"},
    "engagements:blocker": lambda place: {"resolution": "Access given"},
    "sla:today_move": _move("item", "in_review"),
    "sla:today_assign": lambda place: {"assignee": place.people["project_manager"].id},
    "sla:today_hold": lambda place: {"party": "client", "reason": "information", "note": "asked"},
    "sla:check": lambda place: {"units": 10, "wrong": 0},
    "sla:sampled": lambda place: {"units": 10},
    "sla:adjudicate": lambda place: {"reason": "The first call was right"},
}
# Address → query string of a GET that shows something.
QUERIES: dict[str, Part] = {
    "engagements:conflict_search": lambda place: {"q": "Tilia Claims Target"},
    "engagements:coordination (blockers)": lambda place: {"show": "blockers"},
    "engagements:search": lambda place: {"q": place.slug},
    "engagements:offer": lambda place: {"q": place.slug},
    "billing:new_term": lambda place: {"model": "unit"},
    "billing:run": lambda place: {"month": f"{place.refs.last_month:%Y-%m}"},
}
# Pages that repeat what was asked for: a word on them may be the asker's own.
ECHOES = {"engagements:search"}


def base(row: str) -> str:
    """The address of a matrix row, its variant left out."""
    return row.partition(" (")[0]


def names_of(row: str, place: Place, asker: str = "owner") -> Values:
    """What the path names. An export is its asker's own, so the asker may matter."""
    place.refs.asker = asker if asker in place.people else "owner"
    return NAMES[row](place)


def data_of(row: str, place: Place) -> Values:
    return DATA.get(row, _nothing)(place)


def query_of(row: str, place: Place) -> Values:
    return QUERIES.get(row, _nothing)(place)
