"""Files that are not what they say, or far too much: refused with a reason beside the field, and nothing is kept."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import StopUpload
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django import Settings

from engagements import actions
from engagements.models import ImportBatch, Workstream
from engagements.uploads import SizeLimitHandler
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Document
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope as InOrganization
from tests import make
from tests.trust.conftest import Figure
from tests.trust.sizes import sizes

REASONS = ("not a CSV file", "not a text file", "is empty", "is not UTF-8", "header", "no Excel workbook", "cannot be unpacked")
CSV = b"id,title,received\nN-1,NDA with Orion,2026-10-01T10:00:00Z\n"


def bomb(megabytes: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(megabytes):
            archive.writestr(f"xl/{number}.xml", b"\0" * 1024 * 1024)
    return packed.getvalue()


DISGUISES: dict[str, tuple[str, bytes]] = {
    "a ZIP bomb": ("items.csv", b""),
    "a workbook": ("items.xlsx", b"PK\x03\x04" + CSV),
    "a PDF with rows": ("items.csv", b"%PDF-1.7\n" + CSV),
    "a picture with rows": ("items.csv", b"\x89PNG\r\n\x1a\n" + CSV),
    "a GIF with rows": ("items.csv", b"GIF89a,id,title\n" + CSV),
    "a program": ("items.csv", b"\x7fELF\x02\x01\x01\0" + CSV),
    "a web page": ("items.csv", b"<!DOCTYPE html><script>alert(1)</script>\n" + CSV),
    "a drawing with script": ("items.csv", b'<?xml version="1.0"?><svg onload="alert(1)"/>\n' + CSV),
    "bytes after the rows": ("items.csv", CSV + b"N-2,\0\0\0,2026-10-01T10:00:00Z\n"),
    "another encoding": ("items.csv", CSV + b"N-2,\xff\xfe\xfa,2026-10-01T10:00:00Z\n"),
    "nothing": ("items.csv", b""),
}
NAMES = (
    "../../../etc/cron.d/evil.csv",
    "..\\..\\windows\\evil.csv",
    "/etc/passwd",
    "a\nSet-Cookie: x.csv",
    'x"><script>.csv',
    "=cmd|' /C calc'!A0.csv",
)


@pytest.fixture
def stream(in_alder: InOrganization) -> Workstream:
    return make.workstream()


def send(stream: Workstream, by: Membership, name: str, content: bytes) -> str:
    """Why the file is refused, or nothing."""
    try:
        actions.upload_file(workstream=stream, by=Actor.member(by), purpose="items", content=content, file_name=name)
    except Refused as refusal:
        assert refusal.field == "file"
        return refusal.message
    return ""


@sizes("megabytes", 5, 2_000)
def test_what_is_no_table_is_refused_with_a_reason(megabytes: int, asha: Membership, stream: Workstream, figure: Figure) -> None:
    accepted = []
    for what, (name, content) in DISGUISES.items():
        reason = send(stream, asha, name, bomb(megabytes) if what == "a ZIP bomb" else content)
        if not any(words in reason for words in REASONS):
            accepted.append(f"{what}: {reason}")
    kept = ImportBatch.objects.count() + Document.objects.count()
    figure(
        f"{len(DISGUISES)} files that are not what they say, a ZIP bomb of {megabytes} MB among them",
        f"{len(DISGUISES) - len(accepted)} refused with a reason, {kept} kept",
        "all refused with a reason",
        met=not accepted and kept == 0,
    )
    assert accepted == []
    assert kept == 0


def test_a_file_beyond_the_limit_is_refused_with_both_sizes(asha: Membership, stream: Workstream, settings: Settings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1000
    assert send(stream, asha, "items.csv", CSV * 40) == f"This file is too large ({len(CSV) * 40:,} bytes): 1,000 bytes are the most."
    assert not Document.objects.exists()


def test_ten_gigabytes_are_thrown_away_as_they_arrive() -> None:
    """The handler decides by the announced length, before the first byte is kept."""
    request = RequestFactory().post("/")
    handler = SizeLimitHandler(request)
    handler.handle_raw_input(None, {}, 10 * 1024**3, b"")
    assert request.upload_too_large  # type: ignore[attr-defined]
    with pytest.raises(StopUpload):
        handler.receive_data_chunk(b"x" * 1024, 0)


def test_a_name_that_climbs_folders_is_only_a_name(
    asha: Membership, client_of: Callable[[Membership], Browser], stream: Workstream
) -> None:
    """What the browser calls the file is shown, never used as a path: the bytes are rows under their hash."""
    address = f"/alder/matters/{stream.matter.reference}/{stream.item_prefix}/imports/new/items/"
    for number, name in enumerate(NAMES):
        file = SimpleUploadedFile(name, CSV.replace(b"N-1", f"N-{number}".encode()), "text/csv")
        answer = client_of(asha).post(address, {"file": file, "source": "upload", "encoding": "utf-8"})
        assert answer.status_code == 302, name
    names = list(ImportBatch.objects.values_list("file_name", flat=True))
    assert len(names) == len(NAMES)
    assert not any(sign in name for name in names for sign in ("/", "\\", "\n", "..")), names
