"""The management command `import_cases`."""

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


def import_cases(*arguments: object, **options: object) -> str:
    out = io.StringIO()
    call_command("import_cases", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_a_dry_run_lists_the_content_and_writes_nothing(
    collection: Path, data_folders: Path, db: None
) -> None:
    before = sorted(data_folders.rglob("*"))

    output = import_cases(collection, dry_run=True)

    assert "trees (tree)" in output
    assert "3 covid-19, 3 patients" in output
    assert "1 excluded. Not a PNG, JPEG or DICOM file." in output
    assert not Import.objects.exists()
    assert sorted(data_folders.rglob("*")) == before


@pytest.mark.django_db(transaction=True)  # the staging folder is removed after the commit
def test_the_command_imports_a_zip(collection: Path, data_folders: Path, administrator: User) -> None:
    (data_folders / "mine.zip").write_bytes(zipped(collection))

    output = import_cases(data_folders / "mine.zip", label_source="two readers", limit=3)

    assert "3 imported, 0 already present, 0 not usable, 0 pending" in output
    import_job = Import.objects.get()
    assert (import_job.status, import_job.collection) == (JobStatus.DONE, "mine")
    assert import_job.provenance["labels"] == "two readers"
    assert not list((data_folders / "incoming").iterdir())


def test_a_second_run_imports_nothing_twice(collection: Path, administrator: User) -> None:
    import_cases(collection)

    output = import_cases(collection)

    assert "0 imported, 4 already present, 1 not usable" in output
    assert "covid/damaged.png: The file is damaged" in output
    assert Case.objects.count() == 4


def test_cases_are_opened_at_the_named_site(collection: Path, administrator: User, other_site: Site) -> None:
    import_cases(collection, site="South", by="administrator")

    assert {case.site for case in Case.objects.all()} == {other_site}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"site": "Nowhere"}, "no site named Nowhere"),
        ({"by": "radiologist"}, "No such administrator"),
    ],
)
def test_an_unknown_site_or_administrator_is_refused(
    collection: Path, administrator: User, radiologist: User, options: dict[str, str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        import_cases(collection, **options)


def test_a_missing_or_empty_path_is_refused(data_folders: Path, administrator: User) -> None:
    (data_folders / "empty").mkdir()

    with pytest.raises(CommandError, match="does not exist"):
        import_cases(data_folders / "nowhere")
    with pytest.raises(CommandError) as error:
        import_cases(data_folders / "empty")
    assert getattr(error.value.__cause__, "code", "") == "not_a_collection"


@pytest.mark.realdata
def test_a_subset_of_the_cohen_collection_is_imported_with_its_patients(
    realdata: Path, data_folders: Path, administrator: User
) -> None:
    output = import_cases(realdata / "covid-chestxray-dataset", limit=30)

    assert "30 imported" in output
    labels = ImportedLabel.objects.select_related("case")
    assert {label.source for label in labels} == {"cohen"}
    assert {"covid-19", "pneumonia", "normal"} <= {label.finding for label in labels}
    assert all(label.case.patient_ref.startswith("cohen-") for label in labels)
