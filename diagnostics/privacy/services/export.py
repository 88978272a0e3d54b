"""Export of everything that is stored about one patient, as a ZIP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import CorrectionKind, Prediction, Radiograph
from diagnostics.cases.services.control_copies import COPIED_TEXTS
from diagnostics.privacy.policy import ERASURE_ORDER, NOT_EXPORTED
from diagnostics.privacy.selectors import identities, patients, training_use
from diagnostics.privacy.services.access import require_privacy
from diagnostics.registry.models import ModelVersion
from diagnostics.uploads import selectors as uploads

MODE: Final = 0o600
OTHER: Final = "another patient"
TYPED_FIELDS: Final = ("patient_ref", "accession_number", "details", "name", "mismatch_reason")
SUFFIXES: Final = {"DICOM": ".dcm", "PNG": ".png", "JPEG": ".jpg"}
README: Final = """What Readroom stores about one patient.

data.json      every row that belongs to the patient, by table; members of staff appear by their role
audit.json     what was done with the cases, when, and in which role
training.json  training runs whose data set contains the radiographs, and the model versions trained on them
images/        per case: the file as it was received, the image shown, heatmaps and overlays of AI results
missing.txt    files that should be here and are not on the disk; absent if there are none
"""


@dataclass
class PatientExport:
    """How much was exported."""

    cases: int
    files: int = 0
    missing: list[str] = field(default_factory=list)


def export_patient(*, site: Site, patient_ref: str, out: Path, by: User, now: datetime) -> PatientExport:
    """Write a new ZIP, readable by its owner only; raises NotAllowed, UnknownPatient, OSError."""
    require_privacy(by, site)
    cases = patients.case_ids(site, patient_ref)
    export = PatientExport(cases=len(cases))
    tables = {table.model: [_row(row) for row in patients.rows_of(table, cases)] for table in ERASURE_ORDER}
    listed = [_row(row) for row in patients.unimported_files(site, patient_ref)]
    tables["imports.ImportedFile"] += listed
    for model, rows in identities.identity_rows(site, [patient_ref]).items():
        tables[model] = [_row(row) for row in rows]
    tables["uploads.StagedUpload"] = [_row(row) for row in uploads.of_patient(site, patient_ref, cases)]
    _hide_others(tables, patient_ref)
    with _new_zip(out) as archive:
        archive.writestr("README.txt", README)
        _write_json(archive, "data.json", {"exported_at": now, "site": site.name, "tables": tables})
        _write_json(archive, "audit.json", _audit(cases))
        _write_json(archive, "training.json", _training(cases))
        _write_images(archive, cases, export)
        if export.missing:
            archive.writestr("missing.txt", "\n".join(export.missing))
    _record(site, patient_ref, export, by=by, now=now)
    return export


@contextmanager
def _new_zip(out: Path) -> Iterator[ZipFile]:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        with os.fdopen(descriptor, "wb") as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
            yield archive
    except BaseException:
        out.unlink()
        raise


def _row(row: Model) -> dict[str, Any]:
    return {
        column.name: _value(row, column.name, column.attname)
        for column in row._meta.concrete_fields
        if column.name not in NOT_EXPORTED
    }


def _hide_others(tables: dict[str, list[dict[str, Any]]], patient_ref: str) -> None:
    """Remove what rows hold of other patients: references beside this one, and texts of control copies."""
    for row in tables["cases.Case"]:
        if row["copy_of"]:
            row |= {name: OTHER for name in COPIED_TEXTS if row[name]}
    for row in tables["cases.Correction"]:
        if row["kind"] == CorrectionKind.PATIENT:
            row |= {name: row[name] if row[name] == patient_ref else OTHER for name in ("old", "new")}
    for row in tables["patients.IdentityConflict"]:
        names = [name for name in ("reference", "other_reference") if row[name]]
        row |= {name: row[name] if row[name] == patient_ref else OTHER for name in names}
    for row in tables["uploads.StagedUpload"]:  # typed fields and file may name two patients
        if row["patient_ref"] not in ("", patient_ref):
            row |= {name: OTHER for name in TYPED_FIELDS if row[name]}
        if row["header"].get("patient_ref", "") not in ("", patient_ref):
            row["header"] = OTHER


def _value(row: Model, name: str, attname: str) -> object:
    """Return the value of a column: a role in place of a user, a number in place of a model version."""
    if attname == name or getattr(row, attname) is None:
        return getattr(row, attname)
    related = getattr(row, name)
    if isinstance(related, User):
        return related.get_role_display()
    return str(related) if isinstance(related, ModelVersion) else str(related.pk)


def _audit(cases: list[UUID]) -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(target_kind="case", target_id__in=[str(pk) for pk in cases])
    return [
        {
            "at": event.at,
            "by": event.by.get_role_display() if event.by else _("System"),
            "action": event.get_action_display(),
            "case": event.target_id,
            "detail": event.detail,
        }
        for event in events.select_related("by").order_by("pk")
    ]


def _training(cases: list[UUID]) -> dict[str, Any]:
    uses = training_use.uses_of(training_use.labels_of(cases))
    return {
        "runs": [{"number": use.run.number, "labels": use.labels} for use in uses if use.labels],
        "runs_without_readable_snapshot": [use.run.number for use in uses if use.labels is None],
        "model_versions": [str(version) for version in training_use.versions_of(uses)],
    }


def _write_json(archive: ZipFile, name: str, content: object) -> None:
    archive.writestr(name, json.dumps(content, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False))


def _write_images(archive: ZipFile, cases: list[UUID], export: PatientExport) -> None:
    for radiograph in Radiograph.objects.filter(case__in=cases):
        folder = f"images/{radiograph.case_id}"
        names = storage.radiograph_files(radiograph.pk)
        suffix = SUFFIXES.get(radiograph.source_format.upper(), ".bin")
        _write_file(archive, f"{folder}/original{suffix}", names.original, export)
        _write_file(archive, f"{folder}/display.png", names.display, export)
    for prediction in Prediction.objects.filter(case__in=cases).exclude(heatmap_file=""):
        stem = f"images/{prediction.case_id}/{prediction.pk}"
        _write_file(archive, f"{stem}-heatmaps.npz", prediction.heatmap_file, export)
        _write_file(archive, f"{stem}-overlay.png", prediction.overlay_file, export)


def _write_file(archive: ZipFile, name: str, stored: str, export: PatientExport) -> None:
    try:
        content = storage.store().read(stored)
    except FileNotFoundError:
        export.missing.append(name)
    else:
        archive.writestr(name, content, ZIP_STORED)  # its format is compressed already
        export.files += 1


def _record(site: Site, patient_ref: str, export: PatientExport, *, by: User, now: datetime) -> None:
    detail = {
        "patient": patients.patient_digest(site, patient_ref)[:16],
        "cases": export.cases,
        "files": export.files,
    }
    audit.record(action=Action.PATIENT_EXPORTED, by=by, target=site, detail=detail, now=now)
