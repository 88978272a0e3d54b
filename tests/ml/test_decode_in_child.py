"""Decoding in a child process: equal results, and an error code for each way in which a decoder can fail."""

from __future__ import annotations

import gzip
import io
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate

from ml.errors import UnreadableImage
from ml.images import decoding_server_process
from ml.images.decode_in_child import Limits, decode_radiograph_in_child, pack_full_depth_in_child
from ml.images.decoding import decode_radiograph
from ml.records import DecodedRadiograph
from tests.ml.encodings import dcmtk, dicom, saved, written
from tests.radiographs import (
    radiograph_dicom,
    radiograph_grey,
    radiograph_jpeg,
    radiograph_png,
    radiograph_png16,
)

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]


def large_radiograph() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (6600, 6000), np.uint8)
    return saved(Image.fromarray(noise), "PNG", compress_level=0)


def refusal_code(content: bytes, **limits: Any) -> str:
    with pytest.raises(UnreadableImage) as raised:
        decode_radiograph_in_child(content, limits=Limits(**limits))
    return raised.value.code


def equal(first: DecodedRadiograph, second: DecodedRadiograph) -> bool:
    no_pixels = np.zeros((1, 1), np.float32)
    return replace(first, grey=no_pixels) == replace(second, grey=no_pixels) and np.array_equal(
        first.grey, second.grey
    )


@pytest.mark.parametrize(
    "content",
    [
        radiograph_png(),
        radiograph_png16(),
        radiograph_jpeg(),
        radiograph_dicom(StudyDate="20200131", PatientSex="M"),
    ],
    ids=["png", "png16", "jpeg", "dicom"],
)
def test_the_child_process_decodes_to_the_same_values(content: bytes) -> None:
    assert equal(decode_radiograph_in_child(content), decode_radiograph(content))


def test_refusals_of_the_child_process_have_their_codes() -> None:
    assert refusal_code(b"") == "empty_file"
    assert refusal_code(b"%PDF") == "unknown_format"
    assert refusal_code(radiograph_png()[:300]) == "damaged"
    assert refusal_code(radiograph_dicom(modality="CT")) == "not_an_xray_modality"


def test_a_radiograph_at_the_size_limit_is_decoded() -> None:
    assert decode_radiograph_in_child(large_radiograph()).grey.shape == (6600, 6000)


def test_the_largest_dicom_radiograph_is_decoded_within_the_memory_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 4095, (5700, 5700), np.uint16)
    content = dicom(
        noise,
        bits=12,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=2000,
        WindowWidth=4000,
    )
    assert decode_radiograph_in_child(content).grey.shape == (5700, 5700)


def test_a_large_colour_photograph_is_decoded_within_the_memory_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8)
    photograph = Image.fromarray(noise).resize((6000, 6600), Image.Resampling.NEAREST)
    assert decode_radiograph_in_child(saved(photograph, "JPEG", quality=80)).grey.shape == (6600, 6000)


def test_decoding_beyond_the_time_limit_is_refused_with_code_decoder_timeout() -> None:
    assert refusal_code(large_radiograph(), wall_seconds=0.05) == "decoder_timeout"


def test_decoding_beyond_the_processor_time_is_refused_with_code_decoder_timeout() -> None:
    # pydicom decodes RLE in Python, one turn of its loop for each run: 30 million runs of one pixel
    # take five seconds of processor time here (PS3.5 annex G: 64 bytes of header, then the runs).
    radiograph = dcmread(io.BytesIO(dicom(np.zeros((5500, 5500), np.uint8))))
    runs = np.zeros((5500 * 5500, 2), np.uint8)
    runs[:, 1] = np.random.default_rng(0).integers(0, 255, len(runs))
    header = struct.pack("<16L", 1, 64, *[0] * 14)
    radiograph.PixelData = encapsulate([header + runs.tobytes()])
    radiograph["PixelData"].VR = "OB"
    radiograph.file_meta.TransferSyntaxUID = uid.RLELossless
    assert refusal_code(written(radiograph), cpu_seconds=1) == "decoder_timeout"


def test_a_child_that_waits_for_a_processor_is_not_refused() -> None:
    content = radiograph_png()
    decode_radiograph_in_child(content)
    server = decoding_server_process.server.pid
    assert server is not None
    os.kill(server, signal.SIGSTOP)
    threading.Timer(2.5, os.kill, (server, signal.SIGCONT)).start()
    assert decode_radiograph_in_child(content, limits=Limits(cpu_seconds=1)).height == 256


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_passes_through_the_child(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray((radiograph_grey(3, (96, 64)) * 255).astype(np.uint8))
    content = saved(stored, kind, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))

    decoded = decode_radiograph_in_child(content)
    packed = gzip.decompress(pack_full_depth_in_child(content))

    np.testing.assert_array_equal(np.rint(decoded.grey * 255), expected)
    assert struct.unpack_from("<II", packed, 8) == expected.shape


def test_a_child_that_is_killed_once_does_not_blame_the_file() -> None:
    decode_radiograph_in_child(radiograph_png())
    killer = threading.Thread(target=_kill_first_child)
    noise = np.random.default_rng(0).integers(0, 255, (2000, 2000), np.uint8)
    content = saved(Image.fromarray(noise), "PNG")
    killer.start()
    assert decode_radiograph_in_child(content).grey.shape == (2000, 2000)
    killer.join()


def _kill_first_child() -> None:
    server = decoding_server_process.server.pid
    children = Path(f"/proc/{server}/task/{server}/children")
    while not (pids := children.read_text().split()):
        time.sleep(0.001)
    os.kill(int(pids[0]), signal.SIGKILL)


def test_decoding_beyond_the_memory_limit_is_refused_with_code_decoder_memory() -> None:
    assert refusal_code(large_radiograph(), memory_bytes=500_000_000) == "decoder_memory"


def test_every_mutation_of_a_lossless_dicom_file_is_decoded_or_refused(tmp_path: Path) -> None:
    # GDCM aborts or crashes on some of these; each must give a radiograph or an error code.
    intact = dcmtk("dcmcjpeg", "+e1", radiograph=radiograph_dicom(size=(96, 96)), folder=tmp_path)
    random = np.random.default_rng(7)
    results = set()
    for _ in range(60):
        broken = bytearray(intact)
        for index in random.integers(200, len(intact), 3):
            broken[index] = random.integers(256)
        try:
            decode_radiograph_in_child(bytes(broken))
        except UnreadableImage as error:
            results.add(error.code)
        else:
            results.add("radiograph")
    assert "radiograph" in results


def test_a_killed_decoding_server_is_restarted() -> None:
    decode_radiograph_in_child(radiograph_png())
    child = decoding_server_process.server._child
    assert child is not None
    child.kill()
    child.wait()
    assert decode_radiograph_in_child(radiograph_png()).height == 256


def test_concurrent_threads_get_their_own_radiographs() -> None:
    radiographs = [radiograph_png(seed) for seed in range(8)]
    digests: dict[int, str] = {}

    def read(seed: int) -> None:
        digests[seed] = decode_radiograph_in_child(radiographs[seed]).pixel_sha256

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == {seed: decode_radiograph(radiographs[seed]).pixel_sha256 for seed in range(8)}


def test_decoding_leaves_no_file_descriptor_open() -> None:
    decode_radiograph_in_child(radiograph_png())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for content in (radiograph_png(), radiograph_png()[:300], radiograph_dicom()):
        try:
            decode_radiograph_in_child(content)
        except UnreadableImage:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_environment_of_the_decoding_server_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary")
    decoding_server_process.server.stop()
    decode_radiograph_in_child(radiograph_png())
    child = decoding_server_process.server._child
    assert child is not None
    assert b"canary" not in Path(f"/proc/{child.pid}/environ").read_bytes()


def test_a_daemonic_process_can_decode() -> None:
    """The prefork children of Celery are daemonic and cannot start children with multiprocessing."""
    script = """
        import multiprocessing, sys
        from ml.images.decode_in_child import Limits, decode_radiograph_in_child
        from tests.radiographs import radiograph_png

        def work():
            assert multiprocessing.current_process().daemon
            sys.exit(0 if decode_radiograph_in_child(radiograph_png()).height == 256 else 1)

        decode_radiograph_in_child(radiograph_png())
        child = multiprocessing.get_context("fork").Process(target=work, daemon=True)
        child.start()
        child.join(20)
        sys.exit(child.exitcode)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_the_decoding_server_ends_with_its_owner() -> None:
    script = (
        "import os; "
        "from ml.images import decode_in_child as d, decoding_server_process as p; "
        "from tests.radiographs import radiograph_png; "
        "d.decode_radiograph_in_child(radiograph_png()); print(p.server.pid, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    server = int(done.stdout)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(server):
        time.sleep(0.05)
    assert not _runs(server)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return " Z " not in Path(f"/proc/{process}/stat").read_text()
