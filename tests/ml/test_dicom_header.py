"""Headers of DICOM files: names in many character sets, identifiers, times, and damaged values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydicom import uid
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset

from ml.errors import UnreadableImage
from ml.images.decode_in_child import decode_radiograph_in_child, read_header_in_child
from ml.images.dicom_header import read_header
from ml.records import DicomHeader
from tests.ml.encodings import written
from tests.ml.test_dicom import read_dataset
from tests.radiographs import radiograph_dicom, radiograph_png


def header_with(**tags: object) -> DicomHeader:
    return read_header(radiograph_dicom(**tags))  # type: ignore[arg-type]


def with_name_bytes(name: bytes, character_set: str | list[str]) -> bytes:
    """Return a file whose name is exactly these bytes: not pydicom, but the test encodes it."""
    name += b" " * (len(name) % 2)
    placeholder = "X" * len(name)
    content = radiograph_dicom(PatientName=placeholder, SpecificCharacterSet=character_set)
    return content.replace(placeholder.encode(), name)


def item(**tags: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


# The multi-byte names are the examples of DICOM PS3.5, Annexes H to K.
NAMES: dict[str, tuple[bytes, str | list[str], str]] = {
    "no character set": (b"Meier^Anna", "", "Meier, Anna"),
    "Latin 1": ("Müller^Zoë".encode("latin-1"), "ISO_IR 100", "Müller, Zoë"),
    "Latin 2": ("Wałęsa^Łucja".encode("iso8859-2"), "ISO_IR 101", "Wałęsa, Łucja"),
    "Cyrillic": ("Иванова^Анна".encode("iso8859-5"), "ISO_IR 144", "Иванова, Анна"),
    "Arabic": ("قباني^لنزار".encode("iso8859-6"), "ISO_IR 127", "قباني, لنزار"),
    "Greek": ("Διονυσιος".encode("iso8859-7"), "ISO_IR 126", "Διονυσιος"),
    "Hebrew": ("שרון^דבורה".encode("iso8859-8"), "ISO_IR 138", "שרון, דבורה"),
    "Turkish": ("Çavuşoğlu^Işıl".encode("iso8859-9"), "ISO_IR 148", "Çavuşoğlu, Işıl"),
    "Thai": ("นามสกุล^ชื่อ".encode("tis-620"), "ISO_IR 166", "นามสกุล, ชื่อ"),
    "Japanese, ISO 2022": (
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ["", "ISO 2022 IR 87"],
        "Yamada, Tarou (山田, 太郎)",
    ),
    "Korean, ISO 2022": (
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        ["", "ISO 2022 IR 149"],
        "Hong, Gildong (洪, 吉洞)",
    ),
    "Chinese, GB18030": (b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "GB18030", "Wang, XiaoDong (王, 小东)"),
    "Chinese, UTF-8": ("Wang^XiaoDong=王^小東=".encode(), "ISO_IR 192", "Wang, XiaoDong (王, 小東)"),
    "ideographic only": ("=王^小東".encode(), "ISO_IR 192", "王, 小東"),
    "middle name and suffix": (b"Adams^John Robert^Quincy^Rev.^Jr", "", "Adams, John Robert Quincy Jr"),
    "a backslash as second byte": ("=昞^昞".encode("gb18030"), "GB18030", "昞, 昞"),
}


@pytest.mark.parametrize(("stored", "character_set", "expected"), NAMES.values(), ids=NAMES.keys())
def test_a_name_is_read_in_the_character_set_of_the_file(
    stored: bytes, character_set: str | list[str], expected: str
) -> None:
    assert read_header(with_name_bytes(stored, character_set)).patient_name == expected


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("chrH31.dcm", "Yamada, Tarou (山田, 太郎)"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ, ﾀﾛｳ (山田, 太郎)"),
        ("chrI2.dcm", "Hong, Gildong (洪, 吉洞)"),
        ("chrX1.dcm", "Wang, XiaoDong (王, 小東)"),
        ("chrX2.dcm", "Wang, XiaoDong (王, 小东)"),
        ("chrArab.dcm", "قباني, لنزار"),
        ("chrGerm.dcm", "Äneas, Rüdiger"),
        ("chrKoreanMulti.dcm", "김희중"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # some of these files break other rules on purpose
def test_the_sample_files_of_the_standard_are_read(file: str, name: str) -> None:
    (path,) = get_charset_files(file)
    assert read_header(Path(path).read_bytes()).patient_name == name


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_a_name_in_a_character_set_that_does_not_exist_is_read_as_ascii() -> None:
    content = with_name_bytes(b"Meier^Anna", "ISO_IR 100").replace(b"ISO_IR 100", b"ISO_IR 999")
    assert read_header(content).patient_name == "Meier, Anna"


def test_the_header_holds_patient_request_study_and_device() -> None:
    header = header_with(
        PatientID="H7300431",
        PatientBirthDate="19580417",
        PatientSex="F",
        AccessionNumber="A-20-117",
        StudyInstanceUID="1.2.826.0.1.1",
        SeriesInstanceUID="1.2.826.0.1.2",
        StudyDate="20200131",
        StudyTime="101530",
        ViewPosition="PA",
        BodyPartExamined="CHEST",
        ImageLaterality="U",
        InstitutionName="North Hospital",
        Manufacturer="Siemens",
        ManufacturerModelName="Ysio",
        ReferringPhysicianName="Berg^Eva",
        ReasonForTheRequestedProcedure="Fever, cough?",
    )
    assert (header.patient_id, header.birth_date, header.sex) == ("H7300431", date(1958, 4, 17), "F")
    assert (header.accession_number, header.study_uid, header.series_uid) == (
        "A-20-117",
        "1.2.826.0.1.1",
        "1.2.826.0.1.2",
    )
    assert header.sop_instance_uid.startswith("1.2.826.0.1.3680043.8.498.")  # the root of pydicom
    assert header.study_at == datetime(2020, 1, 31, 10, 15, 30)  # noqa: DTZ001
    assert (header.view, header.body_part, header.modality, header.laterality) == ("PA", "CHEST", "DX", "U")
    assert (header.institution, header.device) == ("North Hospital", "Siemens Ysio")
    assert (header.referrer, header.clinical_question) == ("Berg, Eva", "Fever, cough?")


def test_the_repr_of_a_header_names_nobody() -> None:
    content = radiograph_dicom(PatientName="Canary^Yellow", PatientID="Canary")
    assert "Canary" not in f"{read_header(content)!r} {decode_radiograph_in_child(content)!r}"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"PatientAge": "061Y", "PatientBirthDate": "19000101", "StudyDate": "20200131"}, 61),
        ({"PatientAge": "030M"}, 2),
        ({"PatientBirthDate": "20150201", "StudyDate": "20200131"}, 4),  # the day before the fifth birthday
        ({"PatientBirthDate": "20150131", "StudyDate": "20200131"}, 5),
        ({"PatientBirthDate": "20210101", "StudyDate": "20200131"}, None),
        ({"PatientBirthDate": "20150201"}, None),
    ],
)
def test_the_age_comes_from_the_birth_date_where_the_file_states_none(
    tags: dict[str, Any], expected: int | None
) -> None:
    assert header_with(**tags).age == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (
            {"StudyDate": "20200131", "StudyTime": "2359", "TimezoneOffsetFromUTC": "+0100"},
            datetime(2020, 1, 31, 23, 59, tzinfo=timezone(timedelta(hours=1))),
        ),
        ({"StudyDate": "20200131"}, datetime(2020, 1, 31)),  # noqa: DTZ001
        ({"StudyDate": "20200131", "StudyTime": "soon"}, datetime(2020, 1, 31)),  # noqa: DTZ001
        ({"StudyDate": "20200231", "StudyTime": "1015"}, None),
        ({"StudyDate": "00010101", "TimezoneOffsetFromUTC": "+1400"}, None),
        ({"StudyDate": "99991231", "TimezoneOffsetFromUTC": "-1200"}, None),
        ({"StudyTime": "1015"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_study_without_an_offset_has_the_local_time_of_the_hospital(
    tags: dict[str, Any], expected: datetime | None
) -> None:
    assert header_with(**tags).study_at == expected


def test_the_request_of_a_study_gives_accession_number_and_question() -> None:
    request = item(AccessionNumber="R-7", ReasonForTheRequestedProcedure="Effusion?")
    header = header_with(RequestAttributesSequence=[request], StudyDescription="Thorax")
    assert (header.accession_number, header.clinical_question) == ("R-7", "Effusion?")
    assert header_with(StudyDescription="Thorax").clinical_question == "Thorax"


def test_two_requests_give_no_accession_number() -> None:
    requests = [item(AccessionNumber="R-7"), item(AccessionNumber="R-8")]
    assert header_with(RequestAttributesSequence=requests).accession_number == ""


@pytest.mark.parametrize(
    ("code", "view"), [("399348003", "AP"), ("R-10214", "PA"), ("R-10236", "LATERAL"), ("1", "")]
)
def test_the_view_comes_from_its_code_where_no_position_is_stated(code: str, view: str) -> None:
    assert header_with(ViewPosition="", ViewCodeSequence=[item(CodeValue=code)]).view == view
    assert header_with(ViewPosition="AP", ViewCodeSequence=[item(CodeValue="399173006")]).view == "AP"


@pytest.mark.filterwarnings("ignore:The value length")
def test_an_identifier_that_is_too_long_is_left_out_and_a_text_is_cut() -> None:
    header = header_with(PatientID="7" * 65, StudyDescription="x" * 600, BodyPartExamined="B" * 70)
    assert (header.patient_id, len(header.clinical_question), len(header.body_part)) == ("", 500, 64)
    assert header_with(PatientID="7" * 64).patient_id == "7" * 64


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_control_and_invisible_characters_are_removed() -> None:
    name = "Ev\u202eil\x07^An\u200bna\r\n"
    header = read_header(with_name_bytes(name.encode(), "ISO_IR 192"))
    assert header.patient_name == "Evil, Anna"
    assert header_with(PatientID=" H 7\x00").patient_id == "H 7"


def test_values_of_the_wrong_kind_leave_the_radiograph_readable() -> None:
    dataset = read_dataset(radiograph_dicom())
    dataset.add_new("PatientID", "SQ", [item(CodeValue="1")])
    dataset.add_new("PatientName", "UN", b"\xff\xfe\x00")
    dataset.add_new("StudyDate", "OB", b"\x00" * 8)
    dataset.add_new("RequestAttributesSequence", "LO", "no sequence")
    header = decode_radiograph_in_child(written(dataset)).header
    assert header is not None
    assert (header.birth_date, header.study_at, header.accession_number) == (None, None, "")


def test_the_child_process_returns_the_same_header() -> None:
    content = with_name_bytes("Wang^XiaoDong=王^小東=".encode(), "ISO_IR 192")
    assert read_header_in_child(content) == read_header(content)
    assert decode_radiograph_in_child(content).header == read_header(content)
    assert read_header_in_child(radiograph_png()) is None


def test_the_header_is_read_while_the_pixels_are_missing() -> None:
    content = radiograph_dicom(PatientID="H7", PatientBirthDate="20150101", StudyDate="20200101")
    header = read_header_in_child(content[:4096])
    assert header is not None
    assert (header.patient_id, header.birth_date) == ("H7", date(2015, 1, 1))


@pytest.mark.parametrize("end", [133, 150, 200])
def test_a_header_that_ends_within_the_file_meta_is_damaged(end: int) -> None:
    with pytest.raises(UnreadableImage) as raised:
        read_header(radiograph_dicom(PatientID="H7")[:end])
    assert raised.value.code == "damaged"


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_the_header_of_a_deflated_file_is_read_also_while_the_file_arrives(share: float) -> None:
    dataset = read_dataset(radiograph_dicom(PatientID="H7"))
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    content = written(dataset)
    assert read_header(content[: int(len(content) * share)]).patient_id == "H7"


def test_the_decoded_radiograph_has_its_time_in_utc() -> None:
    content = radiograph_dicom(StudyDate="20200131", StudyTime="1015")
    assert decode_radiograph_in_child(content).study_at == datetime(2020, 1, 31, 10, 15, tzinfo=UTC)
