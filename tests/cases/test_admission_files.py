"""The files of an upload: nothing deletes a file that a row may name."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases import selectors, storage
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.services import admission, sweep
from diagnostics.stores.base import problem_of
from tests.radiographs import radiograph_png


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def stored_files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize("fault", ["no time", "no time zone"])
def test_files_without_rows_are_left_to_the_sweeper(fault: str, technician: User, media: Path, now: datetime):
    unusable: Any = None if fault == "no time" else now.replace(tzinfo=None)

    with pytest.raises((TypeError, RuntimeWarning)):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=unusable)

    assert not Case.objects.exists()
    sweep.sweep(older_than=storage.SAFE_AGE, now=timezone.now() + timedelta(days=2))
    assert not stored_files(media)


@pytest.mark.django_db(transaction=True)
def test_an_error_after_the_commit_loses_no_file(
    technician: User, media: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("an error that no broker is known to raise")

    monkeypatch.setattr("celery.app.task.Task.apply_async", fail)

    admitted = admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    assert Radiograph.objects.get().case == admitted.case
    assert len(stored_files(media)) == 3
    assert not any(problem_of(file) for file in selectors.files_of_radiograph(admitted.case.radiograph))


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_ends_after_the_commit_loses_no_file(
    technician: User, media: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    commit = DatabaseWrapper.commit

    def commit_and_disconnect(self: DatabaseWrapper) -> None:
        commit(self)
        raise OperationalError("terminating connection due to administrator command")

    monkeypatch.setattr(DatabaseWrapper, "commit", commit_and_disconnect)
    with pytest.raises(OperationalError):
        admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)
    monkeypatch.undo()

    radiograph = Radiograph.objects.get()
    assert not any(problem_of(file) for file in selectors.files_of_radiograph(radiograph))
    sweep.sweep(older_than=storage.SAFE_AGE, now=timezone.now() + timedelta(days=2))
    assert len(stored_files(media)) == 3


def test_a_row_cannot_adopt_files_that_the_sweeper_may_be_removing(
    technician: User, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage, "ADOPTION_AGE", timedelta(seconds=-5))  # every file is too old

    with pytest.raises(StorageUnavailable, match="interrupted for too long"):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=now)

    assert not Case.objects.exists()
