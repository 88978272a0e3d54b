"""`manage.py import_cases`: what it brings in, and what it only says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.imports.models import Import, ImportedLabel
from diagnostics.jobs.models import JobStatus
from tests.imports.conftest import zipped


def command(*words: object, **wanted: object) -> str:
    out = io.StringIO()
    call_command("import_cases", *map(str, words), stdout=out, **wanted)
    return out.getvalue()


def test_a_dry_run_says_what_is_there_and_writes_nothing(collection: Path, homes: Path, db: None) -> None:
    before = sorted(homes.rglob("*"))

    said = command(collection, dry_run=True)

    assert "trees (tree)" in said
    assert "3 covid-19, 3 patients" in said
    assert "1 left out. Not a PNG, JPEG or DICOM file." in said
    assert not Import.objects.exists()
    assert sorted(homes.rglob("*")) == before


@pytest.mark.django_db(transaction=True)  # what was unpacked is cleared away after the commit
def test_the_command_brings_a_zip_in(collection: Path, homes: Path, administrator: User) -> None:
    (homes / "mine.zip").write_bytes(zipped(collection))

    said = command(homes / "mine.zip", label_source="two readers", limit=3)

    assert "3 brought in, 0 already here, 0 not usable, 0 waiting" in said
    importing = Import.objects.get()
    assert (importing.status, importing.collection) == (JobStatus.DONE, "mine")
    assert importing.provenance["labels"] == "two readers"
    assert not list((homes / "incoming").iterdir())


def test_a_second_run_brings_nothing_twice(collection: Path, administrator: User) -> None:
    command(collection)

    said = command(collection)

    assert "0 brought in, 4 already here, 1 not usable" in said
    assert "covid/damaged.png: The file is damaged" in said
    assert Case.objects.count() == 4


def test_radiographs_go_to_the_named_site(collection: Path, administrator: User, other_site: Site) -> None:
    command(collection, site="South", by="administrator")

    assert {case.site for case in Case.objects.all()} == {other_site}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"site": "Nowhere"}, "no site called Nowhere"),
        ({"by": "radiologist"}, "no such administrator"),
    ],
)
def test_a_wrong_site_or_person_is_named(
    collection: Path, administrator: User, radiologist: User, wanted: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        command(collection, **wanted)


def test_a_wrong_place_is_named(homes: Path, administrator: User) -> None:
    (homes / "empty").mkdir()

    with pytest.raises(CommandError, match="There is nothing at"):
        command(homes / "nowhere")
    with pytest.raises(CommandError, match="There is no collection here"):
        command(homes / "empty")


@pytest.mark.realdata
def test_a_share_of_cohens_collection_comes_in_with_its_patients(
    realdata: Path, homes: Path, administrator: User
) -> None:
    said = command(realdata / "covid-chestxray-dataset", limit=30)

    assert "30 brought in" in said
    labels = ImportedLabel.objects.select_related("case")
    assert {label.source for label in labels} == {"cohen"}
    assert {"covid-19", "pneumonia", "normal"} <= {label.finding for label in labels}
    assert all(label.case.patient_ref.startswith("cohen-") for label in labels)
