"""Training labels: signed findings, and imported findings of cases without a reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count as counter
from pathlib import Path

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.cases.services.corrections import correct
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel, Stage
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading, ReferenceCase
from diagnostics.review.services import kept_figures
from diagnostics.training import model_card, snapshot
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import label_counts, labels
from tests.training.conftest import Sign

AddImportedLabel = Callable[..., ImportedLabel]


@pytest.fixture
def add_imported_label(
    data_folders: Path, site: Site, administrator: User, sign: Sign, now: datetime
) -> AddImportedLabel:
    """Return a function that stores an imported label, of a new case or of a given one."""
    numbers = counter(1)

    def _add(
        finding: str, *, case: Case | None = None, patient: str = "", at: datetime | None = None
    ) -> ImportedLabel:
        number, opened = next(numbers), case is None
        if case is None:
            reading = sign("normal", patient=patient or f"cohen-{number}")
            case = reading.case
            reading.delete()
        import_job = finished_import(number, site, administrator, now)
        file = ImportedFile.objects.create(
            import_job=import_job,
            position=0,
            path="a.png",
            finding=finding,
            patient_ref=case.patient_ref,
            case=case,
            status=FileStatus.IMPORTED if opened else FileStatus.DUPLICATE,
        )
        return ImportedLabel.objects.create(
            case=case,
            finding=finding,
            collection="Cohen",
            source="cohen",
            import_job=import_job,
            file=file,
            opened_case=opened,
            imported_at=at or now,
        )

    return _add


def finished_import(number: int, site: Site, by: User, now: datetime) -> Import:
    return Import.objects.create(
        number=number,
        stage=Stage.IMPORTING,
        status=JobStatus.DONE,
        requested_by=by,
        site=site,
        queued_at=now,
    )


def training_findings() -> list[str]:
    return sorted(entry.finding for entry in labels.labelled_radiographs())


def test_signed_and_imported_findings_are_training_labels(
    add_imported_label: AddImportedLabel, sign: Sign
) -> None:
    add_imported_label("covid-19")
    sign("normal")

    assert training_findings() == ["covid-19", "normal"]


@pytest.mark.parametrize("finding", ["normal", "cannot-judge"])
def test_a_signed_reading_takes_precedence_over_the_imported_label(
    add_imported_label: AddImportedLabel, radiologist: User, now: datetime, finding: str
) -> None:
    label = add_imported_label("covid-19")
    Reading.objects.create(case=label.case, by=radiologist, finding=finding, signed_at=now)

    assert training_findings() == (["normal"] if finding == "normal" else [])


def test_a_case_in_two_collections_has_one_training_label(add_imported_label: AddImportedLabel) -> None:
    first = add_imported_label("covid-19")
    add_imported_label("covid-19", case=first.case)

    assert training_findings() == ["covid-19"]
    assert labels.conflicting_cases() == {"cases": 0, "patients": 0}


def test_a_case_with_conflicting_imported_labels_is_excluded_until_it_is_read(
    add_imported_label: AddImportedLabel, radiologist: User, now: datetime
) -> None:
    first = add_imported_label("covid-19")
    add_imported_label("normal", case=first.case)

    assert training_findings() == []
    assert labels.conflicting_cases() == {"cases": 1, "patients": 1}
    Reading.objects.create(case=first.case, by=radiologist, finding="normal", signed_at=now)
    assert training_findings() == ["normal"]
    assert labels.conflicting_cases() == {"cases": 0, "patients": 0}


def test_an_imported_reference_case_is_excluded(
    add_imported_label: AddImportedLabel, administrator: User, now: datetime
) -> None:
    label, _other = add_imported_label("covid-19"), add_imported_label("normal")
    assert training_findings() == ["covid-19", "normal"]
    ReferenceCase.objects.create(
        case=label.case, finding="covid-19", basis="collection", by=administrator, at=now, retired_at=now
    )
    assert training_findings() == ["normal"]


def test_nothing_that_is_done_at_a_demonstration_site_is_a_training_label(
    add_imported_label: AddImportedLabel, sign: Sign, site: Site
) -> None:
    sign("normal")
    add_imported_label("covid-19")
    assert training_findings() == ["covid-19", "normal"]

    site.is_demonstration = True
    site.save()

    assert training_findings() == []
    kept_figures.recount_changed()
    assert [count.cases for count in label_counts.class_counts()] == [0, 0, 0, 0]
    assert label_counts.new_final_findings() == 0


def test_a_patient_with_a_signed_and_an_imported_radiograph_is_counted_once(
    add_imported_label: AddImportedLabel, sign: Sign
) -> None:
    add_imported_label("normal", patient="cohen-1")
    add_imported_label("normal", patient="cohen-1")
    sign("normal", patient="cohen-1")
    sign("normal", patient="MRN-1")

    kept_figures.recount_changed()
    counts = {count.finding: (count.cases, count.patients) for count in label_counts.class_counts()}

    assert counts["normal"] == (4, 2)
    assert counts["covid-19"] == (0, 0)


def test_imported_findings_are_not_counted_as_new_ones(
    add_imported_label: AddImportedLabel, sign: Sign, now: datetime
) -> None:
    add_imported_label("normal", at=now)
    sign("normal", at=now)
    TrainingRun.objects.create(
        number=1, status=JobStatus.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )

    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 1


def test_a_read_imported_radiograph_keeps_its_collection_as_source(
    add_imported_label: AddImportedLabel, sign: Sign, site: Site, radiologist: User, now: datetime
) -> None:
    uploaded, imported, linked = (
        sign("normal"),
        add_imported_label("normal"),
        add_imported_label("covid-19", case=sign("normal").case),
    )
    Reading.objects.create(case=imported.case, by=radiologist, finding="normal", signed_at=now)

    sources = {entry.pixel_sha256: entry.source for entry in labels.labelled_radiographs()}

    assert sources[imported.case.radiograph.pixel_sha256] == "cohen"
    assert sources[uploaded.case.radiograph.pixel_sha256] == str(site.pk)
    assert sources[linked.case.radiograph.pixel_sha256] == str(site.pk)  # it was uploaded here first


def test_a_second_attempt_uses_the_labels_of_the_first_snapshot(
    add_imported_label: AddImportedLabel, sign: Sign, radiologist: User, now: datetime, tmp_path: Path
) -> None:
    label = add_imported_label("covid-19")
    sign("normal")
    text = snapshot.to_lines(labels.labelled_radiographs(), secret="s")
    sha256 = snapshot.freeze(tmp_path, text)
    Reading.objects.create(case=label.case, by=radiologist, finding="normal", signed_at=now)
    sign("normal")

    frozen = snapshot.frozen_labels(tmp_path, sha256=sha256)

    assert frozen is not None
    assert snapshot.to_lines(labels.labelled_radiographs_of(frozen), secret="s") == text


def test_the_snapshot_distinguishes_imported_labels_from_readings(
    add_imported_label: AddImportedLabel, sign: Sign
) -> None:
    label, reading = add_imported_label("covid-19"), sign("normal")

    rows = [
        json.loads(line) for line in snapshot.to_lines(labels.labelled_radiographs(), secret="s").splitlines()
    ]

    assert {row["label"]: (row.get("imported"), row.get("reading")) for row in rows} == {
        "covid-19": (str(label.pk), None),
        "normal": (None, str(reading.pk)),
    }


def test_the_model_card_states_the_number_of_imported_labels() -> None:
    assert "The labels are single signed readings" in model_card._labels(TrainingRun(counts={}))
    run = TrainingRun(counts={"imported": {"cases": 12}})
    assert model_card._labels(run).startswith(
        "12 labels came with imported collections and were not read at this site"
    )


def test_withdrawn_cases_have_no_training_label(
    add_imported_label: AddImportedLabel, sign: Sign, administrator: User, now: datetime
) -> None:
    signed, imported = sign("normal"), add_imported_label("covid-19")
    conflicting = add_imported_label("covid-19")
    add_imported_label("normal", case=conflicting.case)
    for case in (signed.case, imported.case, conflicting.case):
        correct(case=case, kind="withdraw", reason="wrong patient", by=administrator, now=now)

    assert training_findings() == []
    kept_figures.recount_changed()
    assert {one.cases for one in label_counts.class_counts()} == {0}
    assert labels.conflicting_cases() == {"cases": 0, "patients": 0}
    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 0


def test_a_moved_case_is_split_with_its_new_patient(sign: Sign, administrator: User, now: datetime) -> None:
    moved, stays = sign("normal", patient="MRN-OLD"), sign("normal", patient="MRN-NEW")
    correct(
        case=moved.case, kind="patient", value="MRN-NEW", reason="wrong patient", by=administrator, now=now
    )

    entries = {entry.label: entry for entry in labels.labelled_radiographs()}
    pseudonyms = {
        snapshot.pseudonym(entry.site, entry.patient_ref, secret="secret") for entry in entries.values()
    }
    assert set(entries) == {moved.pk, stays.pk}
    assert len(pseudonyms) == 1
