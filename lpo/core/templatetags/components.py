"""Page components as template tags, one template each in `templates/components/`.

`/gallery/` shows each in every state; docs/components.md lists them.

A tag with a body (`{% panel "Title" %}…{% endpanel %}`) takes its content as HTML; every other argument is text and is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Protocol, get_args

from django import template
from django.forms import (
    BaseForm,
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    ClearableFileInput,
    FileInput,
    HiddenInput,
    RadioSelect,
)
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from lpo.core.charts import AttainmentChart, BarChart
from lpo.core.templatetags import formats

register = template.Library()

Kind = Literal["met", "risk", "breach", "progressing", "paused", "draft"]
KINDS: tuple[str, ...] = get_args(Kind)
# A group shows its worst child; this is the order of worst.
_SEVERITY: dict[str, int] = {"breach": 5, "risk": 4, "paused": 3, "progressing": 2, "draft": 1, "met": 0}
_THEMES = frozenset({"light", "dark"})


class Explained(Protocol):
    """A node of an explanation tree: children's amounts sum to its own."""

    label: str
    amount: str | Decimal
    children: Sequence[Explained]


def _check(kind: str) -> str:
    if kind and kind not in KINDS:
        raise ValueError(f"{kind!r} is not a status kind. Use one of {', '.join(KINDS)}.")
    return kind


def worst(kinds: Iterable[str]) -> str:
    """The kind a group of statuses shows; `draft` (not measured) for an empty group."""
    return max(kinds, key=lambda kind: _SEVERITY[kind], default="draft")


def _render(name: str, **context: object) -> SafeString:
    return mark_safe(render_to_string(f"components/{name}.html", context))  # noqa: S308 - our own autoescaped templates


# --- page furniture ----------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def theme_attribute(context: template.Context) -> str:
    """`data-theme="dark"` on the root element, from the `theme` cookie: the server decides, so nothing flashes."""
    request = context.get("request")
    theme = request.COOKIES.get("theme", "") if request else ""
    return format_html(' data-theme="{}"', theme) if theme in _THEMES else ""


@register.simple_tag(takes_context=True)
def csrf_header(context: template.Context) -> str:
    """The body attribute by which every htmx request below carries the CSRF token."""
    value = context.get("csrf_token")
    # Django's placeholder where no request was given.
    if not value or value == "NOTPROVIDED":
        return ""
    return format_html(' hx-headers:inherited="{}"', json.dumps({"X-CSRFToken": str(value)}))


@register.simple_block_tag
def capture(content: str) -> str:
    """`{% capture as tools %}…{% endcapture %}`: HTML to hand to another component's argument."""
    return content


@register.inclusion_tag("components/crumbs.html")
def crumbs(items: Sequence[tuple[str, str]]) -> dict[str, object]:
    return {"items": items}


@register.simple_block_tag
def page_header(content: str, title: str, sub: str = "", crumbs: Sequence[tuple[str, str]] = (), state: str = "") -> str:
    """Title, breadcrumb and state of a page; the body holds its actions."""
    return _render("page_header", title=title, sub=sub, crumbs=crumbs, state=state, content=mark_safe(content.strip()))  # noqa: S308 - already rendered


# --- status ------------------------------------------------------------------------------------------------------


@register.inclusion_tag("components/icon.html")
def icon(name: str) -> dict[str, object]:
    return {"name": name}


@register.inclusion_tag("components/status.html")
def status(kind: str, text: str) -> dict[str, object]:
    """Shape, text and colour together: `{% status "risk" "24 min left" %}`."""
    return {"kind": _check(kind), "text": text}


@register.inclusion_tag("components/badge.html")
def badge(text: str, kind: str = "") -> dict[str, object]:
    return {"text": text, "kind": _check(kind)}


@register.inclusion_tag("components/used_bar.html")
def used_bar(share: Fraction | Decimal | int | None, kind: str = "progressing", label: str = "") -> dict[str, object]:
    """How much of a clock's time is used, as a share (1 and above fill the bar)."""
    exact = Fraction(share) if share is not None else Fraction(0)
    percent = int(exact * 100)
    width = min(88, max(0, int(exact * 88)))
    return {"kind": _check(kind), "width": width, "label": label or f"{percent} % of the time used"}


@register.inclusion_tag("components/avatar.html")
def avatar(name: str, large: bool = False, with_name: bool = False) -> dict[str, object]:
    return {"name": name, "initials": formats.initials(name), "large": large, "with_name": with_name}


@register.inclusion_tag("components/amount.html")
def amount(value: Decimal | int | None, currency: str = "") -> dict[str, object]:
    """An amount with its currency: `2,960.00 USD`."""
    return {"text": formats.money(value, currency), "currency": currency if value is not None else ""}


@register.inclusion_tag("components/when.html")
def when(value: datetime | None, zone: str = "") -> dict[str, object]:
    """A `<time>` in the viewer's zone, or in the given one, with its abbreviation."""
    return {"value": value, "text": formats.instant(value, zone)}


# --- actions -----------------------------------------------------------------------------------------------------


@register.inclusion_tag("components/button.html")
def button(
    text: str, kind: str = "", name: str = "", value: str = "", type: str = "submit", form: str = "", keys: str = "", disabled: bool = False
) -> dict[str, object]:
    """Kinds: `primary`, `danger`, `quiet`, `small`, combined with spaces."""
    return {"text": text, "kind": kind, "name": name, "value": value, "type": type, "form": form, "keys": keys, "disabled": disabled}


@register.inclusion_tag("components/link_button.html")
def link_button(text: str, url: str, kind: str = "", keys: str = "", download: bool = False) -> dict[str, object]:
    return {"text": text, "url": url, "kind": kind, "keys": keys, "download": download}


@register.simple_block_tag(takes_context=True)
def post_button(context: template.Context, content: str, text: str, url: str, kind: str = "") -> str:
    """A form of one button; the body may hold hidden inputs."""
    return _render("post_button", content=content, text=text, url=url, kind=kind, csrf_token=context.get("csrf_token", ""))


@register.simple_block_tag
def menu(content: str, label: str, kind: str = "", align: str = "") -> str:
    """A disclosure of links and buttons that works without script."""
    return _render("menu", content=content, label=label, kind=kind, align=align)


@register.inclusion_tag("components/copy.html")
def copy(text: str, label: str = "Copy") -> dict[str, object]:
    return {"text": text, "label": label}


@register.simple_block_tag
def bulk_bar(content: str, total: int | None = None, noun: str = "items") -> str:
    """Actions on the rows ticked above it. `total` offers "select all N matching" beyond this page."""
    return _render("bulk_bar", content=content, total=total, noun=noun)


@register.simple_block_tag(takes_context=True)
def confirm(
    context: template.Context,
    content: str,
    title: str,
    word: str,
    action: str,
    url: str,
    cancel_url: str,
    error: str = "",
    version: str = "",
) -> str:
    """A page's whole confirmation of what cannot be undone: the person types `word`; the field is `confirmation`."""
    token = context.get("csrf_token", "")
    return _render(
        "confirm",
        content=content,
        title=title,
        word=word,
        action=action,
        url=url,
        cancel_url=cancel_url,
        error=error,
        version=version,
        csrf_token=token,
    )


# --- forms -------------------------------------------------------------------------------------------------------


def _shape(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, CheckboxInput):
        return "check"
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "choices"
    return "file" if isinstance(widget, FileInput | ClearableFileInput) else "plain"


def _mark(bound: BoundField) -> str:
    """What sets this field apart from most of its form: the optional ones where most are required, else the required ones. A form
    that requires nothing, such as a search, says nothing."""
    asked = [each.field.required for each in bound.form.visible_fields() if _shape(each) in {"plain", "file"}]
    if sum(asked) * 2 >= len(asked):
        return "" if bound.field.required else "optional"
    return "required" if bound.field.required else ""


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", help: str = "", prefix: str = "") -> dict[str, object]:
    """Label, help, control and error of one bound form field, wired together for assistive technology."""
    identifier, shape = bound.auto_id or bound.html_name, _shape(bound)
    hint = help or bound.help_text
    described = [f"{identifier}_helptext"] * bool(hint) + [f"{identifier}_error"] * bool(bound.errors)
    attributes: dict[str, Any] = {"id": identifier}
    if described and shape != "choices":
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors and shape != "choices":
        attributes["aria-invalid"] = "true"
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attributes),
        "id": identifier,
        "shape": shape,
        "label": label or bound.label,
        "help": hint,
        "prefix": prefix,
        "errors": list(bound.errors),
        "described": " ".join(described),
        "mark": _mark(bound) if shape in {"plain", "file"} else "",
        "hidden": isinstance(bound.field.widget, HiddenInput),
    }


@register.inclusion_tag("components/fields.html")
def fields(form: BaseForm) -> dict[str, object]:
    """Every field of a form in order, hidden ones included."""
    return {"form": form, "visible": form.visible_fields(), "hidden": form.hidden_fields()}


@register.inclusion_tag("components/error_summary.html")
def error_summary(form: BaseForm, title: str = "There is a problem") -> dict[str, object]:
    """The list of a form's errors, each linked to its field; it takes the focus when the page opens."""
    found = [
        (form[name].auto_id, f"{form[name].label}: {message}") if name in form.fields else ("", message)
        for name, messages in form.errors.items()
        for message in messages
    ]
    return {"title": title, "errors": found}


@register.inclusion_tag("components/search_box.html")
def search_box(
    name: str = "q", value: str = "", label: str = "Search", url: str = "", kept: Mapping[str, str] | None = None
) -> dict[str, object]:
    """A GET form; `/` focuses it. `kept` carries the other filters along."""
    return {"name": name, "value": value, "label": label, "url": url, "kept": dict(kept or {})}


# --- content -----------------------------------------------------------------------------------------------------


@register.simple_block_tag
def facts(content: str) -> str:
    return _render("facts", content=content)


@register.inclusion_tag("components/fact.html")
def fact(label: str, value: object, note: str = "", url: str = "", kind: str = "") -> dict[str, object]:
    """One figure: what it is, how much, and what it means. With a url the whole box opens the rows behind it."""
    return {"label": label, "value": value, "note": note, "url": url, "kind": _check(kind)}


@register.simple_block_tag
def panel(content: str, title: str = "", note: str = "", tools: str = "", flush: bool = False, id: str = "", footer: str = "") -> str:
    """A titled box. `flush` for a table that runs to its edges; `tools` is captured HTML at the right of its title."""
    return _render("panel", content=content, title=title, note=note, tools=tools, flush=flush, id=id, footer=footer)


@register.simple_block_tag
def notice(content: str, kind: str = "info", actions: str = "", live: bool = False) -> str:
    """A banner inside the page, of a status kind or `info`. `live` announces it, for the outcome of what was just done."""
    return _render("notice", content=content, kind=kind if kind == "info" else _check(kind), actions=actions, live=live)


@register.simple_block_tag
def table(content: str, label: str, kind: str = "", caption: str = "") -> str:
    """A list inside a focusable region that scrolls sideways. Kinds: `cards` (stacked rows on a phone), `compact`."""
    return _render("table", content=content, label=label, kind=kind, caption=caption)


@register.inclusion_tag("components/empty.html")
def empty(title: str, why: str = "", action: str = "", url: str = "", variant: str = "empty") -> dict[str, object]:
    """Why there is nothing and one thing to do. Variants: `empty` (nothing yet), `no_match` (filters), `denied` (no permission)."""
    if variant not in {"empty", "no_match", "denied"}:
        raise ValueError(f"{variant!r} is not a variant of the empty state.")
    return {"title": title, "why": why, "action": action, "url": url, "variant": variant}


@register.inclusion_tag("components/pagination.html")
def pagination(summary: str = "", previous_url: str = "", next_url: str = "") -> dict[str, object]:
    """Keyset pages have a previous and a next, never a number."""
    return {"summary": summary, "previous_url": previous_url, "next_url": next_url}


@register.inclusion_tag("components/tabs.html")
def tabs(items: Sequence[Mapping[str, object]], label: str = "Sections") -> dict[str, object]:
    """Items: {label, url, current, count}; `count` may be left out."""
    return {"items": _links(items), "label": label}


@register.inclusion_tag("components/chips.html")
def chips(items: Sequence[Mapping[str, object]], label: str = "Filter") -> dict[str, object]:
    """Items as for `tabs`; a chip is a filter whose state is in the address."""
    return {"items": _links(items), "label": label}


def _links(items: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{"label": i["label"], "url": i["url"], "current": i.get("current", False), "count": i.get("count")} for i in items]


@register.inclusion_tag("components/steps.html")
def steps(current: int, names: str) -> dict[str, object]:
    """`{% steps 2 "Upload|Preview|Confirm" %}`."""
    return {"steps": [(number, name, number < current, number == current) for number, name in enumerate(names.split("|"), 1)]}


@register.simple_block_tag
def timeline(content: str, label: str = "Timeline") -> str:
    return _render("timeline", content=content, label=label)


@register.simple_block_tag
def event(content: str, at: datetime | None = None, text: str = "", by: str = "") -> str:
    """One entry of a timeline: when (an instant, or a text such as `14:31`), what, by whom."""
    return _render("event", content=content, at=at, text=text or formats.instant(at), by=by)


@register.simple_block_tag
def kv(content: str) -> str:
    return format_html('<dl class="kv">{}</dl>', content)


@register.simple_block_tag
def pair(content: str, label: str) -> str:
    return format_html("<dt>{}</dt><dd>{}</dd>", label, mark_safe(content.strip()))  # noqa: S308 - already rendered by the template engine


@register.inclusion_tag("components/progress.html")
def progress(
    done: int, total: int | None, label: str, url: str = "", finished: bool = False, message: str = "", cancel: str = ""
) -> dict[str, object]:
    """Background work: "312 of 500". With a url it asks again every two seconds until the answer is `finished`."""
    counted = f"{done:,} of {total:,}" if total is not None else "starting"
    return {
        "done": done,
        "total": total,
        "label": label,
        "url": url,
        "finished": finished,
        "message": message,
        "counted": counted,
        "cancel": cancel,
    }


@register.inclusion_tag("components/explanation.html")
def explanation(nodes: Sequence[Explained] | Explained, currency: str = "", open: bool = True) -> dict[str, object]:
    """How a figure came about. A node has `label`, `amount` (Decimal or text) and `children`; `note` and `url` may be added."""
    roots = nodes if isinstance(nodes, list | tuple) else [nodes]
    return {"nodes": [_node(node, currency, 0) for node in roots], "open": open, "level": 0}


def _node(node: Any, currency: str, level: int) -> dict[str, object]:
    def get(name: str, default: object) -> Any:
        return node.get(name, default) if isinstance(node, Mapping) else getattr(node, name, default)

    raw = get("amount", None)
    text = formats.money(raw, currency) if isinstance(raw, Decimal) else str(raw if raw is not None else "")
    children = [_node(child, currency, level + 1) for child in get("children", ())]
    return {
        "label": get("label", ""),
        "text": text,
        "note": get("note", "") or "",
        "url": get("url", "") or "",
        "children": children,
        "open": level < 1,
    }


@register.inclusion_tag("components/chart.html")
def chart(chart: AttainmentChart, csv_url: str = "", table: bool = True) -> dict[str, object]:
    """Attainment as stems from the target, with the same figures as a table."""
    return {"chart": chart, "csv_url": csv_url, "table": table}


@register.inclusion_tag("components/bars.html")
def bars(chart: BarChart, csv_url: str = "") -> dict[str, object]:
    return {"chart": chart, "csv_url": csv_url}


@register.simple_tag
def hidden_inputs(values: Mapping[str, object]) -> SafeString:
    """A hidden input for each value, for forms that carry filters along."""
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', values.items())
