"""The page of measured figures says what was measured, with the command, met or not."""

from __future__ import annotations

from datetime import UTC, datetime

from lpo.embedded.proof import Figure, figures_of_tests, page

JUNIT = """<testsuites><testsuite><testcase classname="tests.jobs" name="test_kills[200]" file="tests/jobs/test_kills.py">
<properties><property name="figure" value="{'name': 'kills', 'measured': '0 lost of 200', 'goal': '0 lost', 'met': True}"/></properties>
</testcase><testcase name="other" file="tests/other.py"/></testsuite></testsuites>"""


def test_a_test_gives_its_figure_and_the_command_that_runs_it_alone() -> None:
    assert list(figures_of_tests(JUNIT)) == [
        Figure(
            "kills",
            "0 lost of 200",
            "0 lost",
            True,
            "LPO_PROOF=1 bin/with-servers --throwaway pytest -m proof tests/jobs/test_kills.py -k test_kills",
        )
    ]


def test_a_missed_goal_is_written_down_as_missed() -> None:
    text = page([Figure("import", "61 s", "under 60 s", False, "bin/proof imports")], ["broken.py"], datetime(2026, 3, 1, tzinfo=UTC))
    assert "| import | 61 s | under 60 s | **no** | `bin/proof imports` |" in text
    assert "Written by `bin/proof` on 01 March 2026" in text
    assert "`broken.py` did not finish." in text
