"""The result of an import: each radiograph is imported once, with its finding."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import admission as cases
from diagnostics.imports import pipeline, selectors
from diagnostics.imports.models import ImportedFile, ImportedLabel
from diagnostics.imports.services import import_control
from diagnostics.jobs.models import JobStatus
from tests.imports.conftest import SMALL, RunImport, Scan, make_collection, run_batches
from tests.radiographs import radiograph_dicom, radiograph_png


def test_radiographs_become_cases_with_their_findings(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    import_job = run_import(scan(collection))

    labels = dict(ImportedLabel.objects.values_list("file__path", "finding"))
    assert labels == {
        "normal/a.png": "normal",
        "normal/b.png": "normal",
        "covid/c.png": "covid-19",
        "covid/d.png": "covid-19",
    }
    assert import_job.status == JobStatus.DONE
    assert selectors.file_counts(import_job) == {"pending": 0, "imported": 4, "duplicate": 0, "unusable": 1}
    assert {case.patient_ref.split("-")[0] for case in Case.objects.all()} == {"trees"}


def test_an_imported_radiograph_is_stored_like_an_uploaded_one(
    collection: Path, scan: Scan, run_import: RunImport, data_folders: Path
) -> None:
    run_import(scan(collection))

    case = ImportedLabel.objects.get(file__path="normal/a.png").case
    stored = data_folders / "media" / case.radiograph.original
    assert stored.read_bytes() == (collection / "normal/a.png").read_bytes()
    assert (case.radiograph.width, case.radiograph.height) == (80, 80)
    assert (
        len(list((data_folders / "media").rglob("*.png"))) == 8
    )  # display and grey image of four radiographs


def test_an_import_queues_no_predictions(collection: Path, scan: Scan, run_import: RunImport) -> None:
    run_import(scan(collection))

    assert not Prediction.objects.exists()


def test_a_damaged_radiograph_is_listed_with_its_code(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    (unusable,) = selectors.unusable_files(run_import(scan(collection)))

    assert (unusable.path, unusable.code) == ("covid/damaged.png", "damaged")


def test_two_frames_without_their_number_are_listed_and_do_not_stop_the_import(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    (collection / "normal/a.dcm").write_bytes(radiograph_dicom(7, (160, 80), Rows=80))

    import_job = run_import(scan(collection))

    assert ImportedFile.objects.get(path="normal/a.dcm").code == "multi_frame"
    assert import_job.status == JobStatus.DONE
    assert selectors.file_counts(import_job)["imported"] == 4


def test_an_import_waits_while_uploads_use_all_decoding_slots(
    collection: Path, scan: Scan, administrator: User, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    settings.DECODING_SLOTS, settings.DECODING_WAIT, settings.DECODING_SLOTS_FOLDER = 0, 0, tmp_path
    import_job = scan(collection)
    import_control.start_import(import_job=import_job, by=administrator, now=now)

    assert pipeline.import_batch(import_job.pk, clock=lambda: now)

    import_job.refresh_from_db()
    assert (import_job.status, selectors.file_counts(import_job)["pending"]) == (JobStatus.QUEUED, 5)
    settings.DECODING_SLOTS = 1
    run_batches(import_job, now)
    assert selectors.file_counts(import_job)["imported"] == 4


def test_a_radiograph_deleted_after_the_scan_is_listed_as_missing(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    import_job = scan(collection)
    (collection / "normal/a.png").unlink()

    run_import(import_job)

    assert ImportedFile.objects.get(path="normal/a.png").code == "file_missing"


def test_a_file_replaced_by_a_link_to_the_outside_is_not_read(
    collection: Path, scan: Scan, run_import: RunImport, data_folders: Path
) -> None:
    import_job = scan(collection)
    (data_folders / "secret.png").write_bytes(radiograph_png(9, SMALL))
    (collection / "normal/a.png").unlink()
    (collection / "normal/a.png").symlink_to(data_folders / "secret.png")

    run_import(import_job)

    assert ImportedFile.objects.get(path="normal/a.png").code == "outside"
    assert Case.objects.count() == 3


def test_the_audit_records_the_start_and_the_end_of_an_import(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    import_job = run_import(scan(collection))

    started, finished = AuditEvent.objects.order_by("pk")
    assert (started.action, started.by) == (Action.IMPORT_STARTED, import_job.requested_by)
    assert (finished.action, finished.by) == (Action.IMPORT_FINISHED, None)
    assert finished.detail == {"number": 1, "pending": 0, "imported": 4, "duplicate": 0, "unusable": 1}


def test_a_second_import_of_a_collection_links_its_radiographs_and_opens_no_case(
    collection: Path, scan: Scan, run_import: RunImport
) -> None:
    run_import(scan(collection))
    second = run_import(scan(collection))

    assert selectors.file_counts(second) == {"pending": 0, "imported": 0, "duplicate": 4, "unusable": 1}
    assert Case.objects.count() == 4
    assert ImportedLabel.objects.filter(opened_case=True).count() == 4


def test_a_radiograph_uploaded_before_keeps_its_case_and_patient(
    collection: Path, scan: Scan, run_import: RunImport, technician: User, now: datetime
) -> None:
    radiograph = (collection / "normal/a.png").read_bytes()
    uploaded = cases.open_case(radiograph=radiograph, patient_ref="P-1", by=technician, now=now).case

    run_import(scan(collection))

    label = ImportedLabel.objects.get(file__path="normal/a.png")
    assert (label.case, label.opened_case) == (uploaded, False)
    assert Case.objects.get(pk=uploaded.pk).patient_ref == "P-1"


def test_labels_on_which_two_collections_disagree_are_separated_from_consistent_ones(
    data_folders: Path, scan: Scan, run_import: RunImport, site: Site
) -> None:
    run_import(scan(make_collection(data_folders / "first")))
    (data_folders / "second/covid").mkdir(parents=True)
    for source, copy in (("normal/a.png", "covid/z.png"), ("covid/c.png", "covid/y.png")):
        content = (data_folders / "first" / source).read_bytes()
        (data_folders / "second" / copy).write_bytes(content)
    run_import(scan(data_folders / "second"))

    consistent = ("normal/b.png", "covid/c.png", "covid/d.png")
    labels = list(selectors.consistent_labels())
    assert len(labels) == 3  # c.png, which both label COVID-19, counts once
    assert {label.case for label in labels} == set(
        Case.objects.filter(imported_labels__file__path__in=consistent)
    )
    assert selectors.cases_with_conflicting_labels().count() == 1
