"""Service levels that cover some types of item: every figure and every way to it heeds which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engagements import actions as work
from engagements.models import ItemType, WorkItem, Workstream
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.portal import frozen
from lpo.tenancy.context import Scope, in_organization
from sla import actions, wording
from sla.models import Attainment, Clock, ServiceLevelVersion
from sla.queries import Figure
from sla.rows import behind
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import SignIn, words
from tests.sla.test_throughput import throughput

pytestmark = pytest.mark.django_db


@pytest.fixture
def stream(in_alder: Scope, now: WallClock) -> Iterator[Workstream]:
    now.is_at("2026-10-20 12:00")
    yield typed_stream()


def typed_stream() -> Workstream:
    made = base.workstream(item_prefix="NDA")
    base.item_types(made, standard="standard NDA", mutual="mutual NDA", msa="MSA")
    return made


def delivered(stream: Workstream, code: str | None, **fields: Any) -> WorkItem:
    return make.item(stream, "2026-10-05 09:00", delivered="2026-10-05 15:00", type=code, **fields)


def retype(item: WorkItem, code: str | None) -> None:
    item.refresh_from_db()
    work.update_item(item=item, by=base.system(), version=item.version, type=code)


def counted(version: ServiceLevelVersion) -> tuple[int, int]:
    """Numerator and denominator of its only window, which its rows make up."""
    (row,) = make.counted(version)
    row.level_version.level = row.level
    figure = Figure(row.level_version, row.label, row.window_start, row.window_end, row)
    assert behind(figure, row.computed_at).count() == row.denominator
    return row.numerator, row.denominator


def test_a_clock_runs_for_the_types_named_and_follows_a_change_of_type(stream: Workstream) -> None:
    level = make.level(stream, item_types=["standard", "mutual"])
    items = [delivered(stream, code) for code in ("standard", "mutual", "msa", None)]
    assert set(Clock.objects.values_list("item_id", flat=True)) == {items[0].id, items[1].id}
    assert counted(level) == (2, 2)
    retype(items[0], None)
    retype(items[2], "mutual")
    retype(items[3], "standard")
    assert counted(level) == (3, 3)
    work.run_bulk(ids=[item.id for item in items], change=work.Change("type", type="msa"), by=base.system())
    assert counted(level) == (0, 0)
    assert not Clock.objects.exists()


def test_errors_and_volume_are_counted_of_the_types_named(stream: Workstream) -> None:
    wrong = make.accuracy_level(stream, item_types=["mutual"])
    least = throughput(stream, 10, item_types=["mutual", "msa"])
    one, two = (delivered(stream, code, quantity=Decimal(6)) for code in ("mutual", "standard"))
    for item in (one, two):
        actions.record_quality_check(item=item, units=10, errors=1, by=base.system(), checked_at=new_york("2026-10-06 09:00"))
    figures = {row.level_id: (row.numerator, row.denominator) for row in [*make.counted(wrong), *make.counted(least)]}
    assert figures == {wrong.level_id: (1, 10), least.level_id: (6, 10)}
    retype(two, "mutual")
    figures = {row.level_id: (row.numerator, row.denominator) for row in [*make.counted(wrong), *make.counted(least)]}
    assert figures == {wrong.level_id: (2, 20), least.level_id: (12, 10)}
    for row in Attainment.objects.select_related("level_version__level"):
        figure = Figure(row.level_version, row.label, row.window_start, row.window_end, row)
        assert behind(figure, row.computed_at).count() == 2
    retype(one, "msa")
    assert [(row.numerator, row.denominator) for row in make.counted(wrong)] == [(1, 10)]
    assert [(row.numerator, row.denominator) for row in make.counted(least)] == [(12, 10)]


def test_a_closed_window_keeps_the_types_it_was_measured_by(stream: Workstream, now: WallClock) -> None:
    level = make.level(stream, item_types=["mutual"])
    kept = delivered(stream, "mutual")
    delivered(stream, "standard")
    now.is_at("2026-11-02 12:00")
    make.counted(level)
    row = actions.close_window(level=level.level, window_start=new_york("2026-10-01 00:00"), by=base.system())
    assert (row.numerator, row.denominator) == (1, 1)
    assert [finding.identical for finding in verify()] == [True]
    work.update_type(item_type=ItemType.objects.get(code="mutual"), by=base.system(), version=1, name="two-way NDA", active=False)
    assert [finding.identical for finding in verify()] == [True]
    promised = frozen.promised(frozen.snapshot_of(row))
    assert "95 % of mutual NDAs must be delivered" in wording.promise(promised)
    assert ServiceLevelVersion.objects.get().item_types == {"mutual": "mutual NDA"}
    assert kept.type == "mutual"


def test_a_new_version_names_other_types_and_pinned_clocks_keep_theirs(stream: Workstream) -> None:
    level = make.level(stream, item_types=["mutual"])
    before = delivered(stream, "mutual")
    changed = {**make.promise_of(level), "item_types": ["standard"]}
    later = actions.add_level_version(level=level.level, effective_from=date(2026, 10, 10), by=base.system(), **changed)
    after = [make.item(stream, "2026-10-12 09:00", type=code) for code in ("mutual", "standard")]
    pinned = dict(Clock.objects.values_list("item_id", "level_version_id"))
    assert pinned == {before.id: level.pk, after[1].id: later.pk}
    with pytest.raises(Refused, match="“lease” is no type of this workstream"):
        make.level(stream, name="Leases", item_types=["mutual", "lease"])


@pytest.mark.parametrize(
    ("kind", "codes", "said"),
    [
        ("work", ["standard", "mutual"], "mutual NDAs and standard NDAs"),
        ("work", ["standard", "mutual", "msa"], "MSAs, mutual NDAs and standard NDAs"),
        ("enquiry", ["msa"], "enquiries about MSAs"),
        ("error", ["msa"], "critical errors in MSAs"),
        ("work", [], "work"),
    ],
)
def test_what_it_covers_reads_as_plain_english(kind: str, codes: list[str], said: str) -> None:
    names = {"standard": "standard NDA", "mutual": "mutual NDA", "msa": "MSA"}
    severity = "critical" if kind == "error" else ""
    version = ServiceLevelVersion(item_kind=kind, severity=severity, item_types={code: names[code] for code in codes})
    assert wording.subject(version) == said


def test_the_form_offers_the_types_and_reads_them_back(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    with in_organization(alder.id):
        stream = typed_stream()
        work.update_type(item_type=ItemType.objects.get(code="msa"), by=base.system(), version=1, active=False)
    browser, at = client_of(asha), "/alder/service-levels/new/NDA/turnaround/"
    page = words(browser.get(at).content)
    assert re.search(r"Only these types None ticked: items of every type\. mutual NDA standard NDA", page) and "MSA" not in page, page
    promise: dict[str, Any] = {
        "name": "NDAs",
        "effective_from": "2026-10-01",
        "expected_percent": "95",
        "amount": "24",
        "unit": "elapsed",
        "decides": "first",
        "window": "month",
        "time_zone": "America/New_York",
        "item_types": ["standard", "mutual"],
    }
    preview = words(browser.post(at, {**promise, "do": "preview"}).content)
    assert "95 % of mutual NDAs and standard NDAs must be delivered within 24 hours of receipt" in preview
    assert browser.post(at, {**promise, "item_types": ["msa"]}).status_code == 422
    assert browser.post(at, promise).status_code == 302
    assert "95 % of mutual NDAs and standard NDAs must be delivered" in words(browser.get("/alder/service-levels/NDA/1/").content)
    again = browser.get("/alder/service-levels/NDA/1/versions/new/").content.decode()
    assert again.count("checked") >= 2
    with in_organization(alder.id):
        assert ServiceLevelVersion.objects.get(level__workstream=stream).item_types == {"standard": "standard NDA", "mutual": "mutual NDA"}
