"""The test files of pydicom and pydicom-data, and what becomes of each of them: docs/pydicom_files.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import data_store  # the module of pydicom-data
import pydicom.data

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "pydicom_files.md"
FOLDERS: Final = {
    "pydicom": Path(pydicom.data.__file__).parent,
    "pydicom-data": Path(data_store.__file__).parent,
}
NOT_DATA: Final = frozenset({".py", ".pyc", ".md", ".txt"})
INTRODUCTION: Final = """# The test files of pydicom

pydicom and pydicom-data hold the files with which pydicom itself is tested: all transfer syntaxes, character
sets, damaged and unusual files of many modalities. Each is sent by STOW-RS and through the upload API by one
user. "accepted" opens a case; any other word is the code of the refusal. A file that only the upload API
accepts names no patient, and the form does. `tests/integrations/test_pydicom_files.py` sends them all and
compares this table; `READROOM_WRITE_DOCUMENTS=1` writes it.
"""


def files(package: str) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each file of a package."""
    folder = FOLDERS[package]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in NOT_DATA:
            yield path.relative_to(folder).as_posix(), path


def section(package: str, outcomes: Mapping[str, tuple[str, str]]) -> str:
    """Return the part of the document about one package."""
    lines = [f"| `{name}` | {stow} | {upload} |" for name, (stow, upload) in outcomes.items()]
    head = f"\n## {package}: {len(lines)} files\n\n| file | STOW-RS | upload API |\n| --- | --- | --- |\n"
    return head + "\n".join(lines) + "\n"


def with_section(package: str, outcomes: Mapping[str, tuple[str, str]]) -> str:
    """Return the document with the part about one package replaced."""
    known = DOCUMENT.read_text().split("\n## ")[1:] if DOCUMENT.exists() else []
    others = [f"\n## {part}" for part in known if not part.startswith(f"{package}:")]
    return INTRODUCTION + "".join(sorted([*others, section(package, outcomes)]))
