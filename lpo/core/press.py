"""WeasyPrint under the house's terms: packaged assets only, one rendering at a time, the same bytes again.

A module of its own because importing WeasyPrint takes half of a process's start, and most processes never print.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from threading import Lock

from weasyprint import CSS, HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from lpo.core.paper import STATIC, Enclosure

# A name that resolves nowhere (RFC 6761): addresses under it are served from the package, all others are refused.
BASE = "https://assets.invalid/"
_SERVED = {
    "css/invoice.css": "text/css",
    "css/report.css": "text/css",
    "fonts/Inter-Regular.ttf": "font/ttf",
    "fonts/Inter-SemiBold.ttf": "font/ttf",
}
# Pango's font map is shared by all renderings of a process and is not safe to use from two threads.
_LOCK = Lock()


class PackagedAssets(URLFetcher):  # type: ignore[misc]
    """Serves the stylesheets and fonts shipped with the product, and the document's own drawings; any other address ends the rendering."""

    def __init__(self, drawings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._drawings = drawings or {}

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        name = url.removeprefix(BASE)
        if url.startswith(BASE) and name in self._drawings:
            return URLFetcherResponse(url, self._drawings[name].encode(), {"Content-Type": "image/svg+xml"})
        if not url.startswith(BASE) or name not in _SERVED:
            raise FatalURLFetchingError(f"a document loads nothing but its own assets: {url}")
        return URLFetcherResponse(url, (STATIC / name).read_bytes(), {"Content-Type": _SERVED[name]})


class _Fonts(FontConfiguration):  # type: ignore[misc]
    """A font configuration whose unpacked fonts outlive a forked child: only the process that unpacked them removes them."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        super().__init__()

    def __del__(self) -> None:
        if self._owner == os.getpid():
            super().__del__()


@cache
def _style(process: int, name: str) -> tuple[CSS, _Fonts]:
    """Stylesheet and fonts, unpacked once in each process."""
    fonts = _Fonts()
    return CSS(url=f"{BASE}css/{name}", url_fetcher=PackagedAssets(), font_config=fonts), fonts


def _attached(enclosure: Enclosure) -> Attachment:
    return Attachment(
        file_obj=BytesIO(enclosure.content),
        name=enclosure.name,
        description=enclosure.description,
        created=enclosure.at,
        modified=enclosure.at,
        relationship="Supplement",
        url_fetcher=PackagedAssets(),
    )


def press(html: str, *, stylesheet: str, identifier: bytes, enclosed: Sequence[Enclosure], drawings: Mapping[str, str] | None) -> bytes:
    """As `lpo.core.paper.printed`."""
    with _LOCK, warnings.catch_warnings():
        # WeasyPrint leaves the colour profile it reads to the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        css, fonts = _style(os.getpid(), stylesheet)
        page = HTML(string=html, base_url=BASE, url_fetcher=PackagedAssets(drawings))
        rendered: bytes = page.write_pdf(
            font_config=fonts,
            stylesheets=[css],
            attachments=[_attached(enclosure) for enclosure in enclosed],
            pdf_variant="pdf/a-3a",
            pdf_tags=True,
            pdf_identifier=identifier,
        )
    return rendered
