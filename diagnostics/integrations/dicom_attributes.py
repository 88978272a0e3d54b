"""The attributes of a radiograph in DICOM, from its rows: what Readroom keeps of patient, study and image."""

from __future__ import annotations

from typing import Final

import pydicom
from django.utils import timezone

from diagnostics.cases.models import Radiograph
from diagnostics.integrations.instance_uids import uids_of
from diagnostics.patients.models import Patient
from diagnostics.patients.presenters import masked_reference, patient_line
from ml.images.dicom_instance import sop_class_of

STUDY: Final = (
    *("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyInstanceUID"),
    "StudyID",
)
SERIES: Final = ("Modality", "BodyPartExamined", "SeriesInstanceUID", "SeriesNumber", "Laterality")
INSTANCE: Final = (
    *("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "ViewPosition", "Rows", "Columns"),
    "BitsAllocated",
)


def attributes_of(radiograph: Radiograph, patient: Patient | None, *, identifiers: bool) -> pydicom.Dataset:
    """Return the attributes of a radiograph; the patient is masked unless `identifiers` may be seen."""
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _describe_patient(dataset, radiograph, patient, identifiers)
    _describe_study(dataset, radiograph)
    uids, modality = uids_of(radiograph), radiograph.modality or "OT"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uids.study, uids.series
    dataset.SOPInstanceUID, dataset.SOPClassUID = uids.instance, sop_class_of(modality)
    dataset.Modality, dataset.BodyPartExamined = modality, radiograph.body_part
    dataset.Laterality = radiograph.laterality
    dataset.ViewPosition = {"LATERAL": "LL"}.get(radiograph.view, radiograph.view)
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.Rows, dataset.Columns, dataset.BitsAllocated = radiograph.height, radiograph.width, 16
    return dataset


def _describe_patient(
    dataset: pydicom.Dataset, radiograph: Radiograph, patient: Patient | None, identifiers: bool
) -> None:
    case = radiograph.case
    line = patient_line(case.site, patient, case.patient_ref, revealed=identifiers)
    dataset.PatientID = case.patient_ref if identifiers else masked_reference(case.site, case.patient_ref)
    dataset.PatientName = line.name.replace(", ", "^", 1) if identifiers else dataset.PatientID
    born = line.birth_date if identifiers else None
    dataset.PatientBirthDate = f"{born:%Y%m%d}" if born else ""
    dataset.PatientSex = line.sex or radiograph.sex
    dataset.PatientAge = "" if radiograph.age is None else f"{radiograph.age:03d}Y"


def _describe_study(dataset: pydicom.Dataset, radiograph: Radiograph) -> None:
    at = timezone.localtime(radiograph.study_at) if radiograph.study_at else None
    dataset.StudyDate = f"{at:%Y%m%d}" if at else ""
    dataset.StudyTime = f"{at:%H%M%S}" if at else ""
    dataset.AccessionNumber = radiograph.case.accession_number
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = ""
