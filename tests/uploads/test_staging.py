"""Files are received and checked before anything is sent, and belong to their uploader."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.uploads import policy
from diagnostics.uploads.models import StagedUpload
from diagnostics.uploads.services import editing
from tests.hostile_files import png
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.uploads.conftest import UploadList, files_in, zip_of


def test_a_received_radiograph_is_checked_and_opens_no_case(upload_list: UploadList, staged: Path) -> None:
    row = upload_list.row(radiograph_dicom(1, StudyDate="20261120", StudyTime="114200"), "IMG_001.dcm")

    assert (row["state"], row["fields"]["view"], row["study"]) == ("ready", "PA", "2026-11-20 11:42")
    assert upload_list.client.get(row["thumbnail"]).content.startswith(b"\x89PNG")
    assert files_in(staged) == sorted([f"{row['id']}.bin", f"{row['id']}.png"])
    assert not Case.objects.exists()


def test_the_list_survives_a_reload_with_what_was_typed(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))
    upload_list.post(row, "edit", patient_ref=" H-431 ", priority="stat")

    (after,) = upload_list.rows()

    assert (after["fields"]["patient_ref"], after["fields"]["priority"], after["name"]) == (
        "H-431",
        "stat",
        "a.png",
    )


def test_a_file_that_is_no_radiograph_is_refused_at_once_and_deleted(
    upload_list: UploadList, staged: Path
) -> None:
    row = upload_list.row(b"no radiograph", "notes.txt")

    assert (row["state"], row["note"]["code"], row["thumbnail"]) == ("refused", "unknown_format", "")
    assert files_in(staged) == []
    assert upload_list.rows() == [row]


def test_a_radiograph_without_ai_result_is_announced_before_it_is_sent(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_dicom(1, ViewPosition="LL"), "lateral.dcm")

    assert (row["state"], row["note"]["code"]) == ("ready", "lateral-view")
    assert row["note"]["text"] == "Will have no AI result: lateral view"


def test_the_files_of_a_zip_become_rows_that_are_checked_one_by_one(
    upload_list: UploadList, staged: Path
) -> None:
    packed = zip_of(study__one_png=radiograph_png(1), study__two_dcm=radiograph_dicom(2), notes_txt=b"text")

    response = upload_list.stage(packed, "study.zip")

    assert response.status_code == 201
    rows = response.json()["rows"]
    assert [(row["name"], row["state"]) for row in rows] == [
        ("notes.txt", "received"),
        ("study/one.png", "received"),
        ("study/two.dcm", "received"),
    ]
    checked = [upload_list.post(row, "check").json()["rows"][0]["state"] for row in rows]
    assert checked == ["refused", "ready", "ready"]
    assert not any(name.endswith(".zip") for name in files_in(staged))


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (zip_of(bomb_png=b"\0" * 2_000_000), "zip_bomb"),
        (zip_of(up=b"x").replace(b"up", b".."), "zip_path"),
        (zip_of(a_png=b"x")[:-30], "zip_damaged"),
        (zip_of(**{f"f{n}": b"x" for n in range(501)}), "zip_too_many"),
        (zip_of(), "zip_empty"),
    ],
    ids=["bomb", "path", "damaged", "too many", "empty"],
)
def test_a_zip_that_is_not_permitted_leaves_neither_row_nor_file(
    upload_list: UploadList, staged: Path, packed: bytes, code: str
) -> None:
    response = upload_list.stage(packed, "study.zip")

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert files_in(staged) == []
    assert not StagedUpload.objects.exists()


def test_an_image_that_is_a_bomb_is_refused(upload_list: UploadList, staged: Path) -> None:
    row = upload_list.row(png(13_000, 13_000, rows=10))

    assert (row["state"], row["note"]["code"]) == ("refused", "too_many_pixels")
    assert files_in(staged) == []


def test_the_list_of_one_user_is_bounded_in_files_and_bytes(
    upload_list: UploadList, staged: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    radiograph = radiograph_png(1)
    settings.STAGING_BYTES = 2 * len(radiograph)
    upload_list.row(radiograph)
    upload_list.row(radiograph)

    too_many_bytes = upload_list.stage(radiograph)
    packed = upload_list.stage(zip_of(a_png=radiograph))

    assert {too_many_bytes.status_code, packed.status_code} == {409}
    assert too_many_bytes.json()["code"] == packed.json()["code"] == "upload_list_full"
    assert len(files_in(staged)) == 4


def test_a_refused_file_makes_room_again(upload_list: UploadList, settings: Settings) -> None:
    settings.STAGING_BYTES = 20

    states = [upload_list.row(b"no radiograph")["state"] for _ in range(3)]

    assert states == ["refused"] * 3


def test_a_name_is_shown_without_control_characters_and_its_end_is_kept(upload_list: UploadList) -> None:
    upload_list.stage(radiograph_png(1), path="../disc\\" + "x" * 300 + "/IMG\n1.png")

    (row,) = upload_list.rows()

    assert row["name"].endswith("/IMG1.png")
    assert len(row["name"]) == 255


def test_a_removed_row_takes_its_files_along(
    upload_list: UploadList, staged: Path, django_capture_on_commit_callbacks: object
) -> None:
    row = upload_list.row(radiograph_png(1))

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert upload_list.post(row, "remove").status_code == 204

    assert upload_list.rows() == []
    assert files_in(staged) == []


def test_rows_expire_after_a_day_and_files_without_a_row_are_swept(
    upload_list: UploadList, staged: Path, django_capture_on_commit_callbacks: object
) -> None:
    old, young = upload_list.row(radiograph_png(1)), upload_list.row(radiograph_png(2))
    staged_at = StagedUpload.objects.get(pk=young["id"]).staged_at
    StagedUpload.objects.filter(pk=old["id"]).update(staged_at=staged_at - policy.LIFETIME)
    orphan = staged / "ab" / "abababab-0000-4000-8000-000000000000.bin"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"of a killed process")
    abandoned = staged / "unpacking-1"
    abandoned.mkdir()
    later = staged_at + timedelta(minutes=5)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert editing.sweep(older_than=timedelta(minutes=1), now=later)

    assert [row["id"] for row in upload_list.rows()] == [young["id"]]
    assert files_in(staged) == sorted([f"{young['id']}.bin", f"{young['id']}.png"])
    assert not abandoned.exists()


def test_nothing_of_a_list_is_open_to_a_colleague(
    upload_list: UploadList, radiologist: User, administrator: User
) -> None:
    row = upload_list.row(radiograph_png(1))

    for colleague in map(UploadList, (radiologist, administrator)):
        assert colleague.rows() == []
        assert colleague.client.get(row["thumbnail"]).status_code == 404
        answers = [
            colleague.post(row, action, patient_ref="P-1").status_code
            for action in ("check", "edit", "send", "remove")
        ]
        assert answers == [404] * 4
    assert len(upload_list.rows()) == 1


def test_a_user_who_left_the_site_no_longer_sees_the_list(upload_list: UploadList, technician: User) -> None:
    row = upload_list.row(radiograph_png(1))
    technician.sites.clear()

    assert upload_list.rows() == []
    assert upload_list.client.get(row["thumbnail"]).status_code == 404
    assert upload_list.stage(radiograph_png(2)).status_code == 403


def test_neither_the_name_of_a_file_nor_a_reference_reaches_the_log(
    upload_list: UploadList, caplog: pytest.LogCaptureFixture, now: datetime
) -> None:
    upload_list.row(b"no radiograph", "SECRET-NAME.png")
    row = upload_list.row(radiograph_png(1), "SECRET-TOO.png")
    upload_list.send(row, patient_ref="SECRET-REFERENCE")

    assert "SECRET" not in caplog.text
