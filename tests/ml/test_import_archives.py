"""A ZIP is untrusted: it is checked as a whole, and a refused one leaves no files."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ml import importers
from ml.importers import ReadOptions, UnreadableCollection, archive
from tests.radiographs import radiograph_png

RADIOGRAPH = radiograph_png(size=(64, 64))
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Return a function that writes a ZIP of the given members and returns its path."""

    def write(members: dict[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "ward.zip"
        with zipfile.ZipFile(path, "w", compression) as out:
            for member, content in members.items():
                out.writestr(member, content)
        return path

    return write


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def error_code(path: Path, target: Path) -> str:
    """Return the error code of reading the file, which must leave no file."""
    with pytest.raises(UnreadableCollection) as error:
        importers.read(path, ReadOptions(unpack_into=target))
    assert list(target.iterdir()) == []
    return error.value.code


def test_a_zip_of_class_folders_is_imported_like_the_folders(pack: Pack, target: Path) -> None:
    path = pack(
        {
            "top/covid/a.png": RADIOGRAPH,
            "top/normal/b.png": RADIOGRAPH,
            "__MACOSX/top/covid/._a.png": b"clutter",
        }
    )

    collection = importers.read(path, ReadOptions(unpack_into=target))

    assert importers.recognise(path).name == "zip"
    assert {radiograph.path.name: radiograph.label for radiograph in collection.radiographs} == {
        "a.png": "covid-19",
        "b.png": "normal",
    }
    assert all(
        radiograph.patient.startswith("ward-") and radiograph.source == "ward"
        for radiograph in collection.radiographs
    )
    assert all(radiograph.path.read_bytes() == RADIOGRAPH for radiograph in collection.radiographs)
    assert all(radiograph.path.is_relative_to(target) for radiograph in collection.radiographs)
    assert not collection.excluded


def test_the_same_zip_has_the_same_patients_each_time(pack: Pack, target: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH, "normal/b.png": RADIOGRAPH})

    first, second = (importers.read(path, ReadOptions(unpack_into=target)) for _ in range(2))

    assert [radiograph.patient for radiograph in first.radiographs] == [
        radiograph.patient for radiograph in second.radiographs
    ]


def test_a_zip_of_a_table_is_imported_like_the_table(pack: Pack, target: Path) -> None:
    path = pack(
        {
            "radiographs/a.png": RADIOGRAPH,
            "list.csv": b"path,label,patient\nradiographs/a.png,normal,1\n../x.png,normal,2\n",
        }
    )

    collection = importers.read(path, ReadOptions(unpack_into=target))

    assert [radiograph.label for radiograph in collection.radiographs] == ["normal"]
    assert collection.excluded_counts() == {"outside": 1}


def test_a_zip_needs_a_folder_to_unpack_into(pack: Pack) -> None:
    with pytest.raises(UnreadableCollection) as error:
        importers.read(pack({"covid/a.png": RADIOGRAPH}))

    assert error.value.code == "nowhere_to_unpack"


def test_a_zip_without_radiographs_leaves_no_files(pack: Pack, target: Path) -> None:
    assert error_code(pack({"covid/readme.txt": b"text"}), target) == "not_a_collection"


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "covid/../../evil.png",
        "/etc/evil.png",
        "//host/evil.png",
        "C:/evil.png",
        "C:evil.png",
        "covid\\..\\..\\evil.png",
        "covid/a\nb.png",
        "covid/" + "x" * 256 + ".png",
        "x/" * 40 + "a.png",
        "..",
    ],
)
def test_a_member_path_outside_the_archive_or_invalid_is_refused(pack: Pack, target: Path, name: str) -> None:
    path = pack({"covid/good.png": RADIOGRAPH, name: RADIOGRAPH})

    assert error_code(path, target) == "zip_path"
    assert not list(target.parent.glob("**/*evil*"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(pack: Pack, target: Path, kind: int) -> None:
    link = zipfile.ZipInfo("covid/link.png")
    link.create_system = 3
    link.external_attr = (kind | 0o777) << 16

    assert error_code(pack({"covid/a.png": RADIOGRAPH, link: b"/etc/passwd"}), target) == "zip_link"


def test_a_member_above_the_compression_ratio_is_refused(pack: Pack, target: Path) -> None:
    incompressible = random.Random(1).randbytes(
        50_000
    )  # enough that the ZIP as a whole stays within the ratio
    path = pack({"covid/a.png": incompressible, "covid/b.png": b"\0" * 1_000_000})

    assert path.stat().st_size * archive.MAX_RATIO > 1_050_000
    assert error_code(path, target) == "zip_bomb"


def test_members_that_share_their_compressed_bytes_are_refused(pack: Pack, target: Path) -> None:
    # Each member alone is within the ratio; the central directory lists the same bytes 999 times.
    content = random.Random(1).randbytes(20_000)
    path = pack({"covid/a.png": content}, compression=zipfile.ZIP_STORED)
    original = path.read_bytes()
    start = original.rfind(b"PK\1\2")
    entry, end = original[start : original.rfind(b"PK\5\6")], original[original.rfind(b"PK\5\6") :]
    entries = b"".join(entry.replace(b"covid/a.png", f"covid/{n:03}.x".encode()) for n in range(999))
    fields = list(struct.unpack("<4s4H2LH", end))
    fields[3:6] = [999, 999, len(entries)]
    path.write_bytes(original[:start] + entries + struct.pack("<4s4H2LH", *fields))

    assert error_code(path, target) == "zip_bomb"


def test_too_many_members_are_refused(pack: Pack, target: Path) -> None:
    path = pack({f"covid/{n}.png": b"" for n in range(archive.MAX_MEMBERS + 1)})

    assert error_code(path, target) == "zip_too_many"


def test_a_too_large_central_directory_is_refused_unread(pack: Pack, target: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.rfind(b"PK\5\6") + 12, archive.MAX_DIRECTORY_BYTES + 1)
    path.write_bytes(content)

    assert error_code(path, target) == "zip_too_many"


def test_zip64_is_refused_unread(pack: Pack, target: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = path.read_bytes()
    end = content.rfind(b"PK\5\6")
    path.write_bytes(content[:end] + b"PK\6\7" + b"\0" * 16 + content[end:])

    assert error_code(path, target) == "zip_too_many"


def test_more_than_two_declared_gigabytes_are_refused(pack: Pack, target: Path) -> None:
    path = pack({f"covid/{n}.png": RADIOGRAPH for n in range(2)})
    content = bytearray(path.read_bytes())
    position = -1
    while (position := content.find(b"PK\1\2", position + 1)) >= 0:
        struct.pack_into("<2L", content, position + 20, 20_000_000, 1_100_000_000)
    path.write_bytes(content)

    assert error_code(path, target) == "zip_too_large"


def test_a_member_larger_than_its_declared_size_is_refused(pack: Pack, target: Path) -> None:
    path = pack({"covid/a.png": b"\0" * 10_000_000})
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.find(b"PK\1\2") + 24, 1000)
    path.write_bytes(content)

    assert error_code(path, target) == "zip_damaged"


def test_an_encrypted_zip_is_refused(pack: Pack, target: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)

    assert error_code(path, target) == "zip_encrypted"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_with_high_memory_use_are_refused(pack: Pack, target: Path, compression: int) -> None:
    assert error_code(pack({"covid/a.png": RADIOGRAPH}, compression=compression), target) == "zip_packing"


def test_a_name_that_is_a_file_and_a_folder_is_refused(pack: Pack, target: Path) -> None:
    assert (
        error_code(pack({"covid/a.png": RADIOGRAPH, "covid/a.png/b.png": RADIOGRAPH}), target) == "zip_clash"
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(pack: Pack, target: Path) -> None:
    first, second = zipfile.ZipInfo("covid/a.png"), zipfile.ZipInfo("covid/a.png")

    assert error_code(pack({first: RADIOGRAPH, second: RADIOGRAPH[::-1]}), target) == "zip_clash"


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all", b"PK\5\6" + b"\0" * 10])
def test_a_file_that_is_not_a_zip_is_refused(tmp_path: Path, target: Path, content: bytes) -> None:
    path = tmp_path / "ward.zip"
    path.write_bytes(content)

    assert error_code(path, target) == "zip_damaged"


def test_a_damaged_zip_is_refused_or_stays_inside_its_folder(pack: Pack, target: Path) -> None:
    whole = pack(
        {"covid/a.png": RADIOGRAPH, "normal/b.png": RADIOGRAPH, "normal/note.csv": b"path,label\n"}
    ).read_bytes()
    rng = random.Random(20260101)
    path = target.parent / "damaged.zip"
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        try:
            collection = importers.read(path, ReadOptions(unpack_into=target))
        except UnreadableCollection:
            continue
        assert all(radiograph.path.resolve().is_relative_to(target) for radiograph in collection.radiographs)
