"""What the component gallery shows: invented figures, enough of them to put every component in every state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django import forms

from lpo.core.charts import Point, attainment_chart, bar_chart

_MONTHS = ["Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"]
_COUNTS = [(54, 58), (69, 72), (69, 71), (68, 72), (72, 75), (53, 54), (60, 63), (47, 48), (57, 59), (58, 61), (75, 77), (73, 77)]


@dataclass(frozen=True)
class Node:
    label: str
    amount: Decimal
    children: tuple[Node, ...] = ()
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class Organization:
    name: str = "Alder Legal"
    slug: str = "alder"
    initials: str = "AL"


@dataclass(frozen=True)
class Membership:
    display_name: str = "Asha Rao"
    role_label: str = "Project manager"
    organization: Organization = field(default_factory=Organization)


@dataclass(frozen=True)
class Item:
    label: str
    url: str = "#"
    key: str = ""
    count: int | None = None
    current: bool = False


@dataclass(frozen=True)
class Group:
    title: str
    items: list[Item] = field(default_factory=list)


class SampleForm(forms.Form):
    reference = forms.CharField(label="Reference", help_text="As the client writes it, for example ACME-0003.")
    kind = forms.ChoiceField(label="Kind", choices=[("nda", "NDA review"), ("doc", "E-discovery review")])
    received = forms.DateField(label="Received", widget=forms.DateInput(attrs={"type": "date"}))
    quantity = forms.DecimalField(label="Quantity", min_value=0, required=False)
    note = forms.CharField(label="Note to the client", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    file = forms.FileField(label="File", required=False, help_text="CSV or XLSX, at most 100 MB.")
    decides = forms.ChoiceField(
        label="Which delivery decides", widget=forms.RadioSelect, choices=[("first", "The first"), ("last", "The last")]
    )
    urgent = forms.BooleanField(label="Rush, at the contract's rush rate", required=False)


def _tree() -> list[Node]:
    tiers = (
        Node("First 100,000 documents × 0.11", Decimal("11000.00"), note="tier 1, graduated"),
        Node(
            "Next 12,480 documents × 0.09",
            Decimal("1123.20"),
            (Node("Batch 118", Decimal("611.10"), url="#"), Node("Batch 119", Decimal("512.10"), url="#")),
        ),
    )
    credit = (Node("50 % × 40 % × 5,000.00 at risk", Decimal("-1000.00"), note="window closed 9 Nov, 11 of 12 met against 95 %"),)
    lines = (Node("First-pass review", Decimal("12123.20"), tiers), Node("Service credit, October", Decimal("-1000.00"), credit))
    return [Node("Net", Decimal("11123.20"), lines)]


def _forms() -> dict[str, forms.Form]:
    filled = {"reference": "VAN-0007", "kind": "nda", "received": date(2026, 11, 20), "decides": "first"}
    return {"form": SampleForm(initial=filled), "broken": SampleForm({"quantity": "-4", "received": "soon"}, prefix="broken")}


def _navigation(shell: str) -> dict[str, object]:
    if shell == "portal":
        names = ["Overview", "Matters", "Service levels", "Invoices", "Deliverables", "Value"]
        return {
            "nav": [Group("", [Item(name, current=index == 0) for index, name in enumerate(names)])],
            "client": Organization("Vantic Software"),
        }
    nav = [
        Group("", [Item("Today", key="t", count=23, current=True), Item("Inbox", key="i", count=4)]),
        Group(
            "Work", [Item("Engagements", key="e", count=14), Item("Matters", key="m"), Item("Quality", key="q", count=2), Item("People")]
        ),
        Group("Measure", [Item("Service levels", key="s"), Item("Simulator")]),
        Group("Bill", [Item("Billing runs", key="b"), Item("Invoices", count=6), Item("Receivables"), Item("Exports")]),
    ]
    return {"nav": nav, "membership": Membership(), "organizations": [Membership(organization=Organization("Birch Review", "birch", "BR"))]}


def _charts() -> dict[str, object]:
    points = [
        Point(month, Fraction(met, counted), counted, Fraction(met, counted) >= Fraction(95, 100), open=month == "Nov")
        for month, (met, counted) in zip(_MONTHS, _COUNTS, strict=True)
    ]
    errors = [Point("Sep", Fraction(3, 400), 400, True), Point("Oct", None, 0, None), Point("Nov", Fraction(1004, 100_000), 100_000, False)]
    ageing = [("Not due", 41200, "41,200.00"), ("1–30 days", 18350, "18,350.00"), ("31–60 days", 2500, "2,500.00"), ("Over 60", 0, "0.00")]
    return {
        "attainment": attainment_chart("NDA turnaround: share delivered within 24 hours", points, Fraction(95, 100)),
        "errors": attainment_chart("Clause errors in delivered work", errors, Fraction(1, 100), lower_is_better=True),
        "ageing": bar_chart("Open receivables by age", ageing, unit="USD"),
    }


def context(shell: str) -> dict[str, object]:
    """Everything the gallery page needs; `shell` is `staff` or `portal`."""
    now = datetime.now(UTC)
    return {
        "shell": "portal_base.html" if shell == "portal" else "base.html",
        "organization": Organization(),
        "commands": [{"label": "Go to Today", "url": "#today", "keys": "g t"}, {"label": "New engagement", "url": "#new", "keys": ""}],
        "kinds": [
            ("met", "Met, 6 h 12 min used"),
            ("risk", "At risk, 2 h left"),
            ("breach", "Breached by 3 h"),
            ("progressing", "6 h 24 min left"),
            ("paused", "On hold: client"),
            ("draft", "Not measured"),
        ],
        "crumbs": [("Vantic Software", "#"), ("VAN-E02 Commercial contracts", "#"), ("NDA review", "")],
        "tabs": [
            {"label": "Work", "url": "#", "current": True, "count": 23},
            {"label": "Quality", "url": "#"},
            {"label": "Money", "url": "#"},
        ],
        "chips": [
            {"label": "All open", "url": "#", "current": True},
            {"label": "Unassigned", "url": "#", "count": 6},
            {"label": "Mine", "url": "#", "count": 4},
        ],
        "rows": _rows(now),
        "tree": _tree(),
        "soon": now + timedelta(hours=2),
        "used": {"low": Fraction(2, 5), "high": Fraction(4, 5), "over": Fraction(103, 100)},
        "amounts": {"plain": Decimal("2960"), "negative": Decimal("-1000"), "none": None},
        **_forms(),
        **_charts(),
        **_navigation(shell),
    }


def _rows(now: datetime) -> list[dict[str, object]]:
    names = [
        "Mutual NDA, Orrin Systems",
        "Question on privilege log format",
        "Review batch 119 · 500 documents",
        "Demand letter, claim 2026-118",
    ]
    clients = ["Vantic Software", "Hale & Marsh LLP", "Hale & Marsh LLP", "Meridian PIP Group"]
    levels = ["NDA turnaround 24 h", "Enquiry, 2 business h", "Batch, 16 business h", "Drafting, 24 business h"]
    states = [
        ("breach", "Breached by 42 min", 103),
        ("risk", "24 min left", 80),
        ("progressing", "6 h 24 min left", 60),
        ("paused", "On hold: client, 1 d 3 h", 49),
    ]
    people = ["Rosa Okafor", "", "Ben Cole", "Mira Lindqvist"]
    actions = ["Deliver", "Acknowledge", "Check", "Chase"]
    return [
        {
            "reference": f"VAN-22{index}0",
            "title": names[index],
            "client": clients[index],
            "level": levels[index],
            "kind": states[index][0],
            "text": states[index][1],
            "used": Fraction(states[index][2], 100),
            "due": now + timedelta(hours=index * 3 - 1),
            "owner": people[index],
            "action": actions[index],
        }
        for index in range(4)
    ]
