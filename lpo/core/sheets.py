"""Excel workbooks written as a stream: half a million rows are never in memory, and the same rows give the same bytes.

SpreadsheetML by hand, for a library builds the whole file before its first byte. Cells are typed: numbers stay numbers, instants and days
are dates (instants in UTC, as their heading should say), and a text is always an inline string, which no program runs as a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from html import escape
from typing import IO, cast

from lpo.core.exports import Cell, plain

MOST_ROWS = 1_048_576  # of a sheet, its heading included
_EPOCH, _ENTRY_TIME = date(1899, 12, 30).toordinal(), (2000, 1, 1, 0, 0, 0)
_HEAD, _INSTANT, _DAY = 1, 2, 3
# What XML cannot carry, not even as a reference.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OFTEN = 2_000
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True)
class Sheet:
    """A sheet to be written: its rows are read once, when it is their turn. More than fit go on to “title 2” and so on."""

    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[Cell]]


class _Out:
    """What the archive writes to: it is asked for what has come together, and never goes back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


def workbook(sheets: Iterable[Sheet]) -> Iterator[bytes]:
    """The workbook in pieces. Raises `ValueError` when a row is not as wide as its heading."""
    out, names = _Out(), list[str]()
    with zipfile.ZipFile(cast("IO[bytes]", out), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for sheet in sheets:
            yield from _pages(archive, out, sheet, names)
        for name, content in _parts(names):
            archive.writestr(_entry(name), content)
    yield out.taken()


def whole(sheets: Iterable[Sheet]) -> bytes:
    return b"".join(workbook(sheets))


def _pages(archive: zipfile.ZipFile, out: _Out, sheet: Sheet, names: list[str]) -> Iterator[bytes]:
    rows, page, more = iter(sheet.rows), 0, True
    while more:
        page += 1
        names.append(_title(sheet.title, page))
        with archive.open(_entry(f"xl/worksheets/sheet{len(names)}.xml"), "w") as entry:
            entry.write(_opening(sheet.header))
            more = False
            buffer: list[str] = []
            for number, row in enumerate(rows, 2):
                if len(row) != len(sheet.header):
                    raise ValueError(f"a row of {len(row)} cells under a header of {len(sheet.header)}")
                buffer.append(f"<row>{''.join(map(_cell, row))}</row>")
                if len(buffer) == _OFTEN:
                    entry.write("".join(buffer).encode())
                    buffer = []
                    yield out.taken()
                if number == MOST_ROWS:
                    more = True
                    break
            entry.write("".join([*buffer, "</sheetData></worksheet>"]).encode())
        yield out.taken()


def _opening(header: Sequence[str]) -> bytes:
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{min(40, max(12, len(name) + 4))}" customWidth="1"/>' for at, name in enumerate(header, 1)
    )
    heads = "".join(f'<c s="{_HEAD}" t="inlineStr"><is><t xml:space="preserve">{_text(name)}</t></is></c>' for name in header)
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/>'
        f"</sheetView></sheetViews><cols>{widths}</cols><sheetData><row>{heads}</row>"
    ).encode()


def _text(value: str) -> str:
    return escape(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", value[:32_767]), quote=False)


def _cell(value: Cell) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'
    if isinstance(value, datetime):
        return f'<c s="{_INSTANT}"><v>{_serial(value)}</v></c>'
    if isinstance(value, date):
        return f'<c s="{_DAY}"><v>{value.toordinal() - _EPOCH}</v></c>'
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"not a finite number: {value}")
    return f"<c><v>{plain(value) if isinstance(value, Decimal) else value}</v></c>"


def _serial(value: datetime) -> str:
    """Days since Excel's own beginning, to the second."""
    if value.tzinfo is None:
        raise ValueError("an instant without a zone has no place in an export")
    at = value.astimezone(UTC)
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    return f"{at.toordinal() - _EPOCH + seconds / 86_400:.10f}"


def _title(title: str, page: int) -> str:
    own = re.sub(r"[\[\]:*?/\\]", " ", title)
    return own[:31] if page == 1 else f"{own[:27]} {page}"


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed instant, or no two files of the same rows would be alike.
    entry = zipfile.ZipInfo(name, _ENTRY_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _parts(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    numbers = range(1, len(names) + 1)
    of = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{of}.worksheet+xml"/>' for n in numbers)
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{of}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{of}.styles+xml"/>{overrides}</Types>',
    )
    yield (
        "_rels/.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
    )
    sheets = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, names, strict=True))
    yield "xl/workbook.xml", f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
    related = "".join(f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers)
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{related}<Relationship Id="rId{len(names) + 1}" Type="{_OFFICE}/styles"'
        ' Target="styles.xml"/></Relationships>',
    )
    yield "xl/styles.xml", _STYLES
