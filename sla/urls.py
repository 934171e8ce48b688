"""Addresses of service levels, below `/<organization>/`."""

from __future__ import annotations

from datetime import date

from django.urls import path, register_converter

# Registers the converter for a workstream's prefix.
from engagements import urls as work
from sla.views import calendars, contests, desk, incidents, levels, quality, quality_pages, samples, scenarios, scorecards, today, windows

app_name = "sla"


class FirstDay:
    """The first day of a window: 2026/10 for one that begins a month, 2026/10/5 for any other."""

    regex = r"[0-9]{4}/[0-9]{1,2}(?:/[0-9]{1,2})?"

    def to_python(self, value: str) -> date:
        year, month, *day = (int(part) for part in value.split("/"))
        return date(year, month, *(day or [1]))

    def to_url(self, value: date) -> str:
        return f"{value.year}/{value.month}" if value.day == 1 else f"{value.year}/{value.month}/{value.day}"


register_converter(FirstDay, "first_day")
_LEVEL = "service-levels/<prefix:prefix>/<int:number>/"
_WINDOW = _LEVEL + "<first_day:first_day>/"
_QUALITY = "quality/<prefix:prefix>/"
_PLAN = _QUALITY + "plans/<int:number>/"
_ITEM = "work/<str:reference>/"
_ENGAGEMENT = "engagements/<str:reference>/"
_CLIENT = "clients/<str:code>/"

assert work.app_name == "engagements"  # noqa: S101 -- the import is needed for its converter

urlpatterns = [
    path("today/", today.today, name="today"),
    path("today/move/", today.move, name="today_move"),
    path("today/<str:reference>/steps/", today.steps, name="today_steps"),
    path("today/<str:reference>/assign/", today.assign, name="today_assign"),
    path("today/<str:reference>/hold/", today.hold, name="today_hold"),
    path("today/<str:reference>/resume/", today.resume, name="today_resume"),
    path("service-levels/", levels.levels, name="levels"),
    path("service-levels/new/", levels.choose, name="choose_level"),
    path("service-levels/new/<prefix:prefix>/<str:kind>/", levels.new_level, name="new_level"),
    path(_LEVEL, levels.level, name="level"),
    path(_LEVEL + "attainment.csv", levels.level_csv, name="level_csv"),
    path(_LEVEL + "edit/", levels.edit_level, name="edit_level"),
    path(_LEVEL + "versions/new/", levels.new_version, name="new_version"),
    path(_LEVEL + "recompute/", levels.recompute, name="recompute"),
    path("service-levels/<prefix:prefix>/scenarios/", scenarios.scenarios, name="scenarios"),
    path(_LEVEL + "scenarios/new/", scenarios.new_scenario, name="new_scenario"),
    path(_LEVEL + "scenarios/<int:scenario>/", scenarios.scenario, name="scenario"),
    path(_LEVEL + "scenarios/<int:scenario>/again/", scenarios.scenario_again, name="scenario_again"),
    path(_LEVEL + "scenarios/<int:scenario>/windows.csv", scenarios.scenario_csv, name="scenario_csv"),
    path(_WINDOW, windows.window, name="window"),
    path(_WINDOW + "rows.csv", windows.window_csv, name="window_csv"),
    path(_WINDOW + "rows.xlsx", windows.window_xlsx, name="window_xlsx"),
    path(_WINDOW + "close/", windows.close, name="close"),
    path(_WINDOW + "choose/", incidents.choose, name="choose_credit"),
    path(_WINDOW + "restate/", windows.restate, name="restate"),
    path(_WINDOW + "publish/", windows.publish, name="publish"),
    path(_ENGAGEMENT + "scorecard/", scorecards.scorecard, name="scorecard"),
    path(_ENGAGEMENT + "scorecard.pdf", scorecards.scorecard_pdf, name="scorecard_pdf"),
    path(_ENGAGEMENT + "scorecard.xlsx", scorecards.scorecard_xlsx, name="scorecard_xlsx"),
    path("contest-ledger/", contests.ledger, name="ledger"),
    path("contest-ledger/entries.csv", contests.ledger_csv, name="ledger_csv"),
    path(_ENGAGEMENT + "contest-ledger/", contests.engagement_ledger, name="engagement_ledger"),
    path(_ENGAGEMENT + "contest-ledger/entries.csv", contests.engagement_ledger_csv, name="engagement_ledger_csv"),
    path(_CLIENT + "scorecard/", scorecards.client_scorecard, name="client_scorecard"),
    path(_CLIENT + "scorecard.pdf", scorecards.client_scorecard_pdf, name="client_scorecard_pdf"),
    path(_CLIENT + "scorecard.xlsx", scorecards.client_scorecard_xlsx, name="client_scorecard_xlsx"),
    path("calendars/", calendars.calendars, name="calendars"),
    path("calendars/new/", calendars.new_calendar, name="new_calendar"),
    path("calendars/follow-the-sun/", calendars.new_union, name="new_union"),
    path("calendars/<int:number>/sites/", calendars.new_union_version, name="new_union_version"),
    path("calendars/<int:number>/", calendars.calendar, name="calendar"),
    path("calendars/<int:number>/exceptions/new/", calendars.new_exception, name="new_exception"),
    path("calendars/<int:number>/versions/new/", calendars.new_calendar_version, name="new_calendar_version"),
    path(_ITEM + "quality/", quality.check, name="check"),
    path(_ITEM + "exclusions/new/", quality.exclude, name="exclude"),
    path(_ITEM + "exclusions/<int:number>/withdraw/", quality.include, name="include"),
    path(_ITEM + "exclusions/<int:number>/decide/<str:what>/", contests.decide, name="decide_exclusion"),
    path(_ITEM + "exclusions/<int:number>/evidence/", quality.exclusion_evidence, name="exclusion_evidence"),
    path("checks/", samples.checks, name="checks"),
    path(_QUALITY, quality_pages.workstream, name="quality"),
    path(_QUALITY + "checks.csv", quality_pages.workstream_csv, name="quality_csv"),
    path(_QUALITY + "plans/new/", samples.new_plan, name="new_plan"),
    path(_PLAN, samples.plan, name="plan"),
    path(_PLAN + "assign/", samples.assign, name="assign_checks"),
    path(_PLAN + "extend/", samples.extend, name="extend_plan"),
    path(_PLAN + "<int:position>/", samples.sampled, name="sampled"),
    path(_PLAN + "<int:position>/adjudicate/", samples.adjudicate, name="adjudicate"),
    path("matters/<str:reference>/quality/", quality_pages.matter, name="matter_quality"),
    path("desk/", desk.desk_page, name="desk"),
    path("desk/seen/", desk.desk_seen, name="desk_seen"),
    path("desk/<str:reference>/<str:do>/", desk.desk_act, name="desk_act"),
]
