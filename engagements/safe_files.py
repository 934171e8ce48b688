"""Whether a file is what its name says, and nothing besides: refused with a reason before anything is kept. Pure.

What is kept is never opened or shown by the house, only handed out again as a download. So this guards whoever opens it: a program
under a document's name, two files in one, an archive that unpacks to fill a disk, macros.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import PurePosixPath

# What an archive may unpack to, and how much smaller it may be than that.
MOST_UNPACKED = 1024 * 1024 * 1024
MOST_RATIO = 200
MOST_ENTRIES = 10_000
_RATIO_COUNTS_FROM = 10 * 1024 * 1024
_HEAD = 4096
_ZIP, _ZIP_END, _OLE = b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# First bytes that no document has, and what they are.
_FOREIGN: list[tuple[bytes, str]] = [
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xfe\xed\xfa", "a macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"#!", "a script"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
]
# Beginnings of text that a browser or an interpreter would run.
_ACTIVE = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?php", b"<hta:", b"<body", b"<iframe")
_PICTURES = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}
_TEXT = {"txt", "csv", "md", "eml", "log", "xml", "json", "dat", "opt", "vtt", "srt"}
_OFFICE = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
_OLD_OFFICE = {"doc", "xls", "ppt", "msg"}
_OPEN = {"odt", "ods", "odp"}
KNOWN = sorted({"pdf", "rtf", "zip", "tif", "tiff", *_PICTURES, *_TEXT, *_OFFICE, *_OLD_OFFICE, *_OPEN})
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# Turn the reading direction around, so that "exe.pdf" can be read where "fdp.exe" is written.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


class Unsafe(ValueError):
    """The file is not kept; the message says why."""


def check_file(name: str, content: bytes) -> None:
    """Raise `Unsafe` unless `content` is one whole file of the kind that `name` ends in."""
    check_name(name)
    if not content:
        raise Unsafe("The file is empty.")
    kind = PurePosixPath(name).suffix.lower().lstrip(".")
    if kind not in KNOWN:
        said = f"A file of the type “.{kind[:20]}”" if kind else "A file without a type in its name"
        raise Unsafe(f"{said} is not kept here. These are: {', '.join(KNOWN)}.")
    for magic, what in _FOREIGN:
        # A list may begin with somebody's initials; a program among texts gives itself away by its NULs.
        if content.startswith(magic) and not (magic == b"MZ" and kind in _TEXT):
            raise Unsafe(f"This is {what}, whatever its name says.")
    _check_of(kind)(kind, content)


def check_name(name: str) -> None:
    """Raise `Unsafe` for a name that climbs folders, hides what it ends in, or is no file's name."""
    if not name.strip(" .") or len(name) > 200:
        raise Unsafe("The file needs a name of at most 200 characters.")
    if "/" in name or "\\" in name or name in {".", ".."} or (len(name) > 1 and name[1] == ":"):
        raise Unsafe("The file's name is a path. Give it a plain name.")
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise Unsafe("The file's name has control characters.")
    if _TURNING & set(name):
        raise Unsafe("The file's name has characters that turn the reading direction and can hide what it ends in.")
    if name.partition(".")[0].strip().lower() in _RESERVED:
        raise Unsafe("The file's name is one that Windows keeps for devices.")


def _check_of(kind: str) -> Callable[[str, bytes], None]:
    if kind == "pdf":
        return _pdf
    if kind in _OFFICE or kind in _OPEN or kind == "zip":
        return _archive
    if kind in _OLD_OFFICE:
        return _ole
    if kind in _TEXT:
        return _text
    return _rtf if kind == "rtf" else _picture


def _not_a(kind: str) -> Unsafe:
    return Unsafe(f"This is no {kind.upper()} file: its content does not begin as one does.")


def _alone(content: bytes) -> None:
    """Two files in one: an archive hung on behind, or what a browser would run in front."""
    tail = content[-(65_536 + 22) :]
    at = tail.rfind(_ZIP_END)
    if at >= 0 and zipfile.is_zipfile(io.BytesIO(content)):
        raise Unsafe("There is a second file inside this one: an archive behind the document.")
    head = content[:_HEAD].lower()
    if any(mark in head for mark in _ACTIVE[:5]):
        raise Unsafe("There is a second file inside this one: a script a browser would run.")


def _pdf(kind: str, content: bytes) -> None:
    if not content.startswith(b"%PDF-"):
        raise _not_a(kind)
    if b"%%EOF" not in content[-2048:]:
        raise Unsafe("This PDF is cut off: its end is missing.")
    _alone(content)


def _picture(kind: str, content: bytes) -> None:
    begins = _PICTURES.get(kind)
    if not (content.startswith(begins) if begins else content[:4] in (b"II*\0", b"MM\0*")):
        raise _not_a(kind)
    _alone(content)


def _rtf(kind: str, content: bytes) -> None:
    if not content.startswith(b"{\\rtf"):
        raise _not_a(kind)
    _alone(content)


def _ole(kind: str, content: bytes) -> None:
    """The older Office formats and Outlook messages are one container; what is in it shows by the names of its streams."""
    if not content.startswith(_OLE):
        raise _not_a(kind)
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Unsafe("This document holds macros. Save it without them.")


def _text(kind: str, content: bytes) -> None:
    if content.startswith((b"%PDF-", _ZIP, _OLE, *_PICTURES.values())):
        raise _not_a(kind)
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if wide:
        try:
            content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise _not_a(kind) from error
    elif b"\0" in content:
        raise _not_a(kind)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_ACTIVE):
        raise Unsafe("This text is a page that a browser would run.")


def _archive(kind: str, content: bytes) -> None:
    if not content.startswith(_ZIP):
        raise _not_a(kind)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError) as error:
        raise Unsafe("This archive is damaged: it cannot be unpacked.") from error
    _check_entries(entries, content)
    names = {entry.filename for entry in entries}
    if kind in _OFFICE and not ("[Content_Types].xml" in names and any(name.startswith(_OFFICE[kind]) for name in names)):
        raise _not_a(kind)
    if kind in _OPEN and "mimetype" not in names:
        raise _not_a(kind)
    if kind != "zip" and any(name.lower().endswith("vbaproject.bin") or name.startswith("Basic/") for name in names):
        raise Unsafe("This document holds macros. Save it without them.")


def _check_entries(entries: list[zipfile.ZipInfo], content: bytes) -> None:
    if not entries or len(entries) > MOST_ENTRIES:
        raise Unsafe(
            "This archive is empty." if not entries else f"This archive holds {len(entries):,} files; {MOST_ENTRIES:,} are the most."
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED or (unpacked > _RATIO_COUNTS_FROM and unpacked > MOST_RATIO * len(content)):
        raise Unsafe(f"This archive unpacks to {unpacked // 1024 // 1024:,} MB, far more than a document does.")
    spans = sorted((entry.header_offset, entry.compress_size) for entry in entries)
    if any(start + size > following for (start, size), (following, _) in pairwise(spans)):
        raise Unsafe("This archive is damaged: its files lie over each other.")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if ".." in parts or entry.filename.startswith(("/", "\\")) or entry.filename[1:2] == ":" or "\0" in entry.filename:
            raise Unsafe(f"The archive holds a file that would be written elsewhere: “{entry.filename[:80]}”.")
        if entry.flag_bits & 1:
            raise Unsafe("This archive is locked with a password, so nobody can check what is in it.")
        ending = PurePosixPath(parts[-1]).suffix.lower()
        if ending in {".zip", ".rar", ".7z", ".gz", ".exe", ".dll", ".js", ".vbs", ".bat", ".cmd", ".ps1", ".scr", ".lnk", ".hta", ".jar"}:
            raise Unsafe(f"The archive holds “{parts[-1][:80]}”, which is no document.")
