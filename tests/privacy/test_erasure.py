"""Erasure of a patient: nothing of theirs stays, everything of others does, and the audit proves it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection
from django.db.models import Model
from django.test import Client
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Radiograph
from diagnostics.errors import NotAllowed
from diagnostics.integrations.models import IdempotentRequest
from diagnostics.integrations.services import idempotency
from diagnostics.privacy.errors import TrainingIsOpen, UnknownPatient
from diagnostics.privacy.models import Erasure
from diagnostics.privacy.policy import ERASURE_ORDER
from diagnostics.privacy.services import erasure
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading, SavedView
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from tests.conftest import create_user
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import Patient, Ward, stored_bytes
from tests.privacy.searched_texts import searched_texts
from tests.registry.stub_bundle import stub_bundle

REFERENCE_COLUMNS = {"patient", "patient_ref", "reference", "other_reference"}


def erase(ward: Ward, reference: str = REFERENCE, by: User | None = None) -> Erasure:
    return erasure.erase_patient(
        site=ward.site, patient_ref=reference, reason="request", by=by or ward.administrator, now=ward.now
    )


def whole_database() -> str:
    """Return every row of every table as text."""
    rows = [row for model in apps.get_models() for row in model._base_manager.order_by("pk")]
    return serializers.serialize("json", rows) + str(searched_texts())


def test_nothing_of_an_erased_patient_stays_in_the_database_or_in_files(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    ids = [str(one.radiograph.pk) for one in (patient.case, patient.copy)]
    assert REFERENCE in whole_database()
    assert set(ids) <= set("/".join(stored_bytes()).replace(".", "/").split("/"))

    erase(ward)

    assert REFERENCE not in whole_database()
    assert patient.copy.patient_ref not in whole_database()
    assert not any(part in path for path in stored_bytes() for part in ids)
    assert not any(str(patient.reading.pk) in text.decode() for text in stored_bytes().values())


def test_everything_of_another_patient_stays(ward: Ward, patient: Patient, other_patient: Patient) -> None:
    kept = {table.model: rows_of(table.model, table.case, other_patient) for table in ERASURE_ORDER}
    assert all(kept.values())

    erase(ward)

    after = {table.model: rows_of(table.model, table.case, other_patient) for table in ERASURE_ORDER}
    assert after == kept
    assert {Path(path).name for path in stored_bytes()} == {Path(name).name for name in other_patient.files}


def rows_of(model: str, lookup: str, patient: Patient) -> list[object]:
    cases = [patient.case.pk, patient.copy.pk]
    return list(apps.get_model(model).objects.filter(**{f"{lookup}__in": cases}).order_by("pk").values())


def test_every_table_that_refers_to_a_case_is_erased_before_what_it_refers_to() -> None:
    order = [apps.get_model(table.model) for table in ERASURE_ORDER]
    referring: set[type[Model]] = {Case}
    added: list[type[Model]] = [Case]
    while added:
        for relation in added.pop()._meta.get_fields(include_hidden=True):
            model = relation.related_model
            if model and relation.auto_created and not relation.concrete and model not in referring:
                referring.add(model)
                added.append(model)

    assert set(order) == referring
    for position, model in enumerate(order):
        targets = {one.related_model for one in model._meta.concrete_fields if one.is_relation}
        assert not targets & set(order[:position]), model


def test_every_table_with_a_patient_reference_is_known_to_the_erasure() -> None:
    with_reference = {
        model._meta.label
        for model in apps.get_models()
        if any(column.name in REFERENCE_COLUMNS for column in model._meta.concrete_fields)
    }
    others = {
        column.name
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if "patient" in column.name or "reference" in column.name
    }

    assert with_reference == {
        *("cases.Case", "imports.ImportedFile", "privacy.Erasure"),
        *("patients.Patient", "patients.IdentityConflict"),
        "uploads.StagedUpload",
    }
    assert others - REFERENCE_COLUMNS == {"patient_masking", "reference_percent"}


def test_the_audit_names_a_digest_and_counts_and_never_the_reference(ward: Ward, patient: Patient) -> None:
    done = erase(ward)

    event = AuditEvent.objects.get(action=Action.PATIENT_ERASED)
    assert (event.by, event.target_id) == (ward.administrator, str(done.pk))
    assert event.detail["patient"] == done.patient[:16]
    assert event.detail["rows"]["review.Reading"] == 4  # first reading, two amendments, that of the copy
    assert event.detail["files"] == len(patient.files)
    assert REFERENCE not in json.dumps(event.detail)
    assert AuditEvent.objects.filter(target_id=str(patient.case.pk)).exists()  # what was done stays on record


def test_model_versions_trained_on_the_patient_are_marked_with_those_fine_tuned_from_them(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    used = ward.train(1, [patient.reading, other_patient.reading])
    child = ward.train(2, [other_patient.reading], parent=used.candidate)
    unrelated = ward.train(3, [other_patient.reading])

    done = erase(ward)

    marked = dict(ModelVersion.objects.values_list("number", "erased_radiographs"))
    assert used.candidate
    assert child.candidate
    assert unrelated.candidate
    assert marked[used.candidate.number] == marked[child.candidate.number] == 1
    assert marked[unrelated.candidate.number] == 0
    assert (done.runs, done.versions) == ([1], [2, 3])
    lines = (runs.folder(used) / "snapshot.jsonl").read_text().splitlines()
    assert [json.loads(line)["reading"] for line in lines] == [str(other_patient.reading.pk)]


def test_the_page_of_a_marked_version_asks_for_a_new_training(
    client: Client, ward: Ward, patient: Patient, tmp_path: Path
) -> None:
    run = ward.train(1, [patient.reading])
    manifest = json.loads((stub_bundle(tmp_path / "bundle") / "manifest.json").read_text())
    assert run.candidate
    run.candidate.manifest = manifest
    run.candidate.save()
    client.force_login(ward.administrator)
    address = f"/models/{run.candidate_id}/"
    before = client.get(address).content.decode()

    erase(ward)

    text = "1 radiograph of the training data was erased since"
    assert text not in before
    assert text in client.get(address).content.decode()


def test_an_open_training_run_delays_the_erasure(ward: Ward, patient: Patient) -> None:
    TrainingRun.objects.create(number=9, queued_at=ward.now)

    with pytest.raises(TrainingIsOpen):
        erase(ward)

    assert Case.objects.filter(patient_ref=REFERENCE).exists()
    assert not Erasure.objects.exists()


def test_a_failing_file_system_leaves_a_list_that_the_next_call_removes(
    ward: Ward, patient: Patient, settings: Settings
) -> None:
    media = settings.MEDIA_ROOT
    blocked = media / patient.files[0]
    blocked.unlink()
    blocked.mkdir()  # cannot be unlinked

    with pytest.raises(OSError, match=blocked.name):
        erase(ward)
    assert not Case.objects.filter(patient_ref=REFERENCE).exists()
    assert stored_bytes()

    blocked.rmdir()
    assert erasure.finish_pending() == 1
    assert not stored_bytes()
    assert Erasure.objects.get().pending == {}
    assert erasure.finish_pending() == 0


def test_saved_views_that_search_for_the_reference_are_deleted(
    ward: Ward, patient: Patient, radiologist: User
) -> None:
    for name, query in {"theirs": f"q={REFERENCE}&view=PA", "other": "q=CANARY-47&view=PA"}.items():
        SavedView.objects.create(owner=radiologist, name=name, query=query)

    erase(ward)

    assert list(SavedView.objects.values_list("name", flat=True)) == ["other"]


def test_the_preview_counts_what_is_erased_and_names_notes_of_other_cases(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    ward.train(1, [patient.reading])
    Reading.objects.filter(pk=other_patient.reading.pk).update(note=f"see {REFERENCE}")

    extent = erasure.preview(site=ward.site, patient_ref=REFERENCE, by=ward.administrator)

    assert Case.objects.filter(patient_ref=REFERENCE).exists()
    assert (extent.files, extent.runs, extent.versions, extent.mentions) == (14, (1,), (2,), 1)
    assert dict(extent.rows) == erase(ward).rows


def test_a_run_without_a_readable_snapshot_is_named_as_uncertain(ward: Ward, patient: Patient) -> None:
    run = ward.train(4, [patient.reading])
    (runs.folder(run) / "snapshot.jsonl").unlink()

    extent = erasure.preview(site=ward.site, patient_ref=REFERENCE, by=ward.administrator)

    assert (extent.runs, extent.unreadable_runs) == ((), (4,))


@pytest.mark.parametrize("reference", ["unknown", ""])
def test_an_unknown_patient_is_refused(ward: Ward, patient: Patient, reference: str) -> None:
    with pytest.raises(UnknownPatient):
        erase(ward, reference)


def test_a_control_copy_is_no_patient(ward: Ward, patient: Patient) -> None:
    with pytest.raises(UnknownPatient):
        erase(ward, patient.copy.patient_ref)


def test_only_an_administrator_of_the_site_may_erase(
    ward: Ward, patient: Patient, radiologist: User, other_site: Site
) -> None:
    elsewhere = create_user("elsewhere", "administrator", other_site)  # type: ignore[arg-type]

    for user in (radiologist, elsewhere):
        with pytest.raises(NotAllowed):
            erase(ward, by=user)
        with pytest.raises(NotAllowed):
            erasure.preview(site=ward.site, patient_ref=REFERENCE, by=user)

    assert Radiograph.objects.filter(case__patient_ref=REFERENCE).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the file format of SQLite")
def test_the_database_file_has_no_bytes_of_an_erased_patient(
    request: pytest.FixtureRequest, now: datetime
) -> None:
    ward: Ward = request.getfixturevalue("ward")
    request.getfixturevalue("patient")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete=OFF")  # Debian's SQLite was built with it, others were not
    erase(ward)

    database = Path(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(database)) as other:  # a reader beside it, as the web process is
        assert other.execute("SELECT COUNT(*) FROM privacy_erasure").fetchone() == (1,)
    log = database.with_name(f"{database.name}-wal")
    content = database.read_bytes() + (log.read_bytes() if log.exists() else b"")
    assert REFERENCE.encode() not in content


def test_the_stored_answers_of_the_api_about_an_erased_patient_go_and_others_stay(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    for number, case in enumerate((patient.case, other_patient.case)):
        stored = idempotency.begin(
            key=f"{number}",
            owner=ward.administrator.pk,
            path=f"/api/v1/cases/{case.pk}/readings/",
            by=ward.administrator,
            now=ward.now,
        )
        body = f'{{"note": "{case.patient_ref}"}}'
        idempotency.finish(request=stored, fingerprint="", status=201, body=body)

    erase(ward)

    assert [stored.path.split("/")[4] for stored in IdempotentRequest.objects.all()] == [
        str(other_patient.case.pk)
    ]
    assert REFERENCE not in whole_database()
