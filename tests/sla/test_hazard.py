"""What became of similar items, on the item's page and on Today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from django.test import Client as Browser
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions as work
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import Scope, in_organization
from sla import actions, hazard
from sla.models import ServiceLevelVersion
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.test_pages import words

SignIn = Callable[[Membership], Browser]


def past(level: ServiceLevelVersion, now: WallClock, used: list[int]) -> None:
    """Items of October, each delivered after so many of its 24 hours."""
    start = make.new_york("2026-10-05 09:00")
    for hours in used:
        item = base.item(level.level.workstream, received_at=start)
        work.move_item(item=item, to="delivered", by=base.system(), at=start + timedelta(hours=hours), reason="as recorded")


@pytest.fixture
def level(in_alder: Scope, now: WallClock) -> ServiceLevelVersion:
    """Twenty delivered after two hours, nineteen after twenty, six after thirty: late."""
    now.is_at("2026-11-20 14:00")
    found = make.level(base.workstream(item_prefix="NDA"))
    past(found, now, [2] * 20 + [20] * 19 + [30] * 6)
    return found


@pytest.mark.django_db
def test_similar_is_who_was_still_open_at_the_same_share(level: ServiceLevelVersion) -> None:
    known = hazard.histories([level.level_id], timezone.now())

    def at(share: Fraction) -> tuple[int, int, int] | None:
        found = hazard.hazard_of(known, level.level_id, share)
        return (found.similar, found.missed, found.percent) if found else None

    assert at(Fraction(0)) == (45, 6, 0)
    # Two hours of 24 lie in the step that begins at 5 %: open there, gone at 10 %.
    assert at(Fraction(9, 100)) == (45, 6, 5)
    assert at(Fraction(1, 2)) == (25, 6, 50)
    assert at(Fraction(79, 100)) == (25, 6, 75)
    assert at(Fraction(9, 10)) is None, "six are too few to say anything of"
    assert at(Fraction(1)) is None and hazard.hazard_of(known, 0, Fraction(0)) is None


@pytest.mark.django_db
def test_what_is_excluded_cancelled_held_or_rework_tells_nothing(level: ServiceLevelVersion, now: WallClock) -> None:
    stream = level.level.workstream
    before = hazard.histories([level.level_id], timezone.now())
    excluded = make.item(stream, "2026-10-06 09:00", delivered="2026-10-06 10:00")
    actions.exclude_item(level=level.level, item=excluded, reason="Out of scope", by=base.system())
    make.item(stream, "2026-11-20 09:00")
    make.item(stream, "2026-11-10 09:00", paused=[("2026-11-10 10:00", None)])
    assert hazard.histories([level.level_id], timezone.now()) == before
    make.item(stream, "2026-11-10 09:00")
    after = hazard.histories([level.level_id], timezone.now())[level.level_id]
    assert after[19] == (7, 7), "overdue and open: it was open to the last, and is missed"


@pytest.mark.django_db
def test_it_stands_on_the_items_page_and_on_today(
    alder: Organization, asha: Membership, client_of: SignIn, level: ServiceLevelVersion
) -> None:
    with in_organization(alder.id):
        item = make.item(level.level.workstream, "2026-11-20 02:00", title="Half through")
    browser = client_of(asha)
    page = words(browser.get(f"/alder/work/{item.reference}/").content)
    assert "Of 25 similar items at this point, 6 missed" in page and "still open with 50 % of their time used" in page
    assert "of 25 similar, 6 missed" in words(browser.get("/alder/today/").content)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=hazard.STEPS + 1, max_size=hazard.STEPS + 1))
def test_fewer_are_open_with_every_step_and_none_more_are_missed_than_open(steps: list[tuple[int, int]]) -> None:
    counts = [(similar + missed, missed) for similar, missed in steps]
    known = hazard._still_open(counts)
    assert known[0] == (sum(row[0] for row in counts), sum(row[1] for row in counts))
    assert all(a[0] >= b[0] and a[1] >= b[1] for a, b in pairwise(known))
    assert all(missed <= similar for similar, missed in known)


@pytest.mark.django_db
def test_only_the_latest_are_read(level: ServiceLevelVersion, monkeypatch: pytest.MonkeyPatch, now: WallClock) -> None:
    monkeypatch.setattr(hazard, "MOST", 3)
    stream = level.level.workstream
    for day in (2, 3, 4):
        make.item(stream, f"2026-11-0{day} 09:00", delivered=f"2026-11-0{day} 10:00")
    assert hazard.histories([level.level_id], timezone.now())[level.level_id][0] == (3, 0), "November's, not October's"
