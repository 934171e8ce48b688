"""What the documentation names is there: files, commands, sign-ins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from lpo.reports.demo import cast

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`|^    (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SCRIPT = re.compile(r"(?<![\w./-])bin/[\w-]+")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"\b(?!lpo\.dump\b)(?:lpo|engagements|sla|billing)(?:\.[a-z_]+)+\b")
PATH = re.compile(r"(?<![\w./<-])((?:lpo|engagements|sla|billing|tests|docs|templates|static|benchmarks)/[\w./-]*)")
UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX|lorem|ipsum|coming soon|placeholder)\b|@@|\?\?\?", re.IGNORECASE)
# Written by bin/proof, so it may not be there yet.
WRITTEN_LATER = {"docs/performance.md"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code_of(page: Path) -> str:
    """What a page sets in code: inline, indented or fenced."""
    text = page.read_text()
    pieces = [next(filter(None, match.groups())) for match in CODE.finditer(text)]
    return "\n".join([*pieces, *FENCED.findall(text)])


@every_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text())]
    missing = [target for target in targets if target and "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@every_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    code = code_of(page)
    assert {script for script in SCRIPT.findall(code) if not (ROOT / script).is_file()} == set()
    assert set(COMMAND.findall(code)) - set(get_commands()) == set()


@every_page
def test_every_module_and_path_that_is_named_exists(page: Path) -> None:
    code = code_of(page)
    assert {name for name in MODULE.findall(code) if not is_module(name)} == set()
    assert {path for path in PATH.findall(code) if path not in WRITTEN_LATER and not (ROOT / path).exists()} == set()


def is_module(name: str) -> bool:
    """A module, or a name or a job's kind in one: `sla.clock`, `sla.projection.on_changed`, `billing.render`."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        stem = ROOT.joinpath(*parts[:length])
        file = stem.with_suffix(".py")
        if file.is_file() or (stem / "__init__.py").is_file():
            rest = parts[length:]
            if not rest:
                return True
            sources = [file] if file.is_file() else sorted(stem.rglob("*.py"))
            quoted = f'"{name}"'
            return any(re.search(rf"\b{rest[0]}\b|{re.escape(quoted)}", source.read_text()) for source in sources)
    return False


@every_page
def test_no_page_is_unfinished(page: Path) -> None:
    assert [match.group() for match in UNFINISHED.finditer(page.read_text())] == []


def test_the_sign_ins_of_the_readme_are_those_of_the_demo() -> None:
    rows = re.findall(r"^\| `(\S+@\S+)` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    people = (*cast.ALDER, *cast.VIEWERS, *cast.BIRCH)
    assert rows == [(person.email, person.shows) for person in people if person.shows]
    assert f"`{cast.PASSWORD}`" in (ROOT / "README.md").read_text()


def test_every_decision_is_in_the_index_under_its_title() -> None:
    index = (ROOT / "docs/decisions.md").read_text()
    listed = re.findall(r"^- \[(\d{4})\]\(adr/(\S+)\) (.+)$", index, re.MULTILINE)
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [name for _, name, _ in listed] == [record.name for record in records]
    for record, (number, _, title) in zip(records, listed, strict=True):
        assert record.read_text().splitlines()[0] == f"# {number}. {title}"


def test_the_screenshot_is_small_enough_to_load_with_the_page() -> None:
    assert (ROOT / "docs/img/today.png").stat().st_size <= 300 * 1024
