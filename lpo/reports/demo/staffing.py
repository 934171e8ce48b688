"""What is on record of the demo's people, and the time they wrote down in the last days."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engagements import actions as work
from engagements.models import Client, Workstream
from engagements.sheets import week_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership

NEW_YORK = ZoneInfo("America/New_York")
# (days ago, who, workstream, minutes, narrative)
TIME = (
    (1, "rita", "NDA", "42", "Reviewed the indemnity and liability clauses of the Orrin NDA"),
    (1, "rita", "NDA", "27.5", "Reviewed the term and survival clauses of the Halvorsen NDA"),
    (2, "rita", "NDA", "95", "Reviewed the Pryce NDA and drafted comments for counsel"),
    (1, "rashid", "REV", "380", "Coded the supplemental batch for responsiveness"),
    (2, "rashid", "REV", "415", "Coded the supplemental batch for responsiveness"),
    (1, "ren", "DRF", "130", ""),
)


def profiles(people: dict[str, Membership], now: datetime) -> None:
    """Three reviewers who differ: in languages, admission, training, room, a conflict and an absence to come."""
    by, today = Actor.member(people["asha"]), now.astimezone(NEW_YORK).date()

    def on(who: str) -> dict[str, Any]:
        return {"member": people[who], "by": by}

    places = (("rita", "New York, US", "45"), ("rashid", "Pune, India", "60"), ("ren", "Manila, Philippines", "60"))
    for who, location, capacity in places:
        work.update_profile(version=1, location=location, capacity=Decimal(capacity), capacity_unit="items", **on(who))
        work.add_language(language="en", level="native" if who == "rita" else "fluent", **on(who))
    work.add_language(language="de", level="fluent", **on("rita"))
    work.add_language(language="ja", level="native", **on("ren"))
    work.add_admission(jurisdiction="New York", number="5512087", valid_to=today + timedelta(days=200), **on("rita"))
    work.add_training(kind="nda_review", title="NDA playbook", passed_on=today - timedelta(days=90), score=Decimal(94), **on("rita"))
    work.add_training(kind="nda_review", title="NDA playbook", passed_on=today - timedelta(days=60), score=Decimal(88), **on("rashid"))
    work.add_training(kind="ediscovery", title="Coding protocol", passed_on=today - timedelta(days=120), score=Decimal(91), **on("rashid"))
    work.add_training(kind="drafting", title="Demand letters", passed_on=today - timedelta(days=150), score=Decimal(97), **on("ren"))
    meridian, since = Client.objects.get(code="MER"), today - timedelta(days=300)
    work.add_conflict(client=meridian, since=since, note="Worked in house until then", **on("rita"))
    work.add_week(first_week=week_of(today) + timedelta(days=7), capacity=Decimal(50), reason="Bar exam committee", **on("rita"))
    work.add_absence(starts_on=today + timedelta(days=6), ends_on=today + timedelta(days=13), reason="leave", **on("rashid"))


def recorded(streams: dict[str, Workstream], people: dict[str, Membership], now: datetime) -> None:
    """Some days of time: Rashid's week is handed in, one of Rita's entries is what a client refuses, Ren's says nothing."""
    today = now.astimezone(NEW_YORK).date()
    for days, who, stream, minutes, narrative in TIME:
        by = Actor.member(people[who])
        work.add_time(by=by, workstream=streams[stream], day=today - timedelta(days=days), minutes=Decimal(minutes), narrative=narrative)
    for days in (1, 2):
        work.submit_week(by=Actor.member(people["rashid"]), week=today - timedelta(days=days))
