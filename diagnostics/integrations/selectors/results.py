"""The AI result of a case as the values of its DICOM objects."""

from __future__ import annotations

from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _
from pydicom.uid import SecondaryCaptureImageStorage

from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.findings import Finding
from diagnostics.integrations.models.dicom_deliveries import ResultKind
from diagnostics.integrations.result_objects.uids import instance_uid, own_uid, series_uid
from diagnostics.integrations.result_objects.values import ClassScore, Result, SourceImage, Subject
from diagnostics.patients.models import Patient
from ml.images.dicom_meta import read_instance_meta

OUTCOMES: Final = (PredictionOutcome.INDETERMINATE, PredictionOutcome.OUT_OF_DISTRIBUTION)


def result_of(prediction: Prediction, *, overlay_png: bytes) -> Result:
    """Return the values of a finished prediction by the current identity of its case."""
    case, version, finished = prediction.case, prediction.version, prediction.finished_at
    if version is None or finished is None:
        raise ValueError("the prediction is not finished")
    return Result(
        subject=_subject(case),
        source=_source(case),
        version=version.manifest.get("version") or f"v{version.number}",
        outcome=prediction.outcome if prediction.outcome in OUTCOMES else "",
        finding=prediction.finding,
        finding_label=_finding_label(prediction),
        scores=tuple(_score(prediction, name) for name in prediction.probabilities),
        created_at=timezone.localtime(finished),
        overlay_png=overlay_png,
        instance_uids={kind.value: instance_uid(case.pk, version.pk, kind) for kind in ResultKind},
        series_uids={kind.value: series_uid(case.pk, version.pk, kind) for kind in ResultKind},
        disclaimer=_("Research use only. Not for diagnosis."),
    )


def _finding_label(prediction: Prediction) -> str:
    if prediction.outcome in OUTCOMES:
        return str(PredictionOutcome(prediction.outcome).label)
    return str(Finding(prediction.finding).label)


def _score(prediction: Prediction, name: str) -> ClassScore:
    label = str(Finding(name).label) if name in Finding.values else name
    return ClassScore(name, label, prediction.probabilities[name], prediction.operating_points.get(name))


def _subject(case: Case) -> Subject:
    patient = Patient.objects.filter(site=case.site, reference=case.patient_ref).first()
    radiograph = case.radiograph
    return Subject(
        patient_id=case.patient_ref,
        patient_name=patient.name if patient else "",
        birth_date=patient.birth_date if patient else None,
        sex=(patient.sex if patient else "") or radiograph.sex,
        study_uid=radiograph.study_uid or own_uid(case.pk, "study"),
        study_at=timezone.localtime(radiograph.study_at) if radiograph.study_at else None,
        accession_number=case.accession_number,
        referrer=case.referrer,
    )


def _source(case: Case) -> SourceImage:
    """Return the radiograph; one whose file is no DICOM instance gets UIDs of its own."""
    radiograph = case.radiograph
    try:
        original = storage.read_verified(radiograph.original, radiograph.file_sha256)
    except OSError:
        original = b""
    meta = read_instance_meta(original)
    return SourceImage(
        sop_class_uid=meta.sop_class_uid or SecondaryCaptureImageStorage,
        sop_instance_uid=radiograph.sop_instance_uid or own_uid(case.pk, "instance"),
        series_uid=radiograph.series_uid or own_uid(case.pk, "series"),
        rows=radiograph.height,
        columns=radiograph.width,
        modality=radiograph.modality,
    )
