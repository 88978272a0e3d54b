"""Every file that a row names, and those that differ from their record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from diagnostics.cases import selectors as cases
from diagnostics.files import FileProblem
from diagnostics.registry import selectors as registry
from diagnostics.stores.base import StoredFile, problem_of
from diagnostics.training.selectors import runs


@dataclass
class Verification:
    """The result of a comparison of all files with their rows."""

    files: Counter[str] = field(default_factory=Counter)  # kind -> files
    without_checksum: Counter[str] = field(default_factory=Counter)  # kind -> files
    problems: list[tuple[StoredFile, FileProblem]] = field(default_factory=list)


def stored_files() -> Iterator[StoredFile]:
    """Yield every file that a row names; a file that can be made again is missing until it was made."""
    return chain(cases.stored_files(), registry.stored_files(), runs.stored_files())


def verify() -> Verification:
    """Compare every stored file with its checksum."""
    result = Verification()
    for file in stored_files():
        result.files[file.kind] += 1
        result.without_checksum[file.kind] += not file.sha256
        problem = problem_of(file)
        if problem:
            result.problems.append((file, problem))
    return result
