"""A ZIP may come from anyone: it is checked as a whole, and one that is refused leaves nothing behind."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ml import importers
from ml.importers import Options, UnreadableCollection, archive
from tests.radiographs import radiograph_png

RADIOGRAPH = radiograph_png(size=(64, 64))
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Write a ZIP of the given members, and give its path."""

    def zipped(members: dict[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "ward.zip"
        with zipfile.ZipFile(path, "w", packing) as out:
            for member, content in members.items():
                out.writestr(member, content)
        return path

    return zipped


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    return folder


def refusal(path: Path, room: Path) -> str:
    with pytest.raises(UnreadableCollection) as refused:
        importers.read(path, Options(unpack_into=room))
    assert list(room.iterdir()) == []
    return refused.value.code


def test_a_zip_of_a_tree_is_read_like_the_tree(pack: Pack, room: Path) -> None:
    path = pack(
        {
            "top/covid/a.png": RADIOGRAPH,
            "top/normal/b.png": RADIOGRAPH,
            "__MACOSX/top/covid/._a.png": b"clutter",
        }
    )

    found = importers.read(path, Options(unpack_into=room))

    assert importers.recognise(path).name == "zip"
    assert {radiograph.path.name: radiograph.label for radiograph in found.radiographs} == {
        "a.png": "covid-19",
        "b.png": "normal",
    }
    assert all(
        radiograph.patient.startswith("ward-") and radiograph.source == "ward"
        for radiograph in found.radiographs
    )
    assert all(radiograph.path.read_bytes() == RADIOGRAPH for radiograph in found.radiographs)
    assert all(radiograph.path.is_relative_to(room) for radiograph in found.radiographs)
    assert not found.left_out


def test_the_same_zip_gives_the_same_patients_again(pack: Pack, room: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH, "normal/b.png": RADIOGRAPH})

    first, second = (importers.read(path, Options(unpack_into=room)) for _ in range(2))

    assert [radiograph.patient for radiograph in first.radiographs] == [
        radiograph.patient for radiograph in second.radiographs
    ]


def test_a_zip_of_a_table_is_read_like_the_table(pack: Pack, room: Path) -> None:
    path = pack(
        {
            "radiographs/a.png": RADIOGRAPH,
            "list.csv": b"path,label,patient\nradiographs/a.png,normal,1\n../x.png,normal,2\n",
        }
    )

    found = importers.read(path, Options(unpack_into=room))

    assert [radiograph.label for radiograph in found.radiographs] == ["normal"]
    assert found.counts() == {"outside": 1}


def test_a_zip_needs_a_place(pack: Pack) -> None:
    with pytest.raises(UnreadableCollection) as refused:
        importers.read(pack({"covid/a.png": RADIOGRAPH}))

    assert refused.value.code == "nowhere_to_unpack"


def test_a_zip_without_radiographs_leaves_nothing_behind(pack: Pack, room: Path) -> None:
    assert refusal(pack({"covid/readme.txt": b"words"}), room) == "not_a_collection"


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
def test_a_path_that_leads_out_or_is_not_plain_is_refused(pack: Pack, room: Path, name: str) -> None:
    path = pack({"covid/good.png": RADIOGRAPH, name: RADIOGRAPH})

    assert refusal(path, room) == "zip_path"
    assert not list(room.parent.glob("**/*evil*"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(pack: Pack, room: Path, kind: int) -> None:
    link = zipfile.ZipInfo("covid/link.png")
    link.create_system = 3
    link.external_attr = (kind | 0o777) << 16

    assert refusal(pack({"covid/a.png": RADIOGRAPH, link: b"/etc/passwd"}), room) == "zip_link"


def test_a_member_that_swells_a_hundredfold_is_refused(pack: Pack, room: Path) -> None:
    honest = random.Random(1).randbytes(50_000)  # enough that the ZIP as a whole stays within the ratio
    path = pack({"covid/a.png": honest, "covid/b.png": b"\0" * 1_000_000})

    assert path.stat().st_size * archive.HIGHEST_RATIO > 1_050_000
    assert refusal(path, room) == "zip_bomb"


def test_members_that_share_their_packed_bytes_are_refused(pack: Pack, room: Path) -> None:
    # Each member alone is within the ratio; the list names the same bytes 999 times.
    content = random.Random(1).randbytes(20_000)
    path = pack({"covid/a.png": content}, packing=zipfile.ZIP_STORED)
    original = path.read_bytes()
    start = original.rfind(b"PK\1\2")
    entry, end = original[start : original.rfind(b"PK\5\6")], original[original.rfind(b"PK\5\6") :]
    entries = b"".join(entry.replace(b"covid/a.png", f"covid/{n:03}.x".encode()) for n in range(999))
    fields = list(struct.unpack("<4s4H2LH", end))
    fields[3:6] = [999, 999, len(entries)]
    path.write_bytes(original[:start] + entries + struct.pack("<4s4H2LH", *fields))

    assert refusal(path, room) == "zip_bomb"


def test_too_many_members_are_refused(pack: Pack, room: Path) -> None:
    path = pack({f"covid/{n}.png": b"" for n in range(archive.MOST_MEMBERS + 1)})

    assert refusal(path, room) == "zip_too_many"


def test_a_list_of_members_too_long_to_hold_is_refused_unread(pack: Pack, room: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.rfind(b"PK\5\6") + 12, archive.LARGEST_DIRECTORY + 1)
    path.write_bytes(content)

    assert refusal(path, room) == "zip_too_many"


def test_the_large_form_of_zip_is_refused_unread(pack: Pack, room: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = path.read_bytes()
    end = content.rfind(b"PK\5\6")
    path.write_bytes(content[:end] + b"PK\6\7" + b"\0" * 16 + content[end:])

    assert refusal(path, room) == "zip_too_many"


def test_more_than_two_gigabytes_are_refused_by_their_promise(pack: Pack, room: Path) -> None:
    path = pack({f"covid/{n}.png": RADIOGRAPH for n in range(2)})
    content = bytearray(path.read_bytes())
    place = -1
    while (place := content.find(b"PK\1\2", place + 1)) >= 0:
        struct.pack_into("<2L", content, place + 20, 20_000_000, 1_100_000_000)
    path.write_bytes(content)

    assert refusal(path, room) == "zip_too_large"


def test_a_member_never_gives_more_than_it_promised(pack: Pack, room: Path) -> None:
    path = pack({"covid/a.png": b"\0" * 10_000_000})
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.find(b"PK\1\2") + 24, 1000)
    path.write_bytes(content)

    assert refusal(path, room) == "zip_damaged"


def test_an_encrypted_zip_is_refused(pack: Pack, room: Path) -> None:
    path = pack({"covid/a.png": RADIOGRAPH})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)

    assert refusal(path, room) == "zip_encrypted"


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_may_need_much_memory_are_refused(pack: Pack, room: Path, packing: int) -> None:
    assert refusal(pack({"covid/a.png": RADIOGRAPH}, packing=packing), room) == "zip_packing"


def test_a_name_that_is_a_file_and_a_folder_is_refused(pack: Pack, room: Path) -> None:
    assert refusal(pack({"covid/a.png": RADIOGRAPH, "covid/a.png/b.png": RADIOGRAPH}), room) == "zip_clash"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(pack: Pack, room: Path) -> None:
    first, second = zipfile.ZipInfo("covid/a.png"), zipfile.ZipInfo("covid/a.png")

    assert refusal(pack({first: RADIOGRAPH, second: RADIOGRAPH[::-1]}), room) == "zip_clash"


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all", b"PK\5\6" + b"\0" * 10])
def test_what_only_calls_itself_a_zip_is_refused(tmp_path: Path, room: Path, content: bytes) -> None:
    path = tmp_path / "ward.zip"
    path.write_bytes(content)

    assert refusal(path, room) == "zip_damaged"


def test_no_damage_brings_more_than_a_refusal(pack: Pack, room: Path) -> None:
    whole = pack(
        {"covid/a.png": RADIOGRAPH, "normal/b.png": RADIOGRAPH, "normal/note.csv": b"path,label\n"}
    ).read_bytes()
    dice = random.Random(20260101)
    path = room.parent / "hurt.zip"
    for _ in range(300):
        hurt = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            hurt[dice.randrange(len(hurt))] = dice.randrange(256)
        path.write_bytes(hurt[: dice.choice([len(hurt), dice.randrange(len(hurt))])])
        try:
            found = importers.read(path, Options(unpack_into=room))
        except UnreadableCollection:
            continue
        assert all(radiograph.path.resolve().is_relative_to(room) for radiograph in found.radiographs)
