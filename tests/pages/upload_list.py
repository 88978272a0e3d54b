"""Steps on the upload page that several test modules share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.stack import Stack


def empty_upload_list(stack: Stack) -> None:
    """Remove the rows that other tests have left in the lists of all users."""
    stack.shell(
        "from diagnostics.uploads.models import StagedUpload; StagedUpload.objects.all().delete(); print()"
    )


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write files and return their paths."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def choose(page: Any, paths: list[str]) -> None:
    """Choose files with the file control."""
    page.set_input_files("[name=radiographs]", paths)


def row(page: Any, name: str) -> Any:
    """Return the row of a file."""
    return page.locator(".upload-row", has=page.get_by_text(name, exact=True))
