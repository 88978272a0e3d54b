"""Valid images in every encoding, images of the maximum size, and seeded mutations of them."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.data import data_manager

from tests.hostile_files import ACCEPTED, SIGNATURE, SMALL, HostileFile, hostile_file
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png, radiograph_png16


def valid_images() -> Iterator[HostileFile]:
    """Yield images that must be accepted: drawn ones, and pydicom's samples of every encoding."""
    for number in range(4):
        yield hostile_file(f"PNG {number}", radiograph_png(200 + number), ACCEPTED)
        yield hostile_file(f"16-bit PNG {number}", radiograph_png16(210 + number), ACCEPTED)
        yield hostile_file(f"JPEG {number}", radiograph_jpeg(220 + number), ACCEPTED)
        yield hostile_file(
            f"DICOM {number}",
            radiograph_dicom(230 + number, photometric=f"MONOCHROME{1 + number % 2}"),
            ACCEPTED,
        )
    for path in samples():
        yield hostile_file(path.name, as_radiograph(path), ACCEPTED)


def largest_images(count: int) -> Iterator[HostileFile]:
    """Yield valid images of 40 megapixels in 16 bits, the accepted maximum."""
    y, x = np.mgrid[0:5000, 0:8000].astype(np.uint16)
    for number in range(count):
        out = io.BytesIO()
        Image.fromarray(x * 4 + y * 5 + number).save(out, "PNG", compress_level=1)
        yield hostile_file(f"40 megapixels, {number}", out.getvalue(), ACCEPTED)


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Yield that many mutated images; the same seed gives the same mutations."""
    chance = random.Random(seed)
    seeds = [
        radiograph_png(1, SMALL),
        radiograph_png16(1, SMALL),
        radiograph_jpeg(1, SMALL),
        radiograph_dicom(1, SMALL),
    ]
    seeds += [as_radiograph(path) for path in samples()]
    for number in range(count):
        image = bytearray(seeds[number % len(seeds)])
        is_png = image.startswith(SIGNATURE)
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            damage(image, chance)
        yield with_checksums(bytes(image)) if is_png and chance.random() < 0.8 else bytes(image)


def damage(radiograph: bytearray, chance: random.Random) -> None:
    # Half of the mutations hit the header, which holds the sizes that decoders trust.
    end = len(radiograph) if chance.random() < 0.5 else min(len(radiograph), 1_500)
    at = chance.randrange(end or 1)
    match chance.randrange(6):
        case 0:
            radiograph[at : at + 1] = bytes([chance.randrange(256)])
        case 1:
            radiograph[at : at + 1] = (
                bytes([radiograph[at] ^ (1 << chance.randrange(8))]) if at < len(radiograph) else b""
            )
        case 2:
            radiograph[at : at + 4] = chance.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80")
            )
        case 3:
            del radiograph[at : at + chance.randrange(1, 64)]
        case 4:
            radiograph[at:at] = radiograph[at : at + chance.randrange(1, 256)]
        case _:
            radiograph[at : at + 2] = chance.choice((b"\xff\xff", b"\0\0", b"\x27\x10", b"\x10\x27"))


def with_checksums(radiograph: bytes) -> bytes:
    """Correct the checksums of a mutated PNG, so that decoders read beyond them."""
    out, at = radiograph[:8], 8
    while at + 12 <= len(radiograph):
        length = int.from_bytes(radiograph[at : at + 4], "big")
        body = radiograph[at + 4 : at + 8 + length]
        out += radiograph[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return out


def samples() -> list[Path]:
    """Return the test files of pydicom that can pass for radiographs."""
    folder = Path(data_manager.DATA_ROOT) / "test_files"
    names = (
        *("CT_small", "MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_expb"),
        *("MR_small_jp2klossless", "MR_small_jpeg_ls_lossless", "MR_small_padded", "693_J2KI", "JPEG2000"),
        *("GDCMJ2K_TextGBR", "J2K_pixelrep_mismatch", "SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+n1"),
        *("SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_dcmtk_+eb+cy+s4", "SC_rgb_gdcm_KY", "SC_rgb_jls_lossy_line"),
        *(
            "SC_rgb_jpeg_dcmtk",
            "SC_rgb_jpeg_gdcm",
            "SC_rgb_jpeg_lossy_gdcm",
            "SC_rgb_rle",
            "SC_rgb_rle_16bit",
        ),
        *("SC_ybr_full_422_uncompressed", "examples_overlay", "examples_rgb_color"),
    )
    return [folder / f"{name}.dcm" for name in names]


def as_radiograph(path: Path) -> bytes:
    """Return a DICOM sample with the modality of a digital radiograph."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some samples violate the standard on purpose
        radiograph = pydicom.dcmread(path)
        radiograph.Modality = "DX"
        out = io.BytesIO()
        radiograph.save_as(out)
    return out.getvalue()
