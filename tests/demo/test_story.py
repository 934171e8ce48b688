"""The end of the demo's story, built through the imports, jobs, closings and invoices that customers use."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import F, Sum
from django.utils import timezone

from billing.models import Charge, Invoice, InvoiceLine
from engagements.models import Client, ImportBatch, Matter, MatterInsider, ProtocolVersion, SupervisionTerm, WorkItem, Workstream
from lpo.accounts.models import Membership, Organization
from lpo.embedded import run
from lpo.jobs.runner import run_due
from lpo.reports.demo import cast, story
from lpo.reports.demo.standing import ACTION, Standing, standing
from lpo.reports.management.commands import demo
from lpo.reports.verification import verify
from lpo.tenancy.context import in_organization
from sla import board
from sla.models import Adjudication, Attainment, CreditClaim, Exclusion, SampleItem, SamplePlan, Scenario, ServiceLevelVersion
from tests import database

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("demo")]
MONTHS = 3


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[str]]:
    """One small demo for the whole file; the words it was told with."""
    steps: list[str] = []
    with django_db_blocker.unblock():
        story.build(settle=demo.work_off, tell=lambda done, total, text: steps.append(f"{done}/{total} {text}"), months=MONTHS)
        yield steps
        database.recreate(str(connections["default"].settings_dict["NAME"]))


@pytest.fixture(autouse=True)
def readable(built: list[str], db: None) -> None:
    """Each test reads within a transaction that is rolled back."""


@pytest.fixture
def alder() -> Organization:
    return Organization.objects.get(slug="alder")


@pytest.fixture
def birch() -> Organization:
    return Organization.objects.get(slug="birch")


def test_it_counts_its_steps_up_to_ready(built: list[str]) -> None:
    assert [step.partition("/")[0] for step in built] == [str(n) for n in range(MONTHS * 2 + 2)] + [str(MONTHS * 2 + 2)]
    assert built[-1] == "8/8 Ready"


def test_a_missed_window_became_a_final_claim_and_a_credit_line_of_a_later_invoice(alder: Organization) -> None:
    with in_organization(alder.pk):
        claim = CreditClaim.objects.select_related("attainment").get(level__name="NDA turnaround")
        assert (claim.state, claim.attainment.state) == ("final", "closed")
        line = InvoiceLine.objects.select_related("invoice__period").get(claim=claim)
        # 5 % of the flat fee of 2,500.
        assert line.amount == Decimal("-125.00")
        assert line.invoice.state == "issued"
        assert line.invoice.period.starts_on > claim.attainment.window_start.date()


def test_a_miss_of_the_last_month_may_still_be_contested(alder: Organization) -> None:
    with in_organization(alder.pk):
        claim = CreditClaim.objects.get(level__name="Drafting turnaround")
        assert claim.state == "provisional"
        assert not InvoiceLine.objects.filter(claim=claim).exists()


def test_the_letter_returned_after_billing_is_a_negative_line(alder: Organization) -> None:
    with in_organization(alder.pk):
        returned = WorkItem.objects.get(workstream__matter__client__code="MER", state="cancelled")
        billed = Charge.objects.filter(item=returned).values_list("line_id", flat=True)
        lines = InvoiceLine.objects.filter(pk__in=billed, invoice__state="issued").order_by("invoice__number")
        assert [line.amount > 0 for line in lines] == [True, False]


def test_today_shows_work_that_is_breached_due_soon_on_hold_and_new(alder: Organization) -> None:
    with in_organization(alder.pk):
        asha = Membership.objects.get(user__email="asha@alder.example")
        totals = board.totals(timezone.now(), asha.pk)
        assert totals.breached >= 1
        assert totals.soon >= 1
        assert totals.waiting >= 2
        assert totals.unassigned >= 3
        assert totals.questions >= 1
        assert WorkItem.objects.filter(state="received").exists()


def test_two_who_bill_are_inside_every_wall_or_a_month_could_not_be_billed(alder: Organization) -> None:
    with in_organization(alder.pk):
        walled = list(Matter.objects.filter(walled=True))
        assert walled
        for matter in walled:
            inside = MatterInsider.objects.filter(matter=matter).values_list("member__role", flat=True)
            assert list(inside).count("billing") == 2, matter.title


def test_billing_has_something_to_do_in_the_last_month(alder: Organization) -> None:
    with in_organization(alder.pk):
        states = dict(Invoice.objects.exclude(state="issued").values_list("engagement__reference", "state"))
        assert states == {"MER-E01": "draft", "HM-E01": "in_review"}


def test_a_load_file_became_batches_and_says_what_it_left_out(alder: Organization) -> None:
    with in_organization(alder.id):
        batch = ImportBatch.objects.get(purpose="load_file")
        items = WorkItem.objects.filter(batch=batch).order_by("external_id")
        assert (batch.state, batch.counts["new"], batch.counts["rejected"]) == ("loaded", 5, 0)
        assert [(item.external_id, int(item.quantity)) for item in items] == [(f"BAT-{number:04d}", 60) for number in range(122, 127)]
        assert set(batch.mapping["dropped"]) == {"ENDDOC", "CUSTODIAN", "EMAIL SUBJECT", "FILENAME", "NATIVEPATH"}


def test_supervision_began_when_the_work_did(alder: Organization) -> None:
    with in_organization(alder.id):
        stream = Workstream.objects.get(item_prefix="NDA")
        protocol = ProtocolVersion.objects.get(workstream=stream, number=1)
        assert [term.starts_at.date() for term in SupervisionTerm.objects.filter(matter=stream.matter)] == [protocol.effective_from]


def test_verification_finds_every_window_and_invoice_identical_once_the_files_are_drawn(alder: Organization, birch: Organization) -> None:
    run_due(birch.pk)
    found = {}
    for organization in (alder, birch):
        with in_organization(organization.pk):
            found[organization.slug] = list(verify())
            expected = Attainment.objects.filter(state="closed").count() + Invoice.objects.filter(state="issued").count()
        assert len(found[organization.slug]) == expected >= MONTHS
    assert {finding.differences for finding in found["birch"]} == {()}
    assert {finding.differences for finding in found["alder"]} == {(), ("its PDF is not stored yet",)}, "the worker is to draw those"


def test_the_two_organizations_see_nothing_of_each_other(alder: Organization, birch: Organization) -> None:
    seen = {}
    for organization in (alder, birch):
        with in_organization(organization.pk):
            seen[organization.slug] = (
                set(Client.objects.values_list("code", flat=True)),
                set(WorkItem.objects.values_list("organization_id", flat=True)),
                set(Invoice.objects.exclude(number="").values_list("number", flat=True)),
                Invoice.objects.aggregate(total=Sum("gross"))["total"],
            )
    assert seen["alder"][0] == {"VAN", "HM", "MER"}
    assert seen["birch"][0] == {"COP"}
    assert seen["alder"][1] == {alder.pk}
    assert seen["birch"][1] == {birch.pk}
    assert seen["birch"][2]
    assert not seen["alder"][2] & seen["birch"][2]


def test_everybody_can_sign_in_with_the_printed_password(alder: Organization) -> None:
    members = Membership.objects.filter(organization=alder).select_related("user")
    assert {member.user.email for member in members} == {person.email for person in (*cast.ALDER, *cast.VIEWERS)}
    assert all(member.user.check_password(cast.PASSWORD) for member in members)
    viewers = [member for member in members if member.role == "client_viewer"]
    assert all(member.client_id is not None for member in viewers)
    assert len(viewers) == 3


def test_sign_ins_are_printed_one_for_each_kind_of_person() -> None:
    printed = StringIO()
    call_command("demo", "--if-empty", "--sign-ins", stdout=printed)
    assert "asha@alder.example" in printed.getvalue()
    assert "carla@vantic.example" in printed.getvalue()
    assert f"Everybody's password: {cast.PASSWORD}" in printed.getvalue()


def test_a_whole_demo_is_left_as_it_is() -> None:
    assert standing() == Standing.IN_USE
    with pytest.raises(CommandError, match="There are organizations already"):
        call_command("demo")


def test_a_demo_without_its_last_event_is_unfinished_and_said_to_be(alder: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpo.reports.demo.standing.ACTION", f"{ACTION}.never")
    assert standing() == Standing.UNFINISHED
    said = StringIO()
    with pytest.raises(SystemExit) as raised:
        call_command("demo", "--if-empty", stderr=said)
    assert raised.value.code == demo.UNFINISHED == run.UNFINISHED
    assert "interrupted" in said.getvalue()


def test_somebody_elses_organization_is_never_taken_for_a_part_of_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpo.reports.demo.standing.ACTION", f"{ACTION}.never")
    Organization.objects.create(slug="cedar", name="Cedar Legal")
    assert standing() == Standing.IN_USE


def test_samples_are_drawn_read_blind_and_adjudicated(alder: Organization) -> None:
    with in_organization(alder.pk):
        plan = SamplePlan.objects.get(workstream__item_prefix="NDA")
        rows = SampleItem.objects.filter(plan=plan)
        states = set(rows.values_list("state", flat=True))
        assert {"checked", "adjudicated", "drawn"} <= states, "read, settled, and still to be read"
        assert not rows.filter(checker=F("reviewer")).exists(), "nobody reads their own calls"
        assert Adjudication.objects.filter(quality_check__errors__gt=F("errors")).exists(), "one finding was overturned"
        assert SamplePlan.objects.get(workstream__item_prefix="DRF").sizing == "acceptance"


def test_a_proposal_was_replayed_an_exclusion_is_disputed_and_a_level_has_a_minimum(alder: Organization) -> None:
    with in_organization(alder.pk):
        assert Scenario.objects.count() == 3
        for scenario in Scenario.objects.all():
            assert scenario.computed_at is not None and scenario.result, scenario.name
        assert Exclusion.objects.filter(contested_at__isnull=False, resolved_at__isnull=True).count() == 1
        assert ServiceLevelVersion.objects.get(minimum_percent__isnull=False).misses_before_default == 3
