"""Each structure check reports the violation it exists for, and accepts what is within its limit."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "check_structure.py"
MD = ".md"  # apart, so that the examples here are no citations
CITING = '"""Temperature scaling (trust' + MD + ' {section})."""\n'
Report = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_structure", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(checks: ModuleType, tmp_path: Path) -> Report:
    """Return the messages about one file in a new repository."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    def run(name: str, text: str) -> list[str]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
        return [message for _name, _line, message in checks.violations(tmp_path)]

    return run


def test_a_file_of_301_lines_is_reported_and_one_of_300_is_not(report: Report) -> None:
    assert report("ml/long.py", "x = 1\n" * 301) == ["301 lines, at most 300"]
    assert report("ml/long.py", "x = 1\n" * 300) == []


def test_a_function_of_41_lines_is_reported_and_one_of_40_is_not(report: Report) -> None:
    def function(lines: int) -> str:
        return "def f():\n" + "    x = 1\n" * (lines - 1)

    assert report("ml/f.py", function(41)) == ["f has 41 lines, at most 40"]
    assert report("ml/f.py", function(40)) == []


def test_a_template_line_of_121_characters_is_reported(report: Report) -> None:
    assert report("templates/page.html", "a" * 121 + "\n") == ["121 characters, at most 120"]
    assert report("templates/page.html", "a" * 120 + "\n") == []


@pytest.mark.parametrize(
    "element",
    [
        '<p style="color: red">',
        '<a onclick="go()">',
        "<style>",
        "<script>",
        '<script type="module">',
        '<a href="javascript:go()">',
    ],
)
def test_inline_style_and_script_in_a_template_are_reported(report: Report, element: str) -> None:
    assert report("templates/page.html", f"{element}\n") == ["inline style or script: use a file of static/"]


def test_a_script_with_a_file_is_not_inline(report: Report) -> None:
    assert report("templates/page.html", '<script type="module" src="x.js"></script>\n') == []


def test_a_document_that_is_not_in_the_repository_is_reported(report: Report) -> None:
    assert report("ml/a.py", '"""See guide/trust' + MD + '."""\n') == [
        f"cites guide/trust{MD}, which is not in this repository"
    ]
    assert report(f"guide/trust{MD}", "# Trust\n") == []


def test_a_section_that_a_document_does_not_have_is_reported(report: Report) -> None:
    report(f"docs/trust{MD}", "# Trust\n\n## 4 Calibration\n")

    assert report("ml/a.py", CITING.format(section=4)) == []
    assert report("ml/a.py", CITING.format(section=8)) == [
        f"cites section 8 of trust{MD}, which has none of that name"
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("templates/page.html", "<p>This film is new.</p>\n"),
        (f"docs/page{MD}", "The version in force.\n"),
        ("diagnostics/a.py", 'TEXT = _("Nobody has read this case.")\n'),
    ],
)
def test_a_banned_term_on_a_page_in_a_document_or_in_a_translated_text_is_reported(
    report: Report, name: str, text: str
) -> None:
    (message,) = report(name, text)

    assert message.endswith("(docs/glossary.md)")


def test_a_banned_term_in_code_that_no_user_reads_is_left_to_review(report: Report) -> None:
    assert report("diagnostics/a.py", "film = 1\n") == []


def test_vendored_and_generated_files_are_not_checked(report: Report) -> None:
    assert report("static/vendor/lib.js", "x\n" * 400) == []
    assert report("diagnostics/cases/migrations/0001_initial.py", "x = 1\n" * 400) == []
