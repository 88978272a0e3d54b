"""Radiographs come in once, with their findings, whatever happens on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import admission as cases
from diagnostics.errors import NotAllowed
from diagnostics.imports import pipeline, selectors, staging
from diagnostics.imports.errors import ImportAlreadyRunning, ImportAlreadyStarted, NothingToImport
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel
from diagnostics.imports.services import import_control, requeue, scans
from diagnostics.jobs.models import JobStatus
from tests.imports.conftest import SMALL, LookAt, Run, lay_tree
from tests.radiographs import radiograph_png


def test_radiographs_come_in_as_cases_with_their_findings(
    collection: Path, look_at: LookAt, run: Run
) -> None:
    done = run(look_at(collection))

    labels = dict(ImportedLabel.objects.values_list("file__path", "finding"))
    assert labels == {
        "normal/a.png": "normal",
        "normal/b.png": "normal",
        "covid/c.png": "covid-19",
        "covid/d.png": "covid-19",
    }
    assert done.status == JobStatus.DONE
    assert selectors.endings(done) == {"waiting": 0, "opened": 4, "linked": 0, "refused": 1}
    assert {case.patient_ref.split("-")[0] for case in Case.objects.all()} == {"trees"}


def test_an_imported_radiograph_is_stored_like_an_uploaded_one(
    collection: Path, look_at: LookAt, run: Run, homes: Path
) -> None:
    run(look_at(collection))

    case = ImportedLabel.objects.get(file__path="normal/a.png").case
    stored = homes / "media" / case.radiograph.original
    assert stored.read_bytes() == (collection / "normal/a.png").read_bytes()
    assert (case.radiograph.width, case.radiograph.height) == (80, 80)
    assert len(list((homes / "media").rglob("*.png"))) == 8  # display and grey of four radiographs


def test_what_a_dead_worker_left_of_a_radiograph_is_cleared_away(
    collection: Path, look_at: LookAt, run: Run, homes: Path
) -> None:
    found = look_at(collection)
    radiograph = ImportedFile.objects.get(path="normal/a.png").pk
    folder = homes / "media" / "radiographs" / radiograph.hex[:2]
    folder.mkdir(parents=True)
    for name in ("bin", "grey.png"):
        (folder / f"{radiograph}.{name}.0123456789abcdef.tmp").write_bytes(b"half a radiograph")
    (folder / f"{radiograph}.bin").write_bytes(b"an old one")

    run(found)

    assert sorted(path.name for path in folder.glob(f"{radiograph}*")) == [
        f"{radiograph}.bin",
        f"{radiograph}.grey.png",
        f"{radiograph}.png",
    ]
    assert (folder / f"{radiograph}.bin").read_bytes() == (collection / "normal/a.png").read_bytes()


def test_the_machine_is_not_asked_for_thousands_of_answers(
    collection: Path, look_at: LookAt, run: Run
) -> None:
    run(look_at(collection))

    assert not Prediction.objects.exists()


def test_a_bad_radiograph_is_named_with_its_code(collection: Path, look_at: LookAt, run: Run) -> None:
    (refused,) = selectors.refused(run(look_at(collection)))

    assert (refused.path, refused.code) == ("covid/damaged.png", "damaged")


def test_a_radiograph_that_went_meanwhile_is_named(collection: Path, look_at: LookAt, run: Run) -> None:
    found = look_at(collection)
    (collection / "normal/a.png").unlink()

    run(found)

    assert ImportedFile.objects.get(path="normal/a.png").code == "file_missing"


def test_a_file_that_became_a_link_outwards_is_not_read(
    collection: Path, look_at: LookAt, run: Run, homes: Path
) -> None:
    found = look_at(collection)
    (homes / "secret.png").write_bytes(radiograph_png(9, SMALL))
    (collection / "normal/a.png").unlink()
    (collection / "normal/a.png").symlink_to(homes / "secret.png")

    run(found)

    assert ImportedFile.objects.get(path="normal/a.png").code == "outside"
    assert Case.objects.count() == 3


def test_the_record_has_a_line_for_the_beginning_and_one_for_the_end(
    collection: Path, look_at: LookAt, run: Run
) -> None:
    done = run(look_at(collection))

    begun, ended = AuditEvent.objects.order_by("pk")
    assert (begun.action, begun.by) == (Action.IMPORT_STARTED, done.requested_by)
    assert (ended.action, ended.by) == (Action.IMPORT_FINISHED, None)
    assert ended.detail == {"number": 1, "waiting": 0, "opened": 4, "linked": 0, "refused": 1}


def test_the_same_collection_again_links_its_radiographs_and_opens_nothing(
    collection: Path, look_at: LookAt, run: Run
) -> None:
    run(look_at(collection))
    again = run(look_at(collection))

    assert selectors.endings(again) == {"waiting": 0, "opened": 0, "linked": 4, "refused": 1}
    assert Case.objects.count() == 4
    assert ImportedLabel.objects.filter(opened_case=True).count() == 4


def test_a_radiograph_that_was_uploaded_before_keeps_its_case_and_patient(
    collection: Path, look_at: LookAt, run: Run, technician: User, now: datetime
) -> None:
    radiograph = (collection / "normal/a.png").read_bytes()
    own = cases.open_case(radiograph=radiograph, patient_ref="P-1", by=technician, now=now).case

    run(look_at(collection))

    label = ImportedLabel.objects.get(file__path="normal/a.png")
    assert (label.case, label.opened_case) == (own, False)
    assert Case.objects.get(pk=own.pk).patient_ref == "P-1"


def test_a_worker_puts_the_import_down_after_its_time_and_the_next_goes_on(
    collection: Path, look_at: LookAt, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)

    assert pipeline.import_batch(found.pk, clock=lambda: now, seconds=0)

    found.refresh_from_db()
    assert (found.status, found.attempts, found.token) == (JobStatus.QUEUED, 0, None)
    assert selectors.endings(found)[FileStatus.OPENED] == 1


def test_a_radiograph_that_waits_for_its_answer_comes_first(
    collection: Path, look_at: LookAt, administrator: User, technician: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    cases.open_case(radiograph=radiograph_png(77, SMALL), patient_ref="P-9", by=technician, now=now)

    assert pipeline.import_batch(found.pk, clock=lambda: now, seconds=60)

    assert (
        selectors.endings(found)[FileStatus.WAITING] == 4
    )  # one radiograph came in, so that imports end at last


def test_a_message_that_comes_twice_finds_nothing_to_do(
    collection: Path, look_at: LookAt, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    assert Import.claim(found.pk, worker="w", lease=timedelta(seconds=30), now=now)

    assert not pipeline.import_batch(found.pk, clock=lambda: now)

    assert not Case.objects.exists()


def test_a_worker_that_lost_its_lease_keeps_no_radiograph(
    collection: Path, look_at: LookAt, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)

    def taken_away() -> datetime:
        Import.objects.filter(pk=found.pk, status=JobStatus.RUNNING).update(token=None)
        return now

    assert not pipeline.import_batch(found.pk, clock=taken_away)

    assert not Case.objects.exists()
    assert not ImportedLabel.objects.exists()


def test_a_dead_workers_import_is_queued_again_and_the_third_time_fails(
    collection: Path, look_at: LookAt, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    later = now + timedelta(minutes=5)

    for _death in range(3):
        assert Import.claim(found.pk, worker="w", lease=timedelta(seconds=30), now=now)
        assert requeue.requeue_lost(now=later) == 1

    found.refresh_from_db()
    assert (found.status, found.failure_code) == (JobStatus.FAILED, "worker_lost")
    import_control.start_import(importing=found, by=administrator, now=later)  # a person may go on
    assert Import.objects.get(pk=found.pk).status == JobStatus.QUEUED


def test_a_stop_keeps_what_came_in_and_the_rest_can_go_on(
    collection: Path, look_at: LookAt, run: Run, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    pipeline.import_batch(found.pk, clock=lambda: now, seconds=0)
    import_control.stop_import(importing=found, by=administrator, now=now)

    assert not pipeline.import_batch(found.pk, clock=lambda: now)

    found.refresh_from_db()
    assert (found.status, Case.objects.count()) == (JobStatus.DONE, 1)
    assert run(found).status == JobStatus.DONE
    assert Case.objects.count() == 4


def test_what_was_unpacked_stays_until_every_radiograph_has_its_ending(
    collection: Path, look_at: LookAt, run: Run, administrator: User, now: datetime, homes: Path
) -> None:
    from tests.imports.conftest import zipped

    (homes / "mine.zip").write_bytes(zipped(collection))
    found = look_at(homes / "mine.zip")
    import_control.start_import(importing=found, by=administrator, now=now)
    pipeline.import_batch(found.pk, clock=lambda: now, seconds=0)
    import_control.stop_import(importing=found, by=administrator, now=now)
    pipeline.import_batch(found.pk, clock=lambda: now)
    assert staging.staging_folder(found.pk).is_dir()

    run(found)

    assert Case.objects.count() == 4


def test_a_collection_that_is_gone_fails_with_a_reason(
    collection: Path, look_at: LookAt, run: Run, homes: Path
) -> None:
    found = look_at(collection)
    collection.rename(homes / "elsewhere")

    done = run(found)

    assert (done.status, done.failure_code) == (JobStatus.FAILED, "collection_gone")


def test_a_full_disk_fails_with_a_reason_and_loses_no_radiograph(
    collection: Path, look_at: LookAt, run: Run, homes: Path, settings: Settings
) -> None:
    (homes / "full").write_text("a file where a folder should be")
    settings.MEDIA_ROOT = homes / "full"
    found = look_at(collection)

    done = run(found)

    assert (done.status, done.failure_code) == (JobStatus.FAILED, "storage_full")
    settings.MEDIA_ROOT = homes / "media"
    assert selectors.endings(run(done))["opened"] == 4


def test_what_is_under_way_or_over_cannot_be_begun_or_forgotten(
    collection: Path, look_at: LookAt, run: Run, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    with pytest.raises(ImportAlreadyRunning):
        import_control.start_import(importing=found, by=administrator, now=now)
    with pytest.raises(ImportAlreadyStarted):
        scans.discard_scan(importing=found, by=administrator)
    while pipeline.import_batch(found.pk, clock=lambda: now):
        pass
    with pytest.raises(NothingToImport):
        import_control.start_import(importing=found, by=administrator, now=now)


def test_whoever_may_not_import_any_more_brings_nothing_in(
    collection: Path, look_at: LookAt, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    import_control.start_import(importing=found, by=administrator, now=now)
    User.objects.filter(pk=administrator.pk).update(role=Role.TECHNICIAN)

    pipeline.import_batch(found.pk, clock=lambda: now)

    found.refresh_from_db()
    assert (found.status, found.failure_code) == (JobStatus.FAILED, "not_allowed")
    assert not Case.objects.exists()
    with pytest.raises(NotAllowed):
        import_control.stop_import(importing=found, by=User.objects.get(pk=administrator.pk), now=now)


def test_two_collections_that_disagree_over_a_radiograph_are_told_apart(
    homes: Path, look_at: LookAt, run: Run, site: Site
) -> None:
    run(look_at(lay_tree(homes / "first")))
    (homes / "second/covid").mkdir(parents=True)
    (homes / "second/covid/z.png").write_bytes((homes / "first/normal/a.png").read_bytes())
    (homes / "second/covid/y.png").write_bytes((homes / "first/covid/c.png").read_bytes())
    run(look_at(homes / "second"))

    taken = ("normal/b.png", "covid/c.png", "covid/d.png")
    agreed = list(selectors.agreed())
    assert len(agreed) == 3  # also c.png, which both call COVID-19, counts once
    assert {label.case for label in agreed} == set(Case.objects.filter(imported_labels__file__path__in=taken))
    assert selectors.contradicting().count() == 1
