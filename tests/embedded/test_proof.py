"""The page of measured figures says what was measured, with the command, met or not."""

from __future__ import annotations

from lpo.embedded.proof import Figure, figures_of_page, figures_of_tests, merged, page

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
            "bin/proof tests/jobs/test_kills.py",
        )
    ]


def test_a_missed_goal_is_written_down_as_missed() -> None:
    text = page([Figure("import", "61 s", "under 60 s", False, "bin/proof imports")], ["broken.py"])
    assert "| import | under 60 s | 61 s | **no** | `bin/proof imports` |" in text
    assert "`broken.py` did not finish." in text


def test_what_is_measured_again_replaces_only_its_own_figures() -> None:
    kept = [
        Figure("import", "61 s", "under 60 s", False, "bin/proof imports"),
        Figure("kills", "0 lost", "", True, "bin/proof tests/kills.py"),
    ]
    assert figures_of_page(page(kept, [])) == kept
    again = Figure("import", "41 s", "under 60 s", True, "bin/proof imports")
    assert merged(kept, [again]) == [again, kept[1]]
