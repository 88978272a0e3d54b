"""Checks what neither ruff nor import-linter can: lengths, inline code, citations, terms. Prints violations.

Run by `make check`; `python .ci/check_structure.py ROOT` checks another tree.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_TEMPLATE_COLUMNS = 120
CODE = (".py", ".html", ".js", ".css")
NOT_OURS = ("static/vendor/", "ml/bundles/", "/migrations/", "docs/openapi.yaml", "readroom/generated.py")

CITATION = re.compile(
    r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.md)\b(?:,? (?:section |check )?(\d+(?:\.\d+)?|[A-I]\d*))?\b"
)
GETTEXT = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}

# The term of docs/glossary.md stands behind each pattern.
BANNED = {
    r"films?": "radiograph",
    r"the machine(?!-| learning)('s)?": "AI result, model version, worker or host",
    r"knock(s|ed|ing)?": "enqueue, message",
    r"in force": "active",
    r"gold cases?": "reference case",
    r"known radiographs?": "reference case",
    r"(learnt|learned|learns?) from": "training set",
    r"(bring|brings|bringing|brought) in": "import",
    r"hand(ed|s|ing)? (over|out)": "assign",
    r"(give|gives|given|gave|giving) back": "release",
    r"suspicion|suspects?|suspected": "triage by AI score",
    r"worth": "validity, uncertainty",
    r"heat maps?": "heatmap",
    r"mixed in|mixes in|mix in": "control case",
    r"second looks?": "AI-assisted reading",
    r"(take|takes|taken|taking|took) back": "undo signature",
    r"readers (dis)?agree": "needs adjudication, inter-reader agreement",
    r"judgements?": "reading, consensus",
    r"(?<!active-)learning queue": "active-learning queue",
    r"no room": "storage full",
    r"by itself|by themselves": "automatically, scheduled",
    r"left aside": "excluded",
    r"look(ed|s|ing)? (through|ahead)": "scan, prefetch",
    r"unlike (its|those|the (images|ones|radiographs))": "out of distribution",
    r"(comes?|came) to": "result",
    r"nobody|somebody|whoever": "no user, another user",
    r"foresaw|foreseen": "unexpected error",
    r"the clock": "periodic task",
    r"laboratory": "RT-PCR",
}
BANNED_PATTERNS = [(re.compile(rf"\b({words})\b", re.IGNORECASE), term) for words, term in BANNED.items()]

INLINE_CODE = re.compile(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)

Violation = tuple[str, int, str]
Check = Callable[[Path, str, str], Iterator[Violation]]


def main(root: Path) -> int:
    """Print the violations of a tree; return 1 when there are any."""
    found = sorted(set(violations(root)))
    for name, line, message in found:
        print(f"{name}:{line}: {message}")
    return 1 if found else 0


def violations(root: Path) -> Iterator[Violation]:
    """Yield every violation in the tracked files of a repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if any(part in f"/{name}" for part in NOT_OURS) or not (root / name).is_file():
            continue
        if name.endswith((*CODE, ".md", ".toml", ".yml")):
            text = (root / name).read_text(encoding="utf-8")
            for check in CHECKS:
                yield from check(root, name, text)


def file_length(_root: Path, name: str, text: str) -> Iterator[Violation]:
    """A code file stays within 300 lines."""
    lines = text.count("\n")
    if name.endswith(CODE) and lines > MAX_FILE_LINES:
        yield name, 1, f"{lines} lines, at most {MAX_FILE_LINES}"


def function_length(_root: Path, name: str, text: str) -> Iterator[Violation]:
    """A Python function stays within 40 lines."""
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    yield name, node.lineno, f"{node.name} has {lines} lines, at most {MAX_FUNCTION_LINES}"


def template_width(_root: Path, name: str, text: str) -> Iterator[Violation]:
    """A template line stays within 120 characters."""
    if name.endswith(".html"):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > MAX_TEMPLATE_COLUMNS:
                yield name, number, f"{len(line)} characters, at most {MAX_TEMPLATE_COLUMNS}"


def inline_code(_root: Path, name: str, text: str) -> Iterator[Violation]:
    """A template holds no style or script that the Content-Security-Policy would block."""
    if name.endswith(".html"):
        for number, line in enumerate(text.splitlines(), 1):
            if INLINE_CODE.search(line):
                yield name, number, "inline style or script: use a file of static/"


def citations(root: Path, name: str, text: str) -> Iterator[Violation]:
    """Only documents of this repository are cited."""
    for number, line in enumerate(text.splitlines(), 1):
        for cited, section in CITATION.findall(line):
            folders = (
                root,
                root / "docs",
                root / "docs" / "adr",
                root / "ml" / "bundles" / "default",
                (root / name).parent,
            )
            document = next((folder / cited for folder in folders if (folder / cited).is_file()), None)
            if document is None:
                yield name, number, f"cites {cited}, which is not in this repository"
            elif section and not re.search(
                rf"(?m)^#+ .*\b{re.escape(section)}\b", document.read_text("utf-8")
            ):
                yield name, number, f"cites section {section} of {cited}, which has none of that name"


def banned_terms(_root: Path, name: str, text: str) -> Iterator[Violation]:
    """Pages, documents and translated texts use the terms of docs/glossary.md."""
    for number, passage in _texts(name, text):
        for pattern, term in BANNED_PATTERNS:
            for match in pattern.finditer(passage):
                yield name, number, f"'{match.group()}': {term} (docs/glossary.md)"


def _texts(name: str, text: str) -> Iterator[tuple[int, str]]:
    if name.endswith((".html", ".md")) and name != "docs/glossary.md":
        yield from enumerate(text.splitlines(), 1)
    elif name.endswith(".py") and not name.startswith((".ci/", "tests/")):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT:
                for constant in ast.walk(node):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield constant.lineno, constant.value


CHECKS: tuple[Check, ...] = (
    *(file_length, function_length, template_width, inline_code, citations, banned_terms),
)

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
