"""DICOM instances of stored radiographs: header, pixels and files, made at each request."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

import pydicom

from diagnostics.accounts.models import User
from diagnostics.cases import storage
from diagnostics.cases.models import Radiograph
from diagnostics.cases.services import stored_images
from diagnostics.integrations.dicom_attributes import attributes_of
from diagnostics.patients import selectors as patients
from ml.images import full_depth
from ml.images.deidentification import Replacement, deidentify
from ml.images.dicom_attributes import read_attributes
from ml.images.dicom_instance import describe_pixels, encode, little_endian
from ml.images.full_depth import FullDepthImage

DEIDENTIFICATION: Final = (  # a file that names the patient again is not de-identified
    *("DeidentificationMethod", "DeidentificationMethodCodeSequence", "PatientIdentityRemoved"),
    "LongitudinalTemporalInformationModified",
)
logger = logging.getLogger(__name__)


def metadata(radiograph: Radiograph, *, identifiers: bool, by: User, now: datetime) -> pydicom.Dataset:
    """Return the attributes of an instance without its pixels; raises ImageUnavailable, ServerBusy.

    What the header of the file states of patient, study and staff is left out: the rows hold what is right,
    also after a correction.
    """
    packed = stored_images.packed_bit_depth(radiograph, by=by, now=now)
    return _described(radiograph, full_depth.unpack_header(packed), identifiers=identifiers)


def instance_file(radiograph: Radiograph, *, identifiers: bool, by: User, now: datetime) -> bytes:
    """Return the DICOM file of a radiograph; raises ImageUnavailable, ServerBusy."""
    image = full_depth.unpack(stored_images.packed_bit_depth(radiograph, by=by, now=now))
    return encode(_described(radiograph, image, identifiers=identifiers), image)


def frame(radiograph: Radiograph, *, by: User, now: datetime) -> bytes:
    """Return the pixels of an instance as 16-bit words; raises ImageUnavailable, ServerBusy."""
    return little_endian(full_depth.unpack(stored_images.packed_bit_depth(radiograph, by=by, now=now)))


def original_header(radiograph: Radiograph) -> pydicom.Dataset:
    """Return all attributes of the received file; none for PNG and JPEG, and if it cannot be read."""
    if radiograph.source_format != "DICOM":
        return pydicom.Dataset()
    try:
        return read_attributes(storage.read_verified(radiograph.original, radiograph.file_sha256))
    except Exception as error:  # pydicom raises many kinds of errors for a damaged file
        logger.warning("the header of radiograph %s is not used: %s", radiograph.pk, type(error).__name__)
        return pydicom.Dataset()


def _described(radiograph: Radiograph, image: FullDepthImage, *, identifiers: bool) -> pydicom.Dataset:
    dataset = original_header(radiograph)
    deidentify(dataset, Replacement(patient_id="", uid=str))
    for keyword in DEIDENTIFICATION:
        if keyword in dataset:
            del dataset[keyword]
    patient = patients.patient_of(radiograph.case.site, radiograph.case.patient_ref)
    dataset.update(attributes_of(radiograph, patient, identifiers=identifiers))
    describe_pixels(dataset, image)
    return dataset
