"""The invoice as a PDF/A-3a: rendered from the frozen snapshot and packaged assets only, the same input giving the same bytes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from django.template import Context, Engine
from fontTools.ttLib import TTFont
from weasyprint import CSS, HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from billing.pdf_view import view
from billing.snapshot import Invoice

_ROOT = Path(__file__).resolve().parent.parent
_STATIC = _ROOT / "static"
# A name that resolves nowhere (RFC 6761): addresses under it are served from the package, all others are refused.
_BASE = "https://assets.invalid/"
_SERVED = {
    "css/invoice.css": "text/css",
    "fonts/Inter-Regular.ttf": "font/ttf",
    "fonts/Inter-SemiBold.ttf": "font/ttf",
}
# Pango's font map is shared by all renderings of a process and is not safe to use from two threads.
_LOCK = Lock()


class PackagedAssets(URLFetcher):  # type: ignore[misc]
    """Serves the stylesheet and fonts shipped with the product; any other address ends the rendering."""

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        name = url.removeprefix(_BASE)
        if not url.startswith(_BASE) or name not in _SERVED:
            raise FatalURLFetchingError(f"an invoice loads nothing but its own assets: {url}")
        return URLFetcherResponse(url, (_STATIC / name).read_bytes(), {"Content-Type": _SERVED[name]})


class _Fonts(FontConfiguration):  # type: ignore[misc]
    """A font configuration whose unpacked fonts outlive a forked child: only the process that unpacked them removes them."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        super().__init__()

    def __del__(self) -> None:
        if self._owner == os.getpid():
            super().__del__()


@cache
def _style(process: int) -> tuple[CSS, _Fonts]:
    """Stylesheet and fonts, unpacked once in each process."""
    fonts = _Fonts()
    return CSS(url=f"{_BASE}css/invoice.css", url_fetcher=PackagedAssets(), font_config=fonts), fonts


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(_ROOT / "templates")], autoescape=True)


@cache
def _glyphs() -> frozenset[int]:
    with TTFont(_STATIC / "fonts/Inter-Regular.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


def missing_glyphs(invoice: Invoice) -> str:
    """Characters the shipped font cannot print, in order of code point: to be found before issue, as an archive refuses empty boxes."""
    return "".join(sorted({letter for letter in invoice.to_json().decode() if ord(letter) not in _glyphs()}))


def invoice_html(invoice: Invoice, *, draft: bool = False) -> str:
    """The page that is laid out; every value in it is text made from the snapshot."""
    return _engine().get_template("billing/invoice_pdf.html").render(Context(view(invoice, draft=draft), use_l10n=False, use_tz=False))


def render_invoice(invoice: Invoice, *, files: Mapping[str, bytes] | None = None, draft: bool = False) -> bytes:
    """`invoice` as PDF/A-3a bytes, with its attachments inside.

    `files` holds the bytes of every attachment the snapshot names, by file name; a missing, unnamed or altered one raises
    `ValueError`. `draft` marks every page. The bytes depend on the arguments and the packaged assets only, on no clock.
    """
    files = files or {}
    _check_files(invoice, files)
    with _LOCK, warnings.catch_warnings():
        # WeasyPrint leaves the colour profile it reads to the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        css, fonts = _style(os.getpid())
        html = HTML(string=invoice_html(invoice, draft=draft), base_url=_BASE, url_fetcher=PackagedAssets())
        rendered: bytes = html.write_pdf(
            font_config=fonts,
            stylesheets=[css],
            attachments=[_attachment(invoice, name, files[name]) for name in sorted(files)],
            **_options(invoice, files, draft),
        )
    return rendered


def _options(invoice: Invoice, files: Mapping[str, bytes], draft: bool) -> dict[str, Any]:
    digest = sha256(invoice.to_json())
    for name in sorted(files):
        digest.update(sha256(files[name]).digest())
    digest.update(b"draft" if draft else b"final")
    return {"pdf_variant": "pdf/a-3a", "pdf_tags": True, "pdf_identifier": digest.hexdigest()[:32].encode()}


def _check_files(invoice: Invoice, files: Mapping[str, bytes]) -> None:
    named = {attachment.filename: attachment.sha256 for attachment in invoice.attachments}
    if set(named) != set(files):
        raise ValueError(f"attachments differ from the snapshot's: {sorted(set(named) ^ set(files))}")
    for name, data in files.items():
        if sha256(data).hexdigest() != named[name]:
            raise ValueError(f"{name} is not the file the snapshot was frozen with")


def _attachment(invoice: Invoice, name: str, data: bytes) -> Attachment:
    described = next(attachment for attachment in invoice.attachments if attachment.filename == name)
    return Attachment(
        file_obj=BytesIO(data),
        name=name,
        description=described.description,
        created=invoice.issued_at_utc,
        modified=invoice.issued_at_utc,
        relationship="Supplement",
        url_fetcher=PackagedAssets(),
    )
