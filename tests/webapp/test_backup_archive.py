"""Archives of a backup: what is written is read again, and every damage is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pyrage
import pytest
from pyrage import passphrase as pyrage_passphrase

from webapp.backup import archive, encryption
from webapp.backup.errors import DamagedBackup, RestoreRefused
from webapp.backup.manifest import MEMBER, Manifest

CONTENT = {"database.sqlite3": b"rows" * 2000, "home/media/a.png": b"pixels" * 5000, "secret_key": b"k"}
PASSPHRASE = "correct horse battery"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return write(tmp_path / "one.backup")


def write(path: Path, passphrase: str = "", content: dict[str, bytes] = CONTENT) -> Path:
    with archive.written(path, passphrase=passphrase) as out:
        for name, data in content.items():
            out.add_bytes(name, data)
        listing = Manifest("2026-03-02T09:30:00+00:00", "sqlite", (), {"cases_case": 3}, dict(out.files))
        out.add_bytes(MEMBER, listing.to_json())
    return path


def test_an_archive_is_an_ordinary_tar_whose_manifest_has_the_sha256_of_each_file(backup: Path) -> None:
    stored = archive.read(backup, passphrase="")

    with tarfile.open(backup) as tar:
        assert tar.getnames() == [*CONTENT, MEMBER]
    expected = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    assert {name: file.sha256 for name, file in stored.files.items()} == expected
    assert stored.rows == {"cases_case": 3}


def test_files_are_unpacked_for_their_owner_only(backup: Path, tmp_path: Path) -> None:
    archive.read(backup, passphrase="", into=tmp_path / "out")

    unpacked = {name: tmp_path / "out" / name for name in CONTENT}
    assert {name: path.read_bytes() for name, path in unpacked.items()} == CONTENT
    assert {path.stat().st_mode & 0o777 for path in [backup, *unpacked.values()]} == {0o600}


@pytest.mark.parametrize("name", CONTENT)
def test_a_flipped_bit_is_refused_with_the_name_of_the_file(backup: Path, name: str) -> None:
    damaged = bytearray(backup.read_bytes())
    damaged[offset_of(backup, name)] ^= 1
    backup.write_bytes(damaged)

    with pytest.raises(DamagedBackup, match=name):
        archive.read(backup, passphrase="")


def test_a_flipped_bit_anywhere_in_the_archive_changes_no_content_unnoticed(tmp_path: Path) -> None:
    backup = write(tmp_path / "small.backup", content={"database.sqlite3": b"rows", "secret_key": b"k"})
    sound = backup.read_bytes()
    end = sound.rstrip(b"\0")  # behind it are the two empty blocks that end a tar

    for position in range(0, len(end), 7):
        damaged = bytearray(sound)
        damaged[position] ^= 4
        backup.write_bytes(damaged)
        out = tmp_path / str(position)
        try:
            archive.read(backup, passphrase="", into=out)
        except DamagedBackup:
            continue
        assert (out / "database.sqlite3").read_bytes() == b"rows"  # the bit was part of no content
        assert (out / "secret_key").read_bytes() == b"k"


@pytest.mark.parametrize("kept", [0.1, 0.5, 1.0])
def test_a_torn_archive_is_refused(backup: Path, kept: float) -> None:
    last_byte = len(backup.read_bytes().rstrip(b"\0")) - 1  # of the manifest; zeros end a tar
    backup.write_bytes(backup.read_bytes()[: int(last_byte * kept)])

    with pytest.raises(DamagedBackup):
        archive.read(backup, passphrase="")


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "home/unlisted"])
def test_a_file_that_the_manifest_does_not_list_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "added.backup"
    with tarfile.open(path, "w") as tar:
        for member, data in {name: b"x", MEMBER: Manifest("", "sqlite", (), {}, {}).to_json()}.items():
            described = tarfile.TarInfo(member)
            described.size = len(data)
            tar.addfile(described, io.BytesIO(data))

    with pytest.raises(DamagedBackup, match=name):
        archive.read(path, passphrase="", into=tmp_path / "out")

    assert not (tmp_path / "outside").exists()


def test_an_existing_file_is_not_overwritten(backup: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(FileExistsError):
        write(backup)

    assert backup.read_bytes() == before
    assert list(backup.parent.iterdir()) == [backup]


@pytest.mark.slow  # scrypt takes a second on purpose
def test_an_encrypted_archive_is_opened_by_its_passphrase_only(tmp_path: Path) -> None:
    backup = write(tmp_path / "two.backup", PASSPHRASE)

    assert archive.is_encrypted(backup)
    assert b"pixels" not in backup.read_bytes()
    assert archive.read(backup, passphrase=PASSPHRASE).rows == {"cases_case": 3}
    with pytest.raises(RestoreRefused, match="passphrase"):
        archive.read(backup, passphrase="another")
    with pytest.raises(RestoreRefused, match="passphrase"):
        archive.read(backup, passphrase="")


@pytest.mark.slow  # scrypt takes a second on purpose
def test_an_encrypted_archive_is_refused_when_altered_or_torn(tmp_path: Path) -> None:
    backup = write(tmp_path / "two.backup", PASSPHRASE)
    sound = backup.read_bytes()
    altered = bytearray(sound)
    altered[-40] ^= 1  # behind the last file, in the last encrypted block

    for damaged in (bytes(altered), sound[: len(sound) // 2]):
        backup.write_bytes(damaged)
        with pytest.raises(DamagedBackup):
            archive.read(backup, passphrase=PASSPHRASE)


@pytest.mark.slow  # scrypt takes a second on purpose
def test_an_altered_byte_behind_the_last_file_is_refused_too(tmp_path: Path) -> None:
    content = {"database.sqlite3": b"x" * 60_000}
    size = len(write(tmp_path / "plain.backup", content=content).read_bytes())
    assert 65_536 < size < 65_536 + 10_240  # the second encrypted block holds only the zeros that end a tar
    backup = write(tmp_path / "encrypted.backup", PASSPHRASE, content)
    altered = bytearray(backup.read_bytes())
    altered[-40] ^= 1
    backup.write_bytes(altered)

    with pytest.raises(DamagedBackup):
        archive.read(backup, passphrase=PASSPHRASE)


@pytest.mark.slow  # scrypt takes a second on purpose
def test_an_encrypted_archive_consists_of_two_age_files(tmp_path: Path) -> None:
    content = write(tmp_path / "two.backup", PASSPHRASE).read_bytes()

    behind = content.removeprefix(encryption.MAGIC)
    length = int.from_bytes(behind[:4], "big")
    key, rest = behind[4 : 4 + length], behind[4 + length :]
    identity = pyrage.x25519.Identity.from_str(pyrage_passphrase.decrypt(key, PASSPHRASE).decode())
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(rest, [identity]))) as tar:
        assert tar.getnames() == [*CONTENT, MEMBER]


def offset_of(path: Path, name: str) -> int:
    with tarfile.open(path) as tar:
        return tar.getmember(name).offset_data
