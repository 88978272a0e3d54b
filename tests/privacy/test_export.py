"""Export of a patient: everything of theirs, nothing of others, no name of a member of staff."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.apps import apps

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.errors import NotAllowed
from diagnostics.privacy.errors import UnknownPatient
from diagnostics.privacy.policy import ERASURE_ORDER
from diagnostics.privacy.services.export import PatientExport, export_patient
from tests.conftest import create_user
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import NOTE, Patient, Ward


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def export(ward: Ward, out: Path, reference: str = REFERENCE, by: User | None = None) -> PatientExport:
    return export_patient(
        site=ward.site, patient_ref=reference, out=out, by=by or ward.administrator, now=ward.now
    )


def read_json(out: Path, name: str) -> dict[str, object]:
    with ZipFile(out) as archive:
        content: dict[str, object] = json.loads(archive.read(name))
    return content


def test_the_export_contains_every_row_of_the_patient_and_none_of_another(
    ward: Ward, patient: Patient, other_patient: Patient, out: Path
) -> None:
    export(ward, out)

    tables = read_json(out, "data.json")["tables"]
    assert isinstance(tables, dict)
    for table in ERASURE_ORDER:
        cases = {f"{table.case}__in": [patient.case.pk, patient.copy.pk]}
        expected = {
            str(pk) for pk in apps.get_model(table.model).objects.filter(**cases).values_list("pk", flat=True)
        }
        exported = {str(row.get("id") or row.get("case")) for row in tables[table.model]}
        assert expected
        assert expected <= exported
    text = json.dumps(tables)
    assert NOTE + REFERENCE in text
    assert f"{REFERENCE}-2.png" in text  # a file of an import without a case
    assert other_patient.reference not in text
    assert "EARLIER-" not in text  # the reference of another patient, from whom the case was moved
    assert [row["name"] for row in tables["patients.Patient"]] == [f"Name of {REFERENCE}"]
    assert [row["found"] for row in tables["patients.IdentityConflict"]] == [f"Other {REFERENCE}"]


def test_the_export_contains_every_stored_image(ward: Ward, patient: Patient, out: Path) -> None:
    exported = export(ward, out)

    names = [
        name for name in patient.files if not name.endswith((".grey.png", ".depth.gz", ".thumbnail.jpg"))
    ]
    stored = sorted(
        storage.path(name).read_bytes() for name in names
    )  # the three others are made of the original
    with ZipFile(out) as archive:
        images = sorted(archive.read(name) for name in archive.namelist() if name.startswith("images/"))
        assert f"images/{patient.case.pk}/original.dcm" in archive.namelist()
    assert images == stored
    assert (exported.cases, exported.files, exported.missing) == (2, len(stored), [])


def test_members_of_staff_appear_by_their_role(ward: Ward, patient: Patient, out: Path) -> None:
    export(ward, out)

    with ZipFile(out) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".json"))
    assert ward.reader.username not in text
    assert str(ward.reader.pk) not in text
    assert '"by": "Radiologist"' in text


def test_the_export_lists_what_was_done_and_which_training_used_it(
    ward: Ward, patient: Patient, other_patient: Patient, out: Path
) -> None:
    ward.train(1, [patient.reading, other_patient.reading])
    ward.train(2, [other_patient.reading])

    export(ward, out)

    done = read_json(out, "audit.json")
    assert [(event["action"], event["case"]) for event in done] == [  # type: ignore[index]
        ("opened a case", str(patient.case.pk))
    ]
    assert read_json(out, "training.json") == {
        "runs": [{"number": 1, "labels": [str(patient.reading.pk)]}],
        "runs_without_readable_snapshot": [],
        "model_versions": ["v2"],
    }


def test_a_file_that_is_not_on_the_disk_is_listed(ward: Ward, patient: Patient, out: Path) -> None:
    storage.path(patient.files[0]).unlink()

    exported = export(ward, out)

    assert exported.missing == [f"images/{patient.case.pk}/original.dcm"]
    with ZipFile(out) as archive:
        assert archive.read("missing.txt").decode() == exported.missing[0]


def test_the_export_is_readable_by_its_owner_only_and_overwrites_nothing(
    ward: Ward, patient: Patient, out: Path
) -> None:
    export(ward, out)

    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        export(ward, out)
    assert ZipFile(out).testzip() is None


def test_the_export_is_audited_without_the_reference(ward: Ward, patient: Patient, out: Path) -> None:
    export(ward, out)

    event = AuditEvent.objects.get(action=Action.PATIENT_EXPORTED)
    assert (event.by, event.target_id) == (ward.administrator, str(ward.site.pk))
    assert (event.detail["cases"], event.detail["files"]) == (2, 8)
    assert REFERENCE not in json.dumps(event.detail)


def test_only_an_administrator_of_the_site_may_export(
    ward: Ward, patient: Patient, radiologist: User, other_site: Site, out: Path
) -> None:
    elsewhere = create_user("elsewhere", "administrator", other_site)  # type: ignore[arg-type]

    for user in (radiologist, elsewhere):
        with pytest.raises(NotAllowed):
            export(ward, out, by=user)
    with pytest.raises(UnknownPatient):
        export(ward, out, "unknown")

    assert not out.exists()
