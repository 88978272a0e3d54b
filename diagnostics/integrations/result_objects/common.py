"""The modules that both objects of a result share: patient, study, equipment, content time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from diagnostics.integrations.result_objects.values import Result, Subject

MANUFACTURER: Final = "Readroom"
MAX_LONG_STRING: Final = 64  # characters of the value representation LO


def person_name(name: str) -> str:
    """Return "Family, Given (other form)" as the value of a person name (PS3.5 6.2.1), without delimiters."""
    alphabetic = name.partition(" (")[0].translate(str.maketrans("^=\\", "   "))
    family, _comma, given = alphabetic.partition(",")
    return "^".join(part.strip() for part in (family, given) if part.strip())[:MAX_LONG_STRING]


def with_file_meta(dataset: Dataset) -> Dataset:
    """Add the file meta information of an uncompressed object."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset


def set_subject(dataset: Dataset, subject: Subject) -> None:
    """Set patient and study modules; empty values where they are unknown (type 2)."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID, dataset.PatientName = subject.patient_id, person_name(subject.patient_name)
    dataset.PatientBirthDate = f"{subject.birth_date:%Y%m%d}" if subject.birth_date else ""
    dataset.PatientSex = subject.sex
    dataset.StudyInstanceUID, dataset.StudyID = subject.study_uid, ""
    dataset.StudyDate = f"{subject.study_at:%Y%m%d}" if subject.study_at else ""
    dataset.StudyTime = f"{subject.study_at:%H%M%S}" if subject.study_at else ""
    dataset.AccessionNumber = subject.accession_number[:16]
    dataset.ReferringPhysicianName = person_name(subject.referrer)


def set_equipment(dataset: Dataset, result: Result) -> None:
    """Set the equipment module: the model version made the object."""
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, MANUFACTURER
    dataset.SoftwareVersions = result.version[:MAX_LONG_STRING]


def set_times(dataset: Dataset, at: datetime) -> None:
    """Set every date of the object to that of the prediction, so that a repetition is the same object."""
    for keyword in ("SeriesDate", "ContentDate", "InstanceCreationDate"):
        setattr(dataset, keyword, f"{at:%Y%m%d}")
    for keyword in ("SeriesTime", "ContentTime", "InstanceCreationTime"):
        setattr(dataset, keyword, f"{at:%H%M%S}")
