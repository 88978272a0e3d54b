"""De-identification by the basic profile of DICOM PS3.15, and blacked-out text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.sequence import Sequence

from ml.images.burned_in_text import Region, text_regions
from ml.images.deidentification import Action, Replacement, deidentify
from ml.images.deidentified_file import black_out
from ml.images.dicom_attributes import read_attributes
from ml.images.full_depth import read_full_depth
from ml.records import Grey
from tests.radiographs import radiograph_dicom, radiograph_grey

CANARY = "Meier"
# The actions of PS3.15, table E.1-1, column "Basic Prof.", copied from the standard by hand.
TEXTS = {
    "AccessionNumber": "Z",
    "InstitutionName": "X/Z/D",
    "InstitutionAddress": "X",
    "ReferringPhysicianName": "Z",
    "StationName": "X/Z/D",
    "StudyDescription": "X",
    "SeriesDescription": "X",
    "InstitutionalDepartmentName": "X",
    "PerformingPhysicianName": "X",
    "OperatorsName": "X/Z/D",
    "AdmittingDiagnosesDescription": "X",
    "PatientName": "Z",
    "PatientID": "Z",
    "OtherPatientIDs": "X",
    "OtherPatientNames": "X",
    "PatientAddress": "X",
    "AdditionalPatientHistory": "X",
    "PatientComments": "X",
    "DeviceSerialNumber": "X/Z/D",
    "ProtocolName": "X/D",
    "StudyID": "Z",
    "ImageComments": "X",
    "RequestedProcedureDescription": "X/Z",
    "RequestingPhysician": "X",
}
DATES = {"StudyDate": "Z", "SeriesDate": "X/D", "AcquisitionDate": "X/Z", "ContentDate": "Z/D"}
KEPT = {
    "Modality": "DX",
    "ViewPosition": "PA",
    "BodyPartExamined": "CHEST",
    "Manufacturer": "Maker",
    "KVP": "120",
    "Rows": 256,
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
}


def without_identity(shift: timedelta | None = None) -> Replacement:
    return Replacement(patient_id="R-1", uid=lambda uid: f"2.25.{len(uid)}", shift=shift)


def header(**attributes: Any) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_no_text_that_the_standard_lists_is_kept():
    dataset = header(**dict.fromkeys(TEXTS, CANARY), PatientSex="F", PatientAge="064Y", **KEPT)

    deidentify(dataset, without_identity())

    assert CANARY not in str(dataset)
    assert {dataset.get(keyword) for keyword in ("PatientSex", "PatientAge")} <= {None, ""}
    assert {keyword: dataset[keyword].value for keyword in KEPT} == KEPT
    assert (dataset.PatientID, str(dataset.PatientName), dataset.PatientIdentityRemoved) == (
        "R-1",
        "R-1",
        "YES",
    )
    assert dataset.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_every_change_is_reported_without_its_value():
    dataset = header(**dict.fromkeys(TEXTS, CANARY))

    changes = deidentify(dataset, without_identity())

    assert {change.keyword for change in changes} == set(TEXTS)
    assert CANARY not in str(changes)
    by_keyword = {change.keyword: change.action for change in changes}
    assert by_keyword["StudyDescription"] == Action.REMOVED
    assert by_keyword["AccessionNumber"] == Action.EMPTIED


def test_an_attribute_that_was_empty_is_not_reported():
    dataset = header(PatientName="", StudyID=None, AccessionNumber="A-1")

    changes = deidentify(dataset, without_identity())

    assert [change.keyword for change in changes] == ["AccessionNumber"]


def test_uids_are_mapped_also_inside_sequences_and_those_of_classes_are_kept():
    item = header(FrameOfReferenceUID="1.2.345", CodeValue="R-10214")
    dataset = header(
        StudyInstanceUID="1.2", SOPInstanceUID="1.2.3", ViewCodeSequence=Sequence([item]), **KEPT
    )

    deidentify(dataset, without_identity())

    assert (dataset.StudyInstanceUID, dataset.SOPInstanceUID) == ("2.25.3", "2.25.5")
    assert dataset.ViewCodeSequence[0].FrameOfReferenceUID == "2.25.7"
    assert dataset.ViewCodeSequence[0].CodeValue == "R-10214"


def test_private_attributes_curves_and_overlays_are_removed():
    dataset = header(Rows=1)
    dataset.private_block(0x0011, "MAKER", create=True).add_new(0x01, "LO", CANARY)
    dataset.add_new((0x6000, 0x3000), "OW", b"\0\0")
    dataset.add_new((0x5000, 0x3000), "OW", b"\0\0")
    dataset.add_new((0x0008, 0xFFF0), "LO", CANARY)  # no attribute of the standard

    deidentify(dataset, without_identity())

    assert not [tag for tag in dataset.keys() if tag.group in (0x0011, 0x5000, 0x6000)]  # noqa: SIM118
    assert CANARY not in str(dataset)


def test_dates_are_removed():
    dataset = header(**dict.fromkeys(DATES, "20260228"), PatientBirthDate="19610714", StudyTime="1015")

    deidentify(dataset, without_identity())

    assert not [
        keyword
        for keyword in (*DATES, "PatientBirthDate", "StudyTime")
        if dataset.get(keyword) not in (None, "", "19000101", "000000")
    ]
    assert dataset.LongitudinalTemporalInformationModified == "REMOVED"


def test_shifted_dates_keep_their_distance_and_the_birth_date_is_not_kept():
    dataset = header(
        StudyDate="20240301", AcquisitionDateTime="20240302081500.5", PatientBirthDate="19610714"
    )

    deidentify(dataset, without_identity(timedelta(days=-60)))

    assert (dataset.StudyDate, dataset.AcquisitionDateTime) == ("20240101", "20240102081500.5")
    assert not dataset.PatientBirthDate
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107"]


@pytest.mark.parametrize("value", ["2024", "99999999", "tomorrow"])
def test_a_date_that_cannot_be_shifted_is_removed(value: str):
    dataset = pydicom.Dataset()
    element = pydicom.DataElement("StudyDate", "DA", "20240101")
    element._value = value  # as read from a damaged file
    dataset.add(element)

    deidentify(dataset, without_identity(timedelta(days=-60)))

    assert "StudyDate" not in dataset


@pytest.mark.parametrize("corner", [(20, 30), (330, 460)], ids=["top left", "bottom right"])
def test_drawn_text_is_inside_the_regions_that_are_found(corner: tuple[int, int]):
    grey = dark(2, (512, 512))
    drawn = with_text(grey, "MEIER ANNA", corner)
    changed = drawn != grey

    regions = text_regions(drawn)

    inside = np.zeros(grey.shape, bool)
    for each in regions:
        inside[each.top : each.top + each.height, each.left : each.left + each.width] = True
    assert changed.any()
    assert not (changed & ~inside).any()
    assert inside.mean() < 0.1


@pytest.mark.parametrize("seed", range(6))
def test_a_radiograph_without_text_has_no_region(seed: int):
    assert text_regions(radiograph_grey(seed, (400, 300)).astype(np.float32)) == []


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_blacked_out_region_is_black_and_the_rest_unchanged(photometric: str):
    image = read_full_depth(radiograph_dicom(1, photometric=photometric))
    region = Region(top=20, left=30, height=40, width=100)

    blacked = black_out(image, [region])

    inside = np.s_[region.top : region.top + region.height, region.left : region.left + region.width]
    black = image.stored.max() if photometric == "MONOCHROME1" else image.stored.min()
    assert (blacked.stored[inside] == black).all()
    outside = np.ones(image.stored.shape, bool)
    outside[inside] = False
    np.testing.assert_array_equal(blacked.stored[outside], image.stored[outside])


def dark(seed: int, size: tuple[int, int]) -> Grey:
    """Return a drawn radiograph that is dark enough for white letters."""
    return radiograph_grey(seed, size).astype(np.float32) * np.float32(0.4)


def with_text(grey: Grey, text: str, corner: tuple[int, int]) -> Grey:
    """Return an image with white letters; `corner` is (column, row) of their top left."""
    letters = Image.new("L", (grey.shape[1], grey.shape[0]))
    ImageDraw.Draw(letters).text(corner, text, fill=255, font=ImageFont.load_default(18))
    return np.where(np.asarray(letters) > 128, np.float32(1), grey)


def test_texts_of_another_character_set_are_read():
    content = radiograph_dicom(1, PatientName="Müller^Änne", SpecificCharacterSet="ISO_IR 100", KVP="120")

    header = read_attributes(content)

    assert (str(header.PatientName), header.KVP) == ("Müller^Änne", 120)
    assert "PixelData" not in header


def test_an_attribute_that_cannot_be_read_is_left_out():
    content = radiograph_dicom(1, KVP="120", PatientID="P-1").replace(b"120 ", b"1x0 ")

    header = read_attributes(content)

    assert header.PatientID == "P-1"
    assert "KVP" not in header
