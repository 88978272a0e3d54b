"""A technician's upload list, and the requests that its page sends."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User

Request = Callable[..., Any]


class UploadList:
    """The list of one user, by requests."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def stage(self, content: bytes, name: str = "a.png", path: str = "") -> Any:
        """Send a file and return the response."""
        form = {"radiograph": SimpleUploadedFile(name, content), "path": path}
        return self.client.post("/uploads/", form)

    def row(self, content: bytes, name: str = "a.png") -> dict[str, Any]:
        """Send a file and return its row."""
        (row,) = self.stage(content, name).json()["rows"]
        return dict(row)

    def rows(self) -> list[dict[str, Any]]:
        """Return the list, as after a reload of the page."""
        return list(self.client.get("/uploads/").json()["rows"])

    def post(self, row: dict[str, Any], action: str, **fields: str) -> Any:
        """Send one of a row's requests."""
        return self.client.post(f"/uploads/{row['id']}/{action}/", fields)

    def send(self, row: dict[str, Any], **fields: str) -> dict[str, Any]:
        """Send a row and return it afterwards."""
        (sent,) = self.post(row, "send", **row["fields"] | fields).json()["rows"]
        return dict(sent)


@pytest.fixture(autouse=True)
def staged(settings: Settings, tmp_path: Path) -> Path:
    """Return the staging folder of the test."""
    settings.STAGED, settings.MEDIA_ROOT = tmp_path / "staged", tmp_path / "media"
    return settings.STAGED


@pytest.fixture
def upload_list(technician: User) -> UploadList:
    return UploadList(technician)


def zip_of(**members: bytes) -> bytes:
    """Return a ZIP; two underscores in a name stand for a slash, one for a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def files_in(folder: Path) -> list[str]:
    """Return the names of all files below a folder."""
    return sorted(file.name for file in folder.rglob("*") if file.is_file())
