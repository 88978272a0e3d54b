"""The disk and an S3 bucket keep the same promises; each test runs on both."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path, PurePath
from random import Random

import pytest
from django.utils import timezone

from diagnostics.cases import storage
from diagnostics.files import FileProblem
from diagnostics.stores.base import Store, StoredFile, problem_of
from diagnostics.stores.on_disk import DiskStore
from diagnostics.stores.on_s3 import S3Store

NAME = "radiographs/61/6133e240.png"
OTHER = "radiographs/61/6133e240.grey.png"
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
A_DAY = timedelta(hours=24)


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return DiskStore(tmp_path / "media")
    return S3Store(request.getfixturevalue("bucket"), "media")


def test_a_file_is_read_as_it_was_written_and_its_checksum_is_returned(store: Store) -> None:
    assert store.write(NAME, b"abc") == ABC_SHA256

    assert store.read(NAME) == b"abc"
    assert store.size(NAME) == 3


def test_a_second_file_replaces_the_first(store: Store) -> None:
    store.write(NAME, b"first")
    store.write(NAME, b"second")

    assert store.read(NAME) == b"second"
    assert store.old_files("radiographs/61", -A_DAY, now=timezone.now()) == [NAME]


def test_a_missing_file_is_no_other_error(store: Store) -> None:
    store.write(OTHER, b"abc")

    with pytest.raises(FileNotFoundError):
        store.read(NAME)
    with pytest.raises(FileNotFoundError):
        store.copy(NAME, to="radiographs/62/copy.png")
    assert store.size(NAME) is None
    assert list(store.written_at([NAME, OTHER])) == [OTHER]
    store.remove(NAME)


def test_a_copy_stays_when_the_first_name_is_deleted(store: Store) -> None:
    store.write(NAME, b"abc")
    store.copy(NAME, to="radiographs/ab/copy.png")
    store.settle("radiographs/ab/copy.png")

    store.remove(NAME)

    assert store.read("radiographs/ab/copy.png") == b"abc"
    assert store.size(NAME) is None


def test_deleted_files_are_gone_and_counted_and_all_others_stay(store: Store) -> None:
    for name in (NAME, OTHER, "radiographs/62/a.png"):
        store.write(name, b"abc")

    assert store.delete([NAME, "radiographs/62/a.png"]) == 2

    assert store.old_files("radiographs/61", -A_DAY, now=timezone.now()) == [OTHER]
    assert store.old_files("radiographs/62", -A_DAY, now=timezone.now()) == []


def test_folders_are_listed_in_order_and_without_those_below_others(store: Store) -> None:
    for name in ("radiographs/ff/a.png", "radiographs/00/b.png", "predictions/00/c.png", "radiographs/00/d"):
        store.write(name, b"abc")

    assert store.folders("radiographs") == ["radiographs/00", "radiographs/ff"]
    assert store.folders("results") == []


def test_a_file_is_old_after_the_age_and_not_before(store: Store) -> None:
    before = timezone.now()
    store.write(NAME, b"abc")
    store.write("radiographs/610/b.png", b"abc")  # another folder, whose name begins with the same letters

    assert store.old_files("radiographs/61", A_DAY, now=before + A_DAY - timedelta(minutes=1)) == []
    assert store.old_files("radiographs/61", A_DAY, now=timezone.now() + A_DAY + timedelta(seconds=2)) == [
        NAME
    ]


def test_the_time_of_a_file_is_that_of_its_writing(store: Store) -> None:
    before = timezone.now() - timedelta(seconds=1)  # S3 states full seconds
    store.write(NAME, b"abc")
    store.write(OTHER, b"abc")
    after = timezone.now() + timedelta(seconds=1)

    times = store.written_at([NAME, OTHER])

    assert set(times) == {NAME, OTHER}
    assert all(before <= time <= after for time in times.values())


def test_a_changed_file_is_damaged_and_a_deleted_one_missing(store: Store) -> None:
    file = StoredFile("display", "1", NAME, store.write(NAME, b"abc"), store)
    assert problem_of(file) is None

    store.write(NAME, b"abd")
    assert problem_of(file) == FileProblem.DAMAGED

    store.remove(NAME)
    assert problem_of(file) == FileProblem.MISSING
    assert (file.size, file.name_in_home) == (None, f"media/{NAME}")


def test_a_million_cases_put_no_more_than_their_share_into_any_folder() -> None:
    # The folder is a part of the random id, so the counts are multinomial: with 51,200 ids 200 in each of 256
    # folders, standard deviation 14; six of them are exceeded once in a billion.
    chance = Random(7)
    ids = [uuid.UUID(int=chance.getrandbits(128), version=4) for _number in range(51_200)]
    folders = Counter(PurePath(storage.radiograph_files(each).original).parent for each in ids)

    assert len(folders) == 256
    assert max(folders.values()) < 200 + 6 * 14
