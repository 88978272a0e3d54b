"""The published radiographs of the demonstration, with their credits, and as DICOM files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

FOLDER: Final = Path(__file__).parent / "images"
INSTITUTION: Final = "Hannover Medical School"


@dataclass(frozen=True)
class DemoRadiograph:
    """One published radiograph; `days_ago` counts from the newest radiograph of its patient."""

    file: str
    patient: str
    days_ago: int
    view: str
    sex: str
    licence: str
    credit: str

    @property
    def patient_ref(self) -> str:
        """Return the patient reference of the demonstration."""
        return f"DEMO-{self.patient}"

    @property
    def accession_number(self) -> str:
        """Return the accession number of the demonstration."""
        return f"DEMO-{self.patient}-{self.days_ago:02}"


def demo_radiographs() -> list[DemoRadiograph]:
    """Return the radiographs of the demonstration, the oldest first."""
    with (FOLDER / "images.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    newest = {row["patient"]: max(_days(rows, row["patient"])) for row in rows}
    radiographs = [
        DemoRadiograph(
            file=row["file"],
            patient=row["patient"],
            days_ago=newest[row["patient"]] - int(row["day"]),
            view=row["view"],
            sex=row["sex"],
            licence=row["licence"],
            credit=row["credit"],
        )
        for row in rows
    ]
    return sorted(radiographs, key=lambda each: (-each.days_ago, each.patient))


def _days(rows: Iterable[dict[str, str]], patient: str) -> list[int]:
    return [int(row["day"]) for row in rows if row["patient"] == patient]


def dicom_of(radiograph: DemoRadiograph, *, now: datetime) -> bytes:
    """Return a radiograph as a DICOM file whose study was `days_ago` before an hour ago."""
    study_at = now - timedelta(days=radiograph.days_ago, hours=1)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[radiograph.file])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[radiograph.file, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[radiograph.file, "series"])
    dataset.PatientID, dataset.PatientName = radiograph.patient_ref, f"DEMONSTRATION^{radiograph.patient}"
    dataset.PatientSex, dataset.AccessionNumber = radiograph.sex, radiograph.accession_number
    dataset.StudyDate, dataset.StudyTime = f"{study_at:%Y%m%d}", f"{study_at:%H%M%S}"
    dataset.TimezoneOffsetFromUTC = f"{study_at:%z}"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", radiograph.view
    dataset.InstitutionName, dataset.ImageComments = INSTITUTION, f"{radiograph.licence}: {radiograph.credit}"
    _set_pixels(dataset, FOLDER / radiograph.file)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _set_pixels(dataset: FileDataset, path: Path) -> None:
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))
    dataset.Rows, dataset.Columns = grey.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = grey.tobytes() + b"\0" * (grey.size % 2)
