"""Addresses of work, below `/<organization>/`: references people say aloud."""

from __future__ import annotations

from django.urls import path, register_converter

from engagements.views import (
    clients,
    contracts,
    decisions,
    distribute,
    engagements,
    imports,
    items,
    lifecycle,
    load_files,
    matters,
    orders,
    people,
    placements,
    protocols,
    questions,
    queue,
    search,
    time,
    timesheets,
    waiting,
    workstreams,
)


class Prefix:
    """The item prefix of a workstream: capitals, so that it never reads as a page below the matter."""

    regex = "[A-Z][A-Z0-9]{1,7}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Prefix, "prefix")

app_name = "engagements"
_STREAM = "matters/<str:reference>/<prefix:prefix>/"
_IMPORT = _STREAM + "imports/<int:number>/"
_CONTRACT = "engagements/<str:reference>/contract/<int:number>/"
_ITEM = "work/<str:reference>/"
_PLACEMENT = "matters/<str:reference>/placements/<int:number>/"
_SHEET = _PLACEMENT + "timesheets/<str:day>/"

urlpatterns = [
    path("clients/", clients.clients, name="clients"),
    path("clients/new/", clients.new_client, name="new_client"),
    path("clients/<str:code>/", clients.client, name="client"),
    path("clients/<str:code>/edit/", clients.edit_client, name="edit_client"),
    path("clients/<str:code>/status/", workstreams.client_status, name="client_status"),
    path("clients/<str:code>/engagements/new/", engagements.new_engagement, name="new_engagement"),
    path("engagements/", engagements.engagements, name="engagements"),
    path("engagements/<str:reference>/", engagements.engagement, name="engagement"),
    path("engagements/<str:reference>/edit/", engagements.edit_engagement, name="edit_engagement"),
    path("engagements/<str:reference>/contract/", contracts.edit_contract, name="edit_contract"),
    path("engagements/<str:reference>/matters/new/", matters.new_matter, name="new_matter"),
    path("matters/", matters.matters, name="matters"),
    path("matters/<str:reference>/", matters.matter, name="matter"),
    path("matters/<str:reference>/edit/", matters.edit_matter, name="edit_matter"),
    path("matters/<str:reference>/publish/", matters.publish, name="publish"),
    path("matters/<str:reference>/wall/", matters.wall, name="wall"),
    path("matters/<str:reference>/status/", workstreams.matter_status, name="matter_status"),
    path("matters/<str:reference>/workstreams/new/", workstreams.new_workstream, name="new_workstream"),
    path(_STREAM, workstreams.workstream, name="workstream"),
    path(_STREAM + "edit/", workstreams.edit_workstream, name="edit_workstream"),
    path(_STREAM + "status/", workstreams.workstream_status, name="workstream_status"),
    path(_STREAM + "items/new/", items.new_item, name="new_item"),
    path(_STREAM + "imports/new/<str:purpose>/", imports.upload, name="new_import"),
    path(_IMPORT, imports.batch, name="import"),
    path(_IMPORT + "mapping/", imports.mapping, name="import_mapping"),
    path(_IMPORT + "confirm/", imports.confirm, name="import_confirm"),
    path(_IMPORT + "discard/", imports.discard, name="import_discard"),
    path(_IMPORT + "progress/", imports.progress, name="import_progress"),
    path(_IMPORT + "rejected.csv", imports.rejected, name="import_rejected"),
    path("work/", queue.queue, name="queue"),
    path("work/bulk/", queue.bulk, name="bulk"),
    path("work/distribute/", distribute.distribute, name="distribute"),
    path(_ITEM, items.item, name="item"),
    path(_ITEM + "edit/", items.edit_item, name="edit_item"),
    path(_ITEM + "assign/", items.assign, name="assign"),
    path(_ITEM + "move/", items.move, name="move"),
    path(_ITEM + "undo/", items.undo, name="undo"),
    path(_ITEM + "pause/", items.pause, name="pause"),
    path(_ITEM + "resume/", items.resume, name="resume"),
    path(_ITEM + "pauses/<int:number>/evidence/", items.evidence, name="evidence"),
    path(_ITEM + "pauses/<int:number>/<str:what>/", items.decide_pause, name="decide_pause"),
    path("search/", search.search, name="search"),
    path(_STREAM + "load-files/new/", load_files.upload, name="new_load_file"),
    path(_IMPORT + "load-file/", load_files.check, name="load_file_check"),
    path("search/offer/", search.offer, name="offer"),
    path("team/", people.team, name="team"),
    path("team/me/", people.my_profile, name="my_profile"),
    path("team/<str:email>/", people.profile, name="profile"),
    path("team/<str:email>/edit/", people.edit_profile, name="edit_profile"),
    path("team/<str:email>/<str:part>/new/", people.add_to_profile, name="add_to_profile"),
    path("team/<str:email>/<str:part>/<int:number>/remove/", people.remove_from_profile, name="remove_from_profile"),
    path("time/", time.my_week, name="time"),
    path("time/new/", time.new_time, name="new_time"),
    path("time/submit/", time.submit_time, name="submit_time"),
    path("time/week.csv", time.time_csv, name="time_csv"),
    path("time/<int:number>/edit/", time.edit_time, name="edit_time"),
    path("time/<int:number>/remove/", time.remove_time, name="remove_time"),
    path("time/sheets/", time.sheets, name="time_sheets"),
    path("time/sheets/week.csv", time.sheets_csv, name="time_sheets_csv"),
    path("time/sheets/<str:email>/<str:week>/", time.sheet, name="time_sheet"),
    path("time/lock/", time.time_lock, name="time_lock"),
    path(_CONTRACT, contracts.contract, name="contract"),
    path(_CONTRACT + "correct/", contracts.correct_contract, name="correct_contract"),
    path(_CONTRACT + "file/", contracts.contract_file, name="contract_file"),
    path(_CONTRACT + "compare/<int:other>/", contracts.compare, name="compare_contracts"),
    path(_CONTRACT + "clauses/new/", contracts.add_clause, name="add_clause"),
    path(_CONTRACT + "clauses/<int:position>/", contracts.edit_clause, name="edit_clause"),
    path(_CONTRACT + "clauses/<int:position>/remove/", contracts.remove_clause, name="remove_clause"),
    path("engagements/<str:reference>/orders/new/", orders.new_order, name="new_order"),
    path("engagements/<str:reference>/orders/<int:number>/", orders.edit_order, name="edit_order"),
    path("engagements/<str:reference>/renew/", lifecycle.renew, name="renew"),
    path("engagements/<str:reference>/convert/", lifecycle.convert, name="convert"),
    path("engagements/<str:reference>/close/", lifecycle.close, name="close_engagement"),
    path("engagements/<str:reference>/reopen/", lifecycle.reopen, name="reopen_engagement"),
    path("engagements/<str:reference>/team/new/", lifecycle.new_team_member, name="new_team_member"),
    path("engagements/<str:reference>/team/<int:number>/", lifecycle.end_team_member, name="end_team_member"),
    path(_STREAM + "protocols/new/", protocols.new_protocol, name="new_protocol"),
    path(_STREAM + "protocols/<int:number>/", protocols.protocol, name="protocol"),
    path(_STREAM + "protocols/<int:number>/file/", protocols.protocol_file, name="protocol_file"),
    path(_STREAM + "protocols/<int:number>/sign/", protocols.sign_protocol, name="sign_protocol"),
    path(_ITEM + "notice/", decisions.notice, name="notice"),
    path(_ITEM + "severity/", decisions.severity, name="severity"),
    path(_ITEM + "notified/", decisions.error_notice, name="error_notice"),
    path(_ITEM + "ask/", questions.ask, name="ask"),
    path(_ITEM + "kept/<str:kind>/<int:number>/", decisions.kept, name="kept"),
    path(_ITEM + "late/<int:number>/<str:what>/", decisions.decide_late, name="decide_late"),
    path("approvals/", decisions.approvals, name="approvals"),
    path("waiting/", waiting.waiting, name="waiting"),
    path("waiting/waiting.csv", waiting.waiting_csv, name="waiting_csv"),
    path("decisions/", questions.questions, name="questions"),
    path("matters/<str:reference>/ask/", questions.ask_about_matter, name="ask_about_matter"),
    path("matters/<str:reference>/questions/<int:number>/", questions.question, name="question"),
    path("matters/<str:reference>/questions/<int:number>/message/", questions.question_message, name="question_message"),
    path(_ITEM + "files/<int:number>/", items.deliverable, name="deliverable"),
    path("matters/<str:reference>/placements/new/", placements.new_placement, name="new_placement"),
    path(_PLACEMENT, placements.placement, name="placement"),
    path(_PLACEMENT + "terms/", placements.revise_placement, name="revise_placement"),
    path(_PLACEMENT + "end/", placements.end_placement, name="end_placement"),
    path(_PLACEMENT + "replace/", placements.replace_person, name="replace_person"),
    path(_PLACEMENT + "publish/", placements.publish_placement, name="publish_placement"),
    path(_PLACEMENT + "absences/new/", placements.new_away, name="new_away"),
    path(_PLACEMENT + "absences/<int:absence>/take-back/", placements.withdraw_away, name="withdraw_away"),
    path(_PLACEMENT + "timesheets/", timesheets.open_timesheet, name="open_timesheet"),
    path(_SHEET, timesheets.timesheet, name="timesheet"),
    path(_SHEET + "decide/", timesheets.decide_timesheet, name="decide_timesheet"),
    path(_SHEET + "take-back/", timesheets.take_back_timesheet, name="take_back_timesheet"),
    path(_SHEET + "correct/", timesheets.correct_timesheet, name="correct_timesheet"),
    path(_SHEET + "publish/", timesheets.publish_timesheet, name="publish_timesheet"),
    path(_SHEET + "timesheet.csv", timesheets.timesheet_csv, name="timesheet_csv"),
    path(_SHEET + "message/", timesheets.timesheet_message, name="timesheet_message"),
]
