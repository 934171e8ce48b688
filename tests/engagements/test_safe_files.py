"""Files are what their names say and nothing besides, or they are refused with a reason."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from engagements.safe_files import Unsafe, check_file

PDF = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 64


def packed(entries: dict[str, bytes]) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return found.getvalue()


def docx(**more: bytes) -> bytes:
    return packed({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", **more})


def locked() -> bytes:
    """The flag of encryption set in the archive's directory."""
    content = bytearray(packed({"secret.txt": b"words"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


GOOD: dict[str, bytes] = {
    "NDA.pdf": PDF,
    "Réponse, Müller & Söhne.docx": docx(),
    "figures.xlsx": packed({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>"}),
    "old.doc": OLE,
    "mail.eml": b"From: dana@vantic.example\n\nWe agree.",
    "wide.txt": "Ça va".encode("utf-16"),
    "scan.png": PNG,
    "scan.tif": b"II*\0" + b"\0" * 20,
    "set.zip": packed({"a.pdf": PDF, "folder/b.txt": b"words"}),
    "initials.csv": b"MZ Wallace,Boston\n",
    "mail.msg": OLE + packed({"attached.txt": b"words"}),
    "memo.rtf": b"{\\rtf1 words}",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_is_what_it_says_is_kept(name: str) -> None:
    check_file(name, GOOD[name])


BAD: list[tuple[str, Callable[[], bytes], str]] = [
    ("NDA.pdf", lambda: b"", "empty"),
    ("NDA.pdf", lambda: b"MZ\x90\0", "a Windows program"),
    ("NDA.pdf", lambda: b"\x7fELF\x02", "a Linux program"),
    ("NDA.txt", lambda: b"MZ\x90\0", "no TXT file"),
    ("NDA.txt", lambda: b"#!/bin/sh\nrm -rf /", "a script"),
    ("NDA.pdf", docx, "no PDF file"),
    ("NDA.docx", lambda: PDF, "no DOCX file"),
    ("NDA.docx", lambda: packed({"a.txt": b"x"}), "no DOCX file"),
    ("NDA.xlsx", docx, "no XLSX file"),
    ("scan.png", lambda: PDF, "no PNG file"),
    ("NDA.txt", lambda: PDF, "no TXT file"),
    ("NDA.txt", lambda: b"words\0words", "no TXT file"),
    ("NDA.pdf", lambda: PDF[:20], "cut off"),
    ("NDA.pdf", lambda: b"%PDF-1.7\n%%EOF\n" + packed({"evil.exe": b"MZ"}), "cut off|second file"),
    ("NDA.pdf", lambda: PDF[:9] + packed({"a.txt": b"x"}) + b"%%EOF", "second file"),
    ("scan.png", lambda: PNG + packed({"a.txt": b"x"}), "archive behind the document"),
    ("scan.gif", lambda: b"GIF89a<script>alert(1)</script>", "script a browser would run"),
    ("page.txt", lambda: b"\xef\xbb\xbf <!DOCTYPE html><script>", "page that a browser would run"),
    ("drawing.xml", lambda: b"<svg onload=alert(1)>", "page that a browser would run"),
    ("NDA.docx", lambda: docx(**{"word/vbaProject.bin": b"x"}), "macros"),
    ("old.doc", lambda: OLE + "_VBA_PROJECT".encode("utf-16-le"), "macros"),
    ("set.zip", lambda: packed({"zeros.txt": b"\0" * 40_000_000}), "unpacks to 38 MB"),
    ("set.zip", lambda: packed({"../../etc/cron.d/evil.txt": b"x"}), "written elsewhere"),
    ("set.zip", lambda: packed({"/etc/passwd": b"x"}), "written elsewhere"),
    ("set.zip", lambda: packed({"inner.zip": packed({"a.txt": b"x"})}), "is no document"),
    ("set.zip", lambda: packed({"run.js": b"x"}), "is no document"),
    ("set.zip", locked, "locked with a password"),
    ("set.zip", lambda: b"PK\x03\x04 broken", "damaged"),
    ("set.zip", lambda: packed({}) or b"", "no ZIP file"),
    ("page.html", lambda: b"<p>words</p>", "“.html” is not kept"),
    ("program.exe", lambda: b"MZ", "“.exe” is not kept"),
    ("nameless", lambda: b"words", "without a type"),
    ("../../etc/passwd.txt", lambda: b"words", "a path"),
    ("..\\evil.txt", lambda: b"words", "a path"),
    ("C:evil.txt", lambda: b"words", "a path"),
    ("a\nSet-Cookie: x.txt", lambda: b"words", "control characters"),
    ("invoice\u202efdp.txt", lambda: b"words", "reading direction"),
    ("CON.txt", lambda: b"words", "for devices"),
    (" . ", lambda: b"words", "needs a name"),
    ("x" * 201 + ".txt", lambda: b"words", "at most 200"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_anything_else_is_refused_with_a_reason(name: str, content: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Unsafe, match=reason):
        check_file(name, content())
